package logentry

import (
	"bytes"
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

// ParentOf gives the resource that a log name begins with, as LogName.Parent does of what ParseLogName reads; nil of anything
// else. It allocates nothing.
func ParentOf(name []byte) []byte {
	name = bytes.TrimPrefix(name, []byte("/"))
	slash := bytes.IndexByte(name, '/')
	if slash < 0 {
		return nil
	}
	switch ParentKind(name[:slash]) {
	case Projects, Folders, Organizations, BillingAccounts:
	default:
		return nil
	}
	id := bytes.IndexByte(name[slash+1:], '/')
	if id <= 0 {
		return nil
	}
	log, ok := bytes.CutPrefix(name[slash+1+id:], []byte("/logs/"))
	if !ok || len(log) == 0 || !validEscapes(log) {
		return nil
	}
	return name[:slash+1+id]
}

// validEscapes says whether every % of a URL-encoded text begins an escape.
func validEscapes(text []byte) bool {
	for i := bytes.IndexByte(text, '%'); i >= 0; i = bytes.IndexByte(text, '%') {
		if len(text) < i+3 || hexValue(text[i+1]) < 0 || hexValue(text[i+2]) < 0 {
			return false
		}
		text = text[i+3:]
	}
	return true
}
