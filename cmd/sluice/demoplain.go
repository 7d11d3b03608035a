package main

import "strconv"

// demoNoInsertID is how many application entries come without an insertId, as plain programs write them.
const demoNoInsertID = 9

func demoPlainKinds() []demoKind {
	return []demoKind{
		{150, demoBalancerRequest},
		{72, func(s *demoScene) demoObject { return demoTextEntry(s, true) }},
		{demoNoInsertID, func(s *demoScene) demoObject { return demoTextEntry(s, false) }},
		{100, demoJSONEntry},
	}
}

// demoBalancerRequest is a request that the load balancer of the shop logged.
func demoBalancerRequest(s *demoScene) demoObject {
	status, severity := 200, "INFO"
	switch {
	case s.chance(4):
		status, severity = 502, "ERROR"
	case s.chance(9):
		status, severity = 404, "WARNING"
	case s.chance(12):
		status = 304
	}
	e := s.object(`{
		"logName": "projects/heron-web-prod/logs/requests", "insertId": "$span",
		"resource": {"type": "http_load_balancer", "labels": {"project_id": "heron-web-prod", "url_map_name": "shop", "zone": "global",
			"forwarding_rule_name": "shop-https", "target_proxy_name": "shop-proxy", "backend_service_name": "$workload"}},
		"httpRequest": {"requestMethod": "GET", "requestUrl": "https://shop.heronsgate.example$page", "requestSize": "$count", "responseSize": "$millis2",
			"userAgent": "$browser", "remoteIp": "$publicip", "latency": "0.${count2}${count3}s"},
		"jsonPayload": {"@type": "type.googleapis.com/google.cloud.loadbalancing.type.LoadBalancerLogEntry", "statusDetails": "response_sent_by_backend"},
		"trace": "projects/heron-web-prod/traces/$hex", "spanId": "$span2"}`)
	e["httpRequest"].(demoObject)["status"] = status
	e["severity"] = severity
	e["timestamp"], e["receiveTimestamp"] = stamp(s.at), stamp(s.received)
	return e
}

var demoTexts = []struct{ severity, text string }{
	{"INFO", "GET /healthz 200 $millis ms"},
	{"INFO", "order $order: payment of $amount EUR captured"},
	{"WARNING", "slow query on $dataset.$table: $millis ms"},
	{"ERROR", "order $order: card declined\n\tat checkout.Pay (pay.go:118)\n\tat main.main (main.go:41)"},
	{"DEFAULT", "Überweisung $order über $amount € gebucht — ok ✓"},
}

// demoTextEntry is a line of a container's standard output.
func demoTextEntry(s *demoScene, withID bool) demoObject {
	line := demoTexts[s.below(len(demoTexts))]
	e := s.object(`{
		"logName": "projects/$project/logs/stdout",
		"resource": {"type": "k8s_container", "labels": {"project_id": "$project", "location": "$region", "cluster_name": "$cluster",
			"namespace_name": "$namespace", "pod_name": "$workload-$count", "container_name": "app"}},
		"labels": {"k8s-pod/app": "$workload", "k8s-pod/pod-template-hash": "$span2"}}`)
	e["textPayload"], e["severity"] = s.text(line.text), line.severity
	e["timestamp"], e["receiveTimestamp"] = stamp(s.at), stamp(s.received)
	if withID {
		e["insertId"] = s.text("$span")
	}
	return e
}

// demoJSONEntry is a structured line of the checkout service.
func demoJSONEntry(s *demoScene) demoObject {
	e := s.object(`{
		"logName": "projects/heron-web-prod/logs/checkout", "insertId": "$span", "severity": "INFO",
		"resource": {"type": "cloud_run_revision", "labels": {"project_id": "heron-web-prod", "location": "$region",
			"service_name": "checkout", "revision_name": "checkout-00$count", "configuration_name": "checkout"}},
		"jsonPayload": {"message": "order placed", "order": {"id": "$order", "total": $amount, "currency": "EUR", "items": $count2},
			"customer": {"id": "customer-$count3", "new": false}, "duration_ms": $millis, "features": ["basket-v2", "express"]},
		"labels": {"team": "checkout", "stage": "prod"},
		"sourceLocation": {"file": "order.go", "line": "212", "function": "checkout.(*Order).Place"},
		"trace": "projects/heron-web-prod/traces/$hex"}`)
	if s.chance(8) {
		payload := e["jsonPayload"].(demoObject)
		payload["message"], payload["error"] = "order refused", demoObject{"code": "out_of_stock", "attempt": strconv.Itoa(1 + s.below(3))}
		e["severity"] = "ERROR"
	}
	e["timestamp"], e["receiveTimestamp"] = stamp(s.at), stamp(s.received)
	return e
}
