package main

import "strings"

// The logs that audit entries stand in, and the categories that decide which. LOGIN is a read of nobody's data; SYSTEM is done
// by the platform; POLICY is refused by a security policy.
const (
	logActivity    = "activity"
	logDataAccess  = "data_access"
	logSystemEvent = "system_event"
	logPolicy      = "policy"
)

var demoCategoryLogs = map[string]string{
	"ADMIN_WRITE": logActivity,
	"ADMIN_READ":  logDataAccess, "DATA_READ": logDataAccess, "DATA_WRITE": logDataAccess, "LOGIN": logDataAccess,
	"SYSTEM": logSystemEvent, "POLICY": logPolicy,
}

// demoAudit is one audited call in words that are common to all four systems.
type demoAudit struct {
	parent     string // projects/… or organizations/…
	category   string // key of demoCategoryLogs
	service    string
	method     string
	resource   string // what the call acted on
	permission string // empty: the method's name
	email      string
	subject    string // principalSubject, where there is no e-mail address
	ip, agent  string
	code       int // google.rpc code; 0 = the call succeeded
	message    string
	request    any
	response   any
	metadata   any
	monitored  demoObject // the monitored resource; nil: audited_resource
	labels     demoObject
}

// entry makes the LogEntry. at is the time as text, insertID may be empty.
func (a demoAudit) entry(at, insertID string) demoObject {
	e := demoObject{
		"logName":      a.parent + "/logs/cloudaudit.googleapis.com%2F" + demoCategoryLogs[a.category],
		"timestamp":    at,
		"severity":     a.severity(),
		"resource":     a.monitoredResource(),
		"protoPayload": a.payload(),
	}
	put(e, "insertId", insertID)
	if len(a.labels) > 0 {
		e["labels"] = a.labels
	}
	return e
}

func (a demoAudit) severity() string {
	switch {
	case a.code != 0 || a.category == "POLICY":
		return "ERROR"
	case a.category == "ADMIN_WRITE" || a.category == "LOGIN":
		return "NOTICE"
	default:
		return "INFO"
	}
}

func (a demoAudit) monitoredResource() demoObject {
	if a.monitored != nil {
		return a.monitored
	}
	labels := demoObject{"service": a.service, "method": a.method}
	if _, id, ok := strings.Cut(a.parent, "/"); ok {
		labels["project_id"] = id
	}
	return demoObject{"type": "audited_resource", "labels": labels}
}

func (a demoAudit) payload() demoObject {
	who, caller := demoObject{}, demoObject{}
	put(who, "principalEmail", a.email)
	put(who, "principalSubject", a.subject)
	put(caller, "callerIp", a.ip)
	put(caller, "callerSuppliedUserAgent", a.agent)
	p := demoObject{
		"@type":              "type.googleapis.com/google.cloud.audit.AuditLog",
		"serviceName":        a.service,
		"methodName":         a.method,
		"resourceName":       a.resource,
		"authenticationInfo": who,
		"requestMetadata":    caller,
	}
	if a.category != "LOGIN" && a.category != "SYSTEM" && a.category != "POLICY" {
		p["authorizationInfo"] = []demoObject{a.authorization()}
	}
	if a.code != 0 {
		p["status"] = demoObject{"code": a.code, "message": a.message}
	}
	for key, value := range map[string]any{"request": a.request, "response": a.response, "metadata": a.metadata} {
		if value != nil {
			p[key] = value
		}
	}
	return p
}

func (a demoAudit) authorization() demoObject {
	permission := a.permission
	if permission == "" {
		permission = a.method
	}
	return demoObject{
		"resource": a.resource, "permission": permission, "permissionType": a.category,
		"granted": a.code != 7 && a.code != 16,
	}
}

// put sets a key unless the value is empty, as the sources leave out what they do not know.
func put(o demoObject, key, value string) {
	if value != "" {
		o[key] = value
	}
}
