package logentry

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// benchmarkPaths are 14 fields as routes ask for them.
var benchmarkPaths = []Path{
	PathLogName, PathSeverity, PathTimestamp, PathInsertID, Field("resource", "type"), Field("resource", "labels").Key("project_id"),
	PathLabels.Key("k8s-pod/app"), Field("protoPayload", "serviceName"), Field("protoPayload", "methodName"),
	Field("protoPayload", "authenticationInfo", "principalEmail"), Field("protoPayload", "authorizationInfo", "permission"),
	Path{{Key: "jsonPayload", Fold: true}, {Key: "message"}}, Field("textPayload"), Field("httpRequest", "status"),
}

func slicesOf(p []Path) []Path { return append([]Path(nil), p...) }

// corpus writes n entries of about 1 KB: 35 % audit log, 35 % Kubernetes JSON, 10 % each load balancer, text and VPC flow.
func corpus(n int) [][]byte {
	w := writer{rand.New(rand.NewPCG(7, 7))}
	all := make([][]byte, n)
	for i := range all {
		var s string
		switch k := w.IntN(100); {
		case k < 35:
			s = w.audit()
		case k < 70:
			s = w.kubernetes()
		case k < 80:
			s = w.loadBalancer()
		case k < 90:
			s = w.text()
		default:
			s = w.flow()
		}
		all[i] = []byte(s)
	}
	return all
}

type writer struct{ *rand.Rand }

func (w writer) hex(n int) string {
	var b strings.Builder
	for range n {
		b.WriteByte("0123456789abcdef"[w.IntN(16)])
	}
	return b.String()
}

func (w writer) pick(of ...string) string { return of[w.IntN(len(of))] }

func (w writer) project() string { return fmt.Sprintf("team-%02d-prod", w.IntN(40)) }

func (w writer) time() string {
	return fmt.Sprintf("2026-03-%02dT%02d:%02d:%02d.%09dZ", 1+w.IntN(28), w.IntN(24), w.IntN(60), w.IntN(60), w.IntN(1e9))
}

func (w writer) ip() string { return fmt.Sprintf("10.%d.%d.%d", w.IntN(256), w.IntN(256), w.IntN(256)) }

// frame puts what all entries share around a payload.
func (w writer) frame(log, resource, labels, payload string) string {
	p := w.project()
	return fmt.Sprintf(`{"insertId":"%s",%s,"logName":"projects/%s/logs/%s","receiveTimestamp":"%s","resource":{"labels":{"project_id":"%s",%s},"type":"%s"},"severity":"%s","timestamp":"%s"}`,
		w.hex(16), payload, p, log, w.time(), p, labels, resource, w.pick("DEFAULT", "INFO", "INFO", "NOTICE", "WARNING", "ERROR"), w.time())
}

func (w writer) audit() string {
	service := w.pick("storage", "compute", "bigquery", "iam", "container", "aiplatform") + ".googleapis.com"
	method := w.pick("storage.objects.get", "v1.compute.instances.insert", "google.iam.admin.v1.CreateServiceAccountKey", "jobservice.insert", "io.k8s.core.v1.pods.create")
	object := "projects/_/buckets/data-" + w.hex(6) + "/objects/part-" + w.hex(12)
	return w.frame("cloudaudit.googleapis.com%2F"+w.pick("activity", "data_access", "data_access"), "audited_resource",
		fmt.Sprintf(`"service":"%s","method":"%s"`, service, method),
		fmt.Sprintf(`"protoPayload":{"@type":"type.googleapis.com/google.cloud.audit.AuditLog","authenticationInfo":{"principalEmail":"user-%d@example.com","principalSubject":"user:user@example.com"},"authorizationInfo":[{"granted":true,"permission":"%s","resource":"%s","resourceAttributes":{}},{"granted":%t,"permission":"storage.objects.list","resource":"%s"}],"methodName":"%s","request":{"@type":"type.googleapis.com/request","name":"%s","pageSize":%d},"requestMetadata":{"callerIp":"%s","callerSuppliedUserAgent":"google-cloud-sdk gcloud/460.0.0 command/gcloud.storage.cp,gzip(gfe)","destinationAttributes":{},"requestAttributes":{"auth":{},"time":"%s"}},"resourceName":"%s","serviceName":"%s","status":{"code":%d}}`,
			w.IntN(5000), method, object, w.IntN(9) > 0, object, method, object, w.IntN(1000), w.ip(), w.time(), object, service, w.IntN(8)))
}

func (w writer) kubernetes() string {
	app := w.pick("checkout", "frontend", "payments", "search", "ledger")
	return w.frame(w.pick("stdout", "stderr"), "k8s_container",
		fmt.Sprintf(`"cluster_name":"prod-%d","container_name":"%s","location":"europe-west4","namespace_name":"%s","pod_name":"%s-%s-%s"`, w.IntN(4), app, app, app, w.hex(10), w.hex(5)),
		fmt.Sprintf(`"jsonPayload":{"caller":"server/handler.go:%d","duration_ms":%d.%d,"http":{"method":"%s","path":"/api/v1/%s/%s","status":%d},"level":"%s","message":"%s","request_id":"%s","retries":%d,"trace_id":"%s","user":{"id":"%s","tenant":"t-%d","roles":["reader","writer"]}},"labels":{"compute.googleapis.com/resource_name":"gke-prod-pool-%s","k8s-pod/app":"%s","k8s-pod/pod-template-hash":"%s","k8s-pod/version":"v1.%d.0"},"spanId":"%s","trace":"projects/p/traces/%s"`,
			w.IntN(900), w.IntN(900), w.IntN(10), w.pick("GET", "POST", "PUT"), app, w.hex(8), w.IntN(400)+200, w.pick("info", "warn", "error"),
			w.pick("request handled", `could not reach \"cache\": connection refused`, "grüße aus Köln", "retrying after timeout of upstream service in zone b"),
			w.hex(32), w.IntN(3), w.hex(32), w.hex(12), w.IntN(300), w.hex(8), app, w.hex(10), w.IntN(30), w.hex(16), w.hex(32)))
}

func (w writer) loadBalancer() string {
	return w.frame("requests", "http_load_balancer",
		`"backend_service_name":"web-backend","forwarding_rule_name":"web-https","target_proxy_name":"web-proxy","url_map_name":"web-map","zone":"global"`,
		fmt.Sprintf(`"httpRequest":{"cacheLookup":true,"latency":"0.%06ds","remoteIp":"%s","requestMethod":"%s","requestSize":"%d","requestUrl":"https://shop.example.com/items/%s?ref=%s","responseSize":"%d","serverIp":"%s","status":%d,"userAgent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/122.0 Safari/537.36"},"jsonPayload":{"@type":"type.googleapis.com/google.cloud.loadbalancing.type.LoadBalancerLogEntry","backendTargetProjectNumber":"projects/123456","cacheDecision":["RESPONSE_HAS_CACHE_CONTROL","CACHE_MODE_USE_ORIGIN_HEADERS"],"remoteIp":"%s","statusDetails":"response_sent_by_backend"}`,
			w.IntN(1e6), w.ip(), w.pick("GET", "GET", "POST"), w.IntN(4000), w.hex(12), w.hex(6), w.IntN(1e5), w.ip(), w.IntN(400)+200, w.ip()))
}

func (w writer) text() string {
	line := fmt.Sprintf(`%s [%s] worker-%d: %s `, w.time(), w.pick("INFO", "WARN", "ERROR"), w.IntN(64), w.pick("flushed segment to disk", "compaction finished", "could not parse header"))
	return w.frame("syslog", "gce_instance", fmt.Sprintf(`"instance_id":"%d","zone":"us-central1-a"`, w.Int64N(1e18)),
		fmt.Sprintf(`"labels":{"compute.googleapis.com/resource_name":"vm-%s"},"textPayload":"%s"`, w.hex(6), strings.Repeat(line+w.hex(24)+`\n`, 6)))
}

func (w writer) flow() string {
	end := func(role string) string {
		return fmt.Sprintf(`"%s_instance":{"project_id":"net-host","region":"europe-west1","vm_name":"vm-%s","zone":"europe-west1-b"},"%s_vpc":{"project_id":"net-host","subnetwork_name":"main","vpc_name":"shared"}`, role, w.hex(6), role)
	}
	return w.frame("compute.googleapis.com%2Fvpc_flows", "gce_subnetwork", `"location":"europe-west1-b","subnetwork_id":"9007199254740993","subnetwork_name":"main"`,
		fmt.Sprintf(`"jsonPayload":{"bytes_sent":"%d","connection":{"dest_ip":"%s","dest_port":%d,"protocol":6,"src_ip":"%s","src_port":%d},%s,%s,"end_time":"%s","packets_sent":"%d","reporter":"SRC","rtt_msec":"%d","start_time":"%s"}`,
			w.IntN(1e7), w.ip(), w.IntN(65536), w.ip(), w.IntN(65536), end("src"), end("dest"), w.time(), w.IntN(1e4), w.IntN(90), w.time()))
}
