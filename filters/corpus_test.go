package filters

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// The corpus of the benchmarks: entries of five sorts, about 1.1 kB each, and rules that ask for them.

func corpus(n int) [][]byte {
	g := generator{Rand: rand.New(rand.NewPCG(7, 7))}
	entries := make([][]byte, n)
	for i := range entries {
		switch k := g.IntN(100); {
		case k < 35:
			entries[i] = g.auditEntry()
		case k < 70:
			entries[i] = g.containerEntry()
		case k < 80:
			entries[i] = g.requestEntry()
		case k < 90:
			entries[i] = g.textEntry()
		default:
			entries[i] = g.flowEntry()
		}
	}
	return entries
}

func (g generator) hex(n int) string {
	const digits = "0123456789abcdef"
	b := make([]byte, n)
	for i := range b {
		b[i] = digits[g.IntN(16)]
	}
	return string(b)
}

var services = strings.Fields("compute storage bigquery iam container cloudsql pubsub run dns logging")

func (g generator) method() string {
	return fmt.Sprintf("v1.%s.resource%d.%s", pick(g, services...), g.IntN(4), pick(g, "get", "list", "insert", "delete", "Update"))
}

func (g generator) head(log, kind, labels string) string {
	return fmt.Sprintf(`{"insertId":"%s","logName":"projects/project-%d/logs/%s","resource":{"type":"%s","labels":{"project_id":"project-%d","location":"us-central1-a",%s}},"timestamp":"2024-05-%02dT%02d:%02d:%02d.%06dZ","receiveTimestamp":"2024-05-17T10:11:12.131415Z","severity":"%s"`,
		g.hex(16), g.IntN(40), log, kind, g.IntN(40), labels, 1+g.IntN(28), g.IntN(24), g.IntN(60), g.IntN(60), g.IntN(1e6),
		pick(g, "INFO", "INFO", "INFO", "NOTICE", "DEBUG", "WARNING", "ERROR"))
}

func (g generator) auditEntry() []byte {
	service := pick(g, services...) + ".googleapis.com"
	return fmt.Appendf(nil, `%s,"protoPayload":{"@type":"type.googleapis.com/google.cloud.audit.AuditLog","status":{"code":%d},"authenticationInfo":{"principalEmail":"user%d@example.com","serviceAccountKeyName":"//iam.googleapis.com/%s"},"requestMetadata":{"callerIp":"10.%d.%d.%d","callerSuppliedUserAgent":"google-api-go-client/0.5 GoogleContainerEngine/v1","requestAttributes":{"time":"2024-05-17T10:11:12Z","auth":{}}},"serviceName":"%s","methodName":"%s","authorizationInfo":[{"resource":"projects/p/things/%d","permission":"things.%s","granted":true,"resourceAttributes":{}}],"resourceName":"projects/project-%d/zones/us-central1-a/instances/instance-%s","request":{"@type":"type.googleapis.com/thing","name":"%s"},"response":{"id":"%s","status":"DONE"}}}`,
		g.head("cloudaudit.googleapis.com%2F"+pick(g, "activity", "data_access"), "gce_instance", `"instance_id":"`+g.hex(12)+`"`),
		pick(g, 0, 0, 0, 7), g.IntN(80), g.hex(32), g.IntN(256), g.IntN(256), g.IntN(256), service, g.method(), g.IntN(99),
		pick(g, "get", "create"), g.IntN(100), g.hex(8), g.hex(24), g.hex(20))
}

func (g generator) containerEntry() []byte {
	return fmt.Appendf(nil, `%s,"labels":{"k8s-pod/app":"app-%d","k8s-pod/team":"team-%d","compute.googleapis.com/resource_name":"gke-node-%s"},"trace":"projects/p/traces/%s","spanId":"%s","jsonPayload":{"message":"%s request handled in %dms for customer %d: %s","level":"%s","code":%d,"user":"user%d","caller":"server/handler.go:%d","context":{"host":"web-%d","region":"%s","attempt":%d,"request_id":"%s"},"tags":["%s","canary"],"duration":%d.5}}`,
		g.head(pick(g, "stdout", "stderr"), "k8s_container", fmt.Sprintf(`"cluster_name":"cluster-%d","namespace_name":"ns-%d","container_name":"c-%d","pod_name":"web-%s"`, g.IntN(20), g.IntN(60), g.IntN(50), g.hex(10))),
		g.IntN(60), g.IntN(60), g.hex(8), g.hex(32), g.hex(16), pick(g, "GET", "POST"), g.IntN(900), g.IntN(60),
		pick(g, "ok", "cache miss", "retry later", "connection reset by peer", "deadline exceeded"), pick(g, "info", "warn"),
		pick(g, 200, 200, 404, 500), g.IntN(900), g.IntN(60), g.IntN(30), pick(g, "eu", "us"), g.IntN(4), g.hex(32), pick(g, "blue", "green"), g.IntN(90))
}

func (g generator) requestEntry() []byte {
	return fmt.Appendf(nil, `%s,"httpRequest":{"requestMethod":"%s","requestUrl":"https://www.example.com/api/v%d/items/%d?session=%s","requestSize":"%d","status":%d,"responseSize":"%d","userAgent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0 Safari/537.36","remoteIp":"203.0.%d.%d","serverIp":"10.0.0.7","latency":"0.%03ds","protocol":"HTTP/1.1"},"trace":"projects/p/traces/%s","spanId":"%s","jsonPayload":{"@type":"type.googleapis.com/google.cloud.loadbalancing.type.LoadBalancerLogEntry","statusDetails":"response_sent_by_backend","backendTargetProjectNumber":"projects/%d","remoteIp":"203.0.113.9","proxyStatus":"%s"}}`,
		g.head("requests", "http_load_balancer", fmt.Sprintf(`"backend_service_name":"backend-%d","url_map_name":"map","forwarding_rule_name":"rule-%d"`, g.IntN(60), g.IntN(20))),
		pick(g, "GET", "POST"), g.IntN(3), g.IntN(60), g.hex(40), g.IntN(60), pick(g, 200, 200, 200, 304, 404, 502), g.IntN(90000), g.IntN(256), g.IntN(256), g.IntN(1000), g.hex(32), g.hex(16), g.IntN(1e6), g.hex(20))
}

func (g generator) textEntry() []byte {
	var words strings.Builder
	for range 70 {
		words.WriteString(pick(g, "lorem", "ipsum", "worker", "finished", "batch", "of", "records", "after", "seconds", "with", "status", "queue", "item") + " ")
	}
	return fmt.Appendf(nil, `%s,"textPayload":"%s job %d code E%d %s"}`,
		g.head("syslog", "gce_instance", `"instance_id":"`+g.hex(16)+`","zone":"us-central1-a"`), words.String(), g.IntN(3000), g.IntN(60), g.hex(40))
}

func (g generator) flowEntry() []byte {
	return fmt.Appendf(nil, `%s,"jsonPayload":{"connection":{"src_ip":"10.%d.%d.%d","dest_ip":"10.%d.0.9","src_port":%d,"dest_port":%d,"protocol":6},"bytes_sent":"%d","packets_sent":"%d","reporter":"SRC","rtt_msec":"%d","start_time":"2024-05-17T10:11:12.131415161Z","end_time":"2024-05-17T10:11:17.131415161Z","src_instance":{"project_id":"project-%d","vm_name":"vm-%s","region":"us-central1","zone":"us-central1-a"},"src_vpc":{"project_id":"host","vpc_name":"vpc-%d","subnetwork_name":"subnet-%d"},"dest_vpc":{"project_id":"host","vpc_name":"vpc-%d","subnetwork_name":"subnet-%d"}}}`,
		g.head("compute.googleapis.com%2Fvpc_flows", "gce_subnetwork", fmt.Sprintf(`"subnetwork_id":"%s","subnetwork_name":"subnet-%d"`, g.hex(18), g.IntN(100))),
		g.IntN(256), g.IntN(256), g.IntN(256), g.IntN(256), g.IntN(60000), pick(g, 443, 80, 5432), g.IntN(1e6), g.IntN(1e4), g.IntN(60), g.IntN(100), g.hex(10), g.IntN(10), g.IntN(100), g.IntN(10), g.IntN(100))
}

// selectiveRules ask for constants of which there are the more, the more rules there are.
func selectiveRules(t testing.TB, n int) []Rule {
	g := generator{Rand: rand.New(rand.NewPCG(3, uint64(n)))}
	rules := make([]Rule, n)
	for i := range rules {
		rules[i].Include = mustCompile(t, g.selective(i))
		exclusions := 0
		switch k := g.IntN(100); {
		case k < 30:
			exclusions = 1 + g.IntN(4)
		case k < 40:
			exclusions = 5 + g.IntN(46)
		}
		for range exclusions {
			rules[i].Exclude = append(rules[i].Exclude, mustCompile(t, g.exclusion()))
		}
	}
	return rules
}

func (g generator) selective(i int) string {
	switch i % 12 {
	case 0:
		return fmt.Sprintf(`resource.type="k8s_container" AND resource.labels.namespace_name="ns-%d" AND severity>=%s`, g.IntN(60), pick(g, "DEFAULT", "ERROR"))
	case 1:
		return fmt.Sprintf(`log_id("cloudaudit.googleapis.com/%s") AND protoPayload.methodName=%q`, pick(g, "activity", "data_access"), g.method())
	case 2:
		return fmt.Sprintf(`logName="projects/project-%d/logs/%s"`, g.IntN(40), pick(g, "stdout", "syslog", "requests", "cloudaudit.googleapis.com%2Factivity"))
	case 3:
		return fmt.Sprintf(`protoPayload.authenticationInfo.principalEmail=("user%d@example.com" OR "user%d@example.com")`, g.IntN(80), g.IntN(80))
	case 4:
		return fmt.Sprintf(`labels."k8s-pod/app"="app-%d" AND NOT jsonPayload.level="info"`, g.IntN(60))
	case 5:
		return fmt.Sprintf(`jsonPayload.message:"customer %d:" AND severity>=WARNING`, g.IntN(60))
	case 6:
		return fmt.Sprintf(`httpRequest.requestUrl=~"/api/v[0-9]/items/%d\?" AND httpRequest.status>=400`, g.IntN(60))
	case 7:
		return fmt.Sprintf(`resource.labels.project_id="project-%d" AND (severity>=ERROR OR protoPayload.status.code=7)`, g.IntN(40))
	case 8:
		return fmt.Sprintf(`textPayload:"code E%d " AND resource.type="gce_instance"`, g.IntN(60))
	case 9:
		return fmt.Sprintf(`resource.labels.backend_service_name="backend-%d" AND httpRequest.latency>"0.5s" AND sample(insertId, 0.5)`, g.IntN(60))
	case 10:
		return fmt.Sprintf(`jsonPayload.src_vpc.subnetwork_name="subnet-%d" AND ip_in_net(jsonPayload.connection.src_ip, "10.0.0.0/9")`, g.IntN(100))
	}
	return fmt.Sprintf(`protoPayload.resourceName:"project-%d/zones" AND protoPayload.serviceName=%q AND -protoPayload.methodName:"list"`, g.IntN(100), pick(g, services...)+".googleapis.com")
}

func (g generator) exclusion() string {
	switch g.IntN(6) {
	case 0:
		return fmt.Sprintf(`protoPayload.methodName=%q`, g.method())
	case 1:
		return fmt.Sprintf(`labels."k8s-pod/team"="team-%d"`, g.IntN(60))
	case 2:
		return `log_id("cloudaudit.googleapis.com/data_access") AND sample(insertId, 0.9)`
	case 3:
		return fmt.Sprintf(`jsonPayload.user="user%d" severity<WARNING`, g.IntN(900))
	case 4:
		return fmt.Sprintf(`resource.labels.cluster_name="cluster-%d"`, g.IntN(20))
	}
	return `severity<NOTICE jsonPayload.message:"cache miss"`
}

// broadPredicates are true often.
var broadPredicates = []string{
	`severity>=NOTICE`, `severity<WARNING`, `severity=INFO`, `resource.type="k8s_container"`, `resource.type="gce_instance"`,
	`protoPayload:*`, `jsonPayload:*`, `logName:"cloudaudit.googleapis.com"`, `log_id("stdout")`, `trace:*`, `labels:*`,
	`httpRequest.status<500`, `protoPayload.status.code=0`, `jsonPayload.level="info"`, `sample(insertId, 0.5)`, `protoPayload.methodName:"v1."`,
}

// broadRules are made of broadPredicates only.
func broadRules(t testing.TB, n int) []Rule {
	g := generator{Rand: rand.New(rand.NewPCG(5, uint64(n)))}
	term := func() string { return pick(g, "", "", "NOT ") + pick(g, broadPredicates...) }
	rules := make([]Rule, n)
	for i := range rules {
		text := term()
		switch g.IntN(5) {
		case 0:
			text += " OR " + term()
		case 1, 2:
			text += " AND " + term()
		case 3:
			text = "(" + text + " OR " + term() + ") AND " + "(" + term() + " OR " + term() + ")"
		}
		rules[i].Include = mustCompile(t, text)
		if g.IntN(10) < 3 {
			rules[i].Exclude = append(rules[i].Exclude, mustCompile(t, term()+" AND "+term()))
		}
	}
	return rules
}

func mustCompile(t testing.TB, src string) *Filter {
	t.Helper()
	f, err := Compile(src)
	if err != nil {
		t.Fatalf("%s: %v", src, err)
	}
	return f
}
