package main

import (
	"maps"
	"strings"
	"time"
)

// demoWandbCall is one row of the W&B tables. assets are the record's keys beside who, when and what.
type demoWandbCall struct {
	action, category, resource string
	assets                     string // JSON
}

const demoWandbProject = `"entity_asset":"entity-$wbteam","entity_name":"$wbteam","project_asset":"project-$wbproject","project_name":"$wbproject"`

var demoWandbReads = []demoWandbCall{
	{"artifact:read", "DATA_READ", "/entities/entity-$wbteam/projects/project-$wbproject/artifacts/artifact-$count", `{` + demoWandbProject + `,"artifact_asset":"artifact-$count","artifact_digest":"$hex","artifact_qualified_name":"$wbteam/$wbproject/dataset:v$count"}`},
	{"artifact:create", "DATA_WRITE", "/entities/entity-$wbteam/projects/project-$wbproject/artifacts/artifact-$count", `{` + demoWandbProject + `,"artifact_asset":"artifact-$count","artifact_digest":"$hex","artifact_qualified_name":"$wbteam/$wbproject/model:v$count"}`},
	{"project:read", "ADMIN_READ", "/entities/entity-$wbteam/projects/project-$wbproject", `{` + demoWandbProject + `}`},
	{"report:read", "ADMIN_READ", "/entities/entity-$wbteam/projects/project-$wbproject/reports/report-$count", `{` + demoWandbProject + `,"report_asset":"report-$count","report_name":"Weekly review"}`},
	{"user:login", "LOGIN", "", `{}`},
	{"user:logout", "LOGIN", "", `{}`},
}

var demoWandbChanges = []demoWandbCall{
	{"run:update", "ADMIN_WRITE", "/entities/entity-$wbteam/projects/project-$wbproject", `{` + demoWandbProject + `}`},
	{"run:stop", "ADMIN_WRITE", "/entities/entity-$wbteam/projects/project-$wbproject", `{` + demoWandbProject + `}`},
	{"run:delete", "ADMIN_WRITE", "/entities/entity-$wbteam/projects/project-$wbproject", `{` + demoWandbProject + `}`},
	{"sweep:create_agent", "ADMIN_WRITE", "/entities/entity-$wbteam/projects/project-$wbproject", `{` + demoWandbProject + `}`},
	{"team:invite_user", "ADMIN_WRITE", "/users/user-$count", `{"entity_asset":"entity-$wbteam","entity_name":"$wbteam","user_asset":"user-$count","user_email":"$person2"}`},
	{"user:create_api_key", "ADMIN_WRITE", "", `{}`},
	{"user:deactivate", "ADMIN_WRITE", "/users/user-$count", `{"user_asset":"user-$count","user_email":"$person2"}`},
}

// demoWandbPersonal are the keys that W&B leaves out of anonymized records, so no insertId may depend on them.
var demoWandbPersonal = []string{"actor_email", "actor_ip", "user_email", "entity_name", "project_name", "report_name", "artifact_qualified_name"}

// demoWandb makes entries of the rows of a table.
func demoWandb(rows []demoWandbCall) func(*demoScene) demoObject {
	return func(s *demoScene) demoObject { return rows[s.below(len(rows))].entry(s) }
}

// entry maps a W&B audit record, whose times are whole seconds, into a LogEntry.
func (c demoWandbCall) entry(s *demoScene) demoObject {
	s.at = s.at.Truncate(time.Second)
	status, code, message := 200, 0, ""
	if s.chance(5) {
		status, code, message = 403, 7, "PERMISSION_DENIED"
	}
	request := s.object(c.assets)
	actor := demoUserID(s.text("$person"))
	record := maps.Clone(request)
	maps.Copy(record, demoObject{
		"action": c.action, "timestamp": stamp(s.at), "actor_email": s.text("$person"), "actor_user_id": actor,
		"actor_ip": s.text("$publicip"), "cli_version": s.text("$wbversion"), "response_code": status,
	})
	impersonal := maps.Clone(record)
	for _, key := range demoWandbPersonal {
		delete(impersonal, key)
	}
	a := demoAudit{
		parent: "organizations/" + demoWandbOrg, category: c.category, service: "wandb.ai", method: c.action,
		resource: "organizations/" + demoWandbOrg + s.text(c.resource), email: s.text("$person"), subject: "user:" + actor,
		ip: s.text("$publicip"), agent: "wandb-cli/" + s.text("$wbversion"), code: code, message: message,
		response: demoObject{"httpStatus": status}, metadata: demoObject{"wandb": record},
		labels: demoObject{"source": "wandb", "wandb.ai/action": c.action},
	}
	if len(request) > 0 {
		a.request = request
	}
	return a.entry(stamp(s.at), recordID(impersonal))
}

// demoCircleCICall is one row of the CircleCI tables.
type demoCircleCICall struct {
	action, category, kind, name string // what is acted on, and its name
	payload                      string // JSON
}

var demoCircleCIReads = []demoCircleCICall{
	{"context.secrets.accessed", "DATA_READ", "context", "$cccontext", `{"job":{"name":"$ccjob"}}`},
	{"user.logged_in", "LOGIN", "user", "$person", `{}`},
}

var demoCircleCIChanges = []demoCircleCICall{
	{"context.create", "ADMIN_WRITE", "context", "$cccontext", `{}`},
	{"context.env_var.store", "ADMIN_WRITE", "context", "$cccontext", `{"env_var":"$envvar"}`},
	{"project.env_var.create", "ADMIN_WRITE", "project", "$ccproject", `{"env_var":"$envvar"}`},
	{"project.settings.update", "ADMIN_WRITE", "project", "$ccproject", `{"settings":{"build_fork_prs":false}}`},
	{"project.ssh_key.create", "ADMIN_WRITE", "project", "$ccproject", `{"fingerprint":"$hex"}`},
	{"schedule.update", "ADMIN_WRITE", "schedule", "nightly", `{"branch":"$ccbranch"}`},
	{"workflow.job.approve", "ADMIN_WRITE", "job", "hold", `{"workflow":{"name":"deploy"},"branch":"$ccbranch"}`},
}

var demoCircleCISystem = []demoCircleCICall{
	{"workflow.job.scheduled", "SYSTEM", "job", "$ccjob", `{"workflow":{"id":"$uuid2","name":"build"},"branch":"$ccbranch"}`},
	{"workflow.job.start", "SYSTEM", "job", "$ccjob", `{"workflow":{"id":"$uuid2","name":"build"},"branch":"$ccbranch"}`},
	{"workflow.job.finish", "SYSTEM", "job", "$ccjob", `{"workflow":{"id":"$uuid2","name":"build"},"job":{"status":"success","duration":$count}}`},
}

// demoCircleCI makes entries of the rows of a table.
func demoCircleCI(rows []demoCircleCICall) func(*demoScene) demoObject {
	return func(s *demoScene) demoObject { return rows[s.below(len(rows))].entry(s) }
}

// entry maps a CircleCI audit record into a LogEntry.
func (c demoCircleCICall) entry(s *demoScene) demoObject {
	s.at = s.at.Truncate(time.Microsecond)
	actor := demoObject{"id": demoUserID(s.text("$person")), "type": "user", "name": s.text("$person")}
	if c.category == "SYSTEM" {
		actor = demoObject{"id": s.uuid(), "type": "circleci-system"}
	}
	target := demoObject{"id": s.uuid(), "type": c.kind, "name": s.text(c.name)}
	success := !s.chance(6)
	id, trace := s.uuid(), s.uuid()
	payload := s.object(c.payload)
	record := demoObject{
		"id": id, "action": c.action, "occurred_at": stamp(s.at), "actor": actor, "target": target, "payload": payload,
		"metadata": demoObject{}, "version": 1, "success": success, "request": demoObject{"id": trace, "ip_address": s.text("$publicip")},
		"scope": demoObject{"id": demoCircleCIOrg, "type": "organization", "name": "heronsgate"},
	}
	a := demoAudit{
		parent: "organizations/" + demoCircleCIOrg, category: c.category, service: "circleci.com", method: c.action,
		resource: c.kind + "s/" + target["id"].(string), subject: actor["type"].(string) + ":" + actor["id"].(string),
		ip: s.text("$publicip"), response: demoObject{"success": success}, metadata: demoObject{"circleci": record},
		labels: demoObject{
			"source": "circleci", "circleci.com/actor_type": actor["type"], "circleci.com/scope_name": "heronsgate",
			"circleci.com/target_name": target["name"], "circleci.com/version": "1", "circleci.com/request_id": trace,
		},
	}
	if name, ok := actor["name"].(string); ok {
		a.labels["circleci.com/actor_name"] = name
		if strings.Contains(name, "@") {
			a.email = name
		}
	}
	if len(payload) > 0 {
		a.request = payload
	}
	if !success {
		a.code, a.message = 2, "action did not succeed"
	}
	return a.entry(stamp(s.at), id)
}
