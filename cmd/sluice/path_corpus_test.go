package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// entryWriter writes audit entries of about 1.2 KB: 25 % activity, 60 % data access, 10 % system events and 5 % policy, of ten services
// alike often, over two hours.
type entryWriter struct{ *rand.Rand }

func newEntryWriter() entryWriter { return entryWriter{rand.New(rand.NewPCG(11, 13))} }

var pathServices = strings.Fields("storage compute bigquery iam container aiplatform pubsub run dns cloudsql")

func (w entryWriter) pick(of ...string) string { return of[w.IntN(len(of))] }

func (w entryWriter) hex(n int) string {
	const digits = "0123456789abcdef"
	b := make([]byte, n)
	for i := range b {
		b[i] = digits[w.IntN(16)]
	}
	return string(b)
}

func (w entryWriter) log() string {
	switch k := w.IntN(100); {
	case k < 25:
		return "activity"
	case k < 85:
		return "data_access"
	case k < 95:
		return "system_event"
	}
	return "policy"
}

func (w entryWriter) severity() string {
	switch k := w.IntN(100); {
	case k < 4:
		return "ERROR"
	case k < 20:
		return "NOTICE"
	}
	return "INFO"
}

// append writes the i-th entry of the stream.
func (w entryWriter) append(dst []byte, i int) []byte {
	service := w.pick(pathServices...)
	method := fmt.Sprintf("google.%s.v1.%s%s", service, w.pick("Get", "List", "Create", "Delete", "Update"), w.pick("Object", "Table", "Key", "Cluster", "Model"))
	at := time.Date(2026, 3, 14, 9, 0, 0, 0, time.UTC).Add(time.Duration(i) * 2 * time.Hour / pathEntries).Format(time.RFC3339Nano)
	object := fmt.Sprintf("projects/acme-%d/locations/europe-west4/things/thing-%s", w.IntN(40), w.hex(12))
	return fmt.Appendf(dst, `{"insertId":"%s","logName":"projects/acme-%d/logs/cloudaudit.googleapis.com%%2F%s","resource":{"type":"audited_resource","labels":{"project_id":"acme-%d","service":"%s.googleapis.com","method":"%s"}},"timestamp":"%s","receiveTimestamp":"%s","severity":"%s","labels":{"team":"team-%d","env":"%s"},"protoPayload":{"@type":"type.googleapis.com/google.cloud.audit.AuditLog","status":{"code":%d},"authenticationInfo":{"principalEmail":"user-%d@acme.example","principalSubject":"user:user@acme.example"},"requestMetadata":{"callerIp":"10.%d.%d.%d","callerSuppliedUserAgent":"google-cloud-sdk gcloud/460.0.0 command/gcloud.storage.cp,gzip(gfe)","requestAttributes":{"time":"%s","auth":{}},"destinationAttributes":{}},"serviceName":"%s.googleapis.com","methodName":"%s","authorizationInfo":[{"resource":"%s","permission":"%s.things.get","granted":true,"resourceAttributes":{}}],"resourceName":"%s","request":{"@type":"type.googleapis.com/request","name":"%s","pageSize":%d},"response":{"id":"%s","status":"DONE"}}}`,
		w.hex(16), w.IntN(40), w.log(), w.IntN(40), service, method, at, at, w.severity(), w.IntN(30), w.pick("prod", "prod", "test"),
		[]int{0, 0, 0, 7}[w.IntN(4)], w.IntN(3000), w.IntN(256), w.IntN(256), w.IntN(256), at, service, method, object, service, object,
		object, w.IntN(1000), w.hex(24))
}

// pathConfiguration is the daemon's configuration with 3 or 10 routes to files below DIR; of an entry 0.68 lines leave by three
// routes and 0.9 by ten.
func pathConfiguration(routes int) string {
	var b strings.Builder
	b.WriteString("bus: {embedded: {dir: DIR/unused}}\nledger: {file: DIR/ledger}\ndeadLetter: {file: {dir: DIR/dead}}\nroutes:\n")
	if routes == 3 {
		b.WriteString(`  - name: changes
    filter: log_id("cloudaudit.googleapis.com/activity") OR log_id("cloudaudit.googleapis.com/system_event") OR log_id("cloudaudit.googleapis.com/policy")
    sink: {file: {dir: DIR/out/changes}}
  - name: data-access
    filter: log_id("cloudaudit.googleapis.com/data_access")
    exclusions:
      - {name: vertex-reads, filter: protoPayload.serviceName="aiplatform.googleapis.com"}
      - {name: half, filter: 'sample(insertId, 0.56)'}
    sink: {file: {dir: DIR/out/data-access}}
  - name: errors
    filter: severity>=ERROR
    sink: {file: {dir: DIR/out/errors}}
`)
		return b.String()
	}
	filters := []string{
		`protoPayload.serviceName="storage.googleapis.com"`,
		`protoPayload.serviceName="compute.googleapis.com" AND NOT log_id("cloudaudit.googleapis.com/policy")`,
		`protoPayload.methodName:"bigquery.v1"`,
		`protoPayload.methodName=~"^google\.iam\.v1\."`,
		`resource.labels.service="container.googleapis.com"`,
		`protoPayload.serviceName="aiplatform.googleapis.com" AND severity>=INFO`,
		`protoPayload.authorizationInfo.permission="pubsub.things.get"`,
		`protoPayload.serviceName=("run.googleapis.com" OR "functions.googleapis.com")`,
		`protoPayload.serviceName="dns.googleapis.com" AND ip_in_net(protoPayload.requestMetadata.callerIp, "10.0.0.0/8")`,
		`protoPayload.serviceName="cloudsql.googleapis.com" AND protoPayload.status.code=7`,
	}
	for i, f := range filters {
		fmt.Fprintf(&b, "  - name: team-%d\n    filter: '%s'\n    sink: {file: {dir: DIR/out/team-%d}}\n", i, f, i)
	}
	return b.String()
}
