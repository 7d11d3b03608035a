package main

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
)

func demoForeignKinds() []demoKind {
	return []demoKind{
		{160, demoDatabricks(demoDatabricksReads)},
		{190, demoDatabricks(demoDatabricksChanges)},
		{50, demoDatabricks(demoDatabricksSystem)},
		{20, demoDatabricks(demoDatabricksRefused)},
		{110, demoWandb(demoWandbReads)},
		{150, demoWandb(demoWandbChanges)},
		{20, demoCircleCI(demoCircleCIReads)},
		{130, demoCircleCI(demoCircleCIChanges)},
		{160, demoCircleCI(demoCircleCISystem)},
	}
}

// recordID is the insertId of a record that has none of its own: the first 32 digits of the sha256 of its canonical JSON.
func recordID(record demoObject) string {
	sum := sha256.Sum256(demoLine(record))
	return hex.EncodeToString(sum[:])[:32]
}

// demoUserID is a person's id in a foreign system, always the same for the same person.
func demoUserID(person string) string {
	sum := sha256.Sum256([]byte(person))
	h := hex.EncodeToString(sum[:])
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:32]
}

// demoDatabricksCall is one row of the Databricks tables.
type demoDatabricksCall struct {
	service, action, category string
	account                   bool   // of the account, not of one workspace
	target                    string // the end of the resource name; may be empty
	params                    string // JSON
}

var demoDatabricksReads = []demoDatabricksCall{
	{"accounts", "login", "LOGIN", false, "$person", `{"user":"$person","authenticationMethod":"SAML"}`},
	{"accounts", "tokenLogin", "LOGIN", false, "$person", `{"user":"$person","tokenId":"$hex"}`},
	{"unityCatalog", "getTable", "ADMIN_READ", true, "$fulltable", `{"full_name_arg":"$fulltable"}`},
	{"unityCatalog", "generateTemporaryTableCredential", "DATA_READ", true, "$fulltable", `{"full_name_arg":"$fulltable","operation":"READ"}`},
	{"databrickssql", "commandSubmit", "DATA_READ", false, "", `{"warehouseId":"$warehouse","commandId":"$uuid","commandText":"SELECT * FROM $fulltable LIMIT $count"}`},
	{"notebook", "runCommand", "DATA_READ", false, "$notebook", `{"notebookId":"$notebook","path":"$path","executionTime":"$millis"}`},
	{"secrets", "getSecret", "DATA_READ", false, "$scope", `{"scope":"$scope","key":"$key"}`},
	{"workspace", "downloadQueryResult", "DATA_READ", false, "", `{"fileName":"export-$count.csv"}`},
}

var demoDatabricksChanges = []demoDatabricksCall{
	{"clusters", "create", "ADMIN_WRITE", false, "$dbxcluster", `{"cluster_name":"etl","cluster_id":"$dbxcluster","num_workers":"4"}`},
	{"clusters", "delete", "ADMIN_WRITE", false, "$dbxcluster", `{"cluster_id":"$dbxcluster"}`},
	{"jobs", "runNow", "ADMIN_WRITE", false, "$dbxjob", `{"job_id":"$dbxjob","idempotency_token":"$span"}`},
	{"jobs", "update", "ADMIN_WRITE", false, "$dbxjob", `{"job_id":"$dbxjob","new_settings":"{\"max_retries\":2}"}`},
	{"accounts", "addPrincipalToGroup", "ADMIN_WRITE", true, "$person2", `{"targetUserName":"$person2","targetGroupName":"analysts"}`},
	{"unityCatalog", "updatePermissions", "ADMIN_WRITE", true, "$fulltable", `{"full_name_arg":"$fulltable","changes":"[{\"add\":[\"SELECT\"],\"principal\":\"analysts\"}]"}`},
	{"secrets", "putSecret", "ADMIN_WRITE", false, "$scope", `{"scope":"$scope","key":"$key"}`},
	{"mlflowModelRegistry", "transitionModelVersionStage", "ADMIN_WRITE", false, "demand-forecast", `{"name":"demand-forecast","version":"$count","stage":"Production"}`},
}

var demoDatabricksSystem = []demoDatabricksCall{
	{"clusters", "resizeResult", "SYSTEM", false, "$dbxcluster", `{"clusterId":"$dbxcluster","clusterState":"Running"}`},
	{"jobs", "runSucceeded", "SYSTEM", false, "$dbxjob", `{"jobId":"$dbxjob","runId":"$count","jobTerminalState":"Succeeded"}`},
	{"jobs", "runTriggered", "SYSTEM", false, "$dbxjob", `{"jobId":"$dbxjob","jobTriggerType":"cron"}`},
}

var demoDatabricksRefused = []demoDatabricksCall{
	{"accounts", "IpAccessDenied", "POLICY", false, "$person", `{"user":"$person","path":"/api/2.1/jobs/list"}`},
	{"accounts", "accountIpAclsValidationFailed", "POLICY", true, "$person", `{"user":"$person"}`},
}

// demoDatabricks makes entries of the rows of a table.
func demoDatabricks(rows []demoDatabricksCall) func(*demoScene) demoObject {
	return func(s *demoScene) demoObject { return rows[s.below(len(rows))].entry(s) }
}

// entry maps a Databricks audit record into a LogEntry; the whole record stands in metadata.
func (c demoDatabricksCall) entry(s *demoScene) demoObject {
	s.at = s.at.Truncate(time.Millisecond)
	workspace, level, parent := s.text("$workspace"), "WORKSPACE_LEVEL", s.text("projects/$workspace")
	if c.account {
		workspace, level, parent = "0", "ACCOUNT_LEVEL", "organizations/"+demoDatabricksAccount
	}
	user := s.text("$person")
	if c.category == "SYSTEM" {
		user = "System-User"
	}
	status, code, message := 200, 0, any(nil)
	switch {
	case c.category == "POLICY":
		status, code, message = 403, 7, "Source IP address is not in the access list"
	case s.chance(4):
		status, code, message = 404, 5, "RESOURCE_DOES_NOT_EXIST"
	}
	response := demoObject{"statusCode": status, "errorMessage": message, "result": nil}
	params := s.object(c.params)
	record := demoObject{
		"version": "2.0", "timestamp": s.at.UnixMilli(), "workspaceId": workspace, "accountId": demoDatabricksAccount,
		"auditLevel": level, "sourceIPAddress": s.text("$publicip"), "userAgent": s.text("$dbxagent"), "sessionId": nil,
		"userIdentity": demoObject{"email": user, "subjectName": nil}, "requestId": s.uuid(),
		"serviceName": c.service, "actionName": c.action, "requestParams": params, "response": response,
	}
	a := demoAudit{
		parent: parent, category: c.category, service: strings.ToLower(c.service) + ".databricks.com",
		method: c.service + "." + c.action, resource: "accounts/" + demoDatabricksAccount + "/workspaces/" + workspace + "/" + c.service,
		ip: s.text("$publicip"), agent: s.text("$dbxagent"), code: code, request: params, response: response,
		metadata: demoObject{"databricks": record},
		labels: demoObject{
			"source": "databricks", "databricks.com/account_id": demoDatabricksAccount, "databricks.com/workspace_id": workspace,
			"databricks.com/audit_level": level, "databricks.com/request_id": record["requestId"], "databricks.com/schema_version": "2.0",
		},
	}
	if c.target != "" {
		a.resource += "/" + s.text(c.target)
	}
	if text, ok := message.(string); ok {
		a.message = text
	}
	if a.email = user; !strings.Contains(user, "@") {
		a.email, a.subject = "", "system:"+user
	}
	return a.entry(stamp(s.at), recordID(record))
}
