package layout

import (
	"sluice/logentry"
)

var workspacePath = logentry.PathLabels.Key("databricks.com/workspace_id")

// Databricks is the layout of Databricks' audit-log delivery: `workspaceId=<id>/date=<yyyy-mm-dd>/auditlogs_S…`. The id is the
// label databricks.com/workspace_id, else the id of a project that is the parent in logName, else 0: the account's own entries.
// https://docs.databricks.com/aws/en/admin/account-settings/audit-log-delivery
func Databricks() *Layout {
	return &Layout{
		fields: []logentry.Path{workspacePath, logentry.PathLogName, logentry.PathTimestamp},
		key:    databricksKey,
		prefix: func(key string) string { return key + "_" },
	}
}

func databricksKey(dst []byte, e *logentry.Entry) []byte {
	dst = append(dst, "workspaceId="...)
	dst = appendComponent(dst, workspace(e), maxComponent-len("workspaceId="))
	t := moment(e)
	dst = append(dst, "/date="...)
	dst = appendDigits(dst, t.Year(), 4)
	dst = append(dst, '-')
	dst = appendDigits(dst, int(t.Month()), 2)
	dst = append(dst, '-')
	dst = appendDigits(dst, t.Day(), 2)
	return append(dst, "/auditlogs"...)
}

func workspace(e *logentry.Entry) string {
	var buf [128]byte
	if id := text(buf[:0], e.Get(workspacePath)); len(id) > 0 {
		return string(id)
	}
	name, ok := logentry.ParseLogName(string(text(buf[:0], e.Get(logentry.PathLogName))))
	if ok && name.ParentKind == logentry.Projects {
		return name.ParentID
	}
	return "0"
}
