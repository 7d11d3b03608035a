package logentry

import (
	"net/url"
	"strings"
)

// ParentKind is the kind of resource that a log belongs to, as it is spelled in log names.
type ParentKind string

// The kinds.
const (
	Projects        ParentKind = "projects"
	Folders         ParentKind = "folders"
	Organizations   ParentKind = "organizations"
	BillingAccounts ParentKind = "billingAccounts"
)

// LogName is a log's name taken apart: <ParentKind>/<ParentID>/logs/<LogID>.
type LogName struct {
	ParentKind ParentKind
	ParentID   string
	LogID      string // URL-decoded: cloudaudit.googleapis.com/activity
}

// AuditKind is the kind of a Cloud Audit Logs log: the last part of its log id.
type AuditKind string

// The kinds. NotAudit is the kind of every other log.
const (
	NotAudit    AuditKind = ""
	Activity    AuditKind = "activity"
	DataAccess  AuditKind = "data_access"
	SystemEvent AuditKind = "system_event"
	Policy      AuditKind = "policy"
)

const auditService = "cloudaudit.googleapis.com/"

// ParseLogName reads a log name. A leading slash is dropped, as the service drops it when it stores an entry; the log id may be
// URL-encoded (%2F, %2f) or not. False for anything else.
func ParseLogName(s string) (LogName, bool) {
	kind, rest, ok := strings.Cut(strings.TrimPrefix(s, "/"), "/")
	if !ok {
		return LogName{}, false
	}
	switch ParentKind(kind) {
	case Projects, Folders, Organizations, BillingAccounts:
	default:
		return LogName{}, false
	}
	parent, id, ok := strings.Cut(rest, "/logs/")
	if !ok || parent == "" || id == "" || strings.Contains(parent, "/") {
		return LogName{}, false
	}
	if strings.Contains(id, "%") {
		decoded, err := url.PathUnescape(id)
		if err != nil {
			return LogName{}, false
		}
		id = decoded
	}
	return LogName{ParentKind: ParentKind(kind), ParentID: parent, LogID: id}, true
}

// Parent is the resource that the log belongs to: projects/my-project.
func (n LogName) Parent() string { return string(n.ParentKind) + "/" + n.ParentID }

// String is the name as it is stored, the log id URL-encoded.
func (n LogName) String() string { return n.Parent() + "/logs/" + url.PathEscape(n.LogID) }

// Audit is the log's kind among the audit logs.
func (n LogName) Audit() AuditKind {
	kind, ok := strings.CutPrefix(n.LogID, auditService)
	if !ok {
		return NotAudit
	}
	switch k := AuditKind(kind); k {
	case Activity, DataAccess, SystemEvent, Policy:
		return k
	}
	return NotAudit
}
