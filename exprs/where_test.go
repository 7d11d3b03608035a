package exprs

import (
	"errors"
	"testing"
	"time"

	"sluice/logentry"
)

const entry = `{
  "logName": "projects/p/logs/cloudaudit.googleapis.com%2Factivity",
  "insertId": "abc", "severity": "ERROR", "timestamp": "2026-01-31T23:30:00.5+01:00", "receiveTimestamp": "2026-01-31T22:40:00Z",
  "labels": {"owner": "ana@example.com", "k8s-pod/app": "web", "n": "7"},
  "resource": {"type": "gce_instance", "labels": {"zone": "a"}},
  "http_request": {"status": 503, "requestSize": "9007199254740993", "latency": "1.5s", "cacheHit": true},
  "protoPayload": {"@type": "t", "authenticationInfo": {"principalEmail": "ben@example.com"},
    "authorizationInfo": [{"permission": "a.get", "granted": true}, {"permission": "a.set", "granted": false}, {"x": [1, [2, {"y": 3}]]}]},
  "jsonPayload": {"id": 1234567890123456789, "huge": 18446744073709551616, "float": 2.5, "e": 1e3, "text": "say \"hi\"\u0021", "null": null,
    "zero": 0, "yes": true, "empty": "", "list": [3, 1, 2], "names": ["x", "y"], "object": {"a": {"b": 1}}, "none": [], "many": "many"}
}`

// absentHere is an entry with almost nothing in it.
const absentHere = `{"logName":"projects/p/logs/x"}`

func evaluate(t *testing.T, src, raw string) (bool, error) {
	t.Helper()
	w, err := CompileWhere(src)
	if err != nil {
		t.Fatalf("%s: %v", src, err)
	}
	e := logentry.Entry{Raw: []byte(raw), Stream: "S", Seq: 7, Stored: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)}
	if d := logentry.NewFields(w.Fields()...).Extract(&e, logentry.Limits{}); d != nil {
		t.Fatal(d)
	}
	return w.Eval(&e)
}

func TestEval(t *testing.T) {
	for _, c := range []struct {
		src  string
		want bool
	}{
		{`protoPayload.authenticationInfo.principalEmail != labels.owner`, true},
		{`protoPayload.authenticationInfo.principalEmail == labels.owner`, false},
		{`labels["k8s-pod/app"] == "web" and labels["k8s-pod/" + "app"] == "web"`, true},
		{`protoPayload["@type"] == "t"`, true},
		// integers are exact at any size
		{`jsonPayload.id == 1234567890123456789`, true},
		{`jsonPayload.id == 1234567890123456788`, false},
		{`jsonPayload.id > 1234567890123456788 and jsonPayload.id < 1234567890123456790`, true},
		{`jsonPayload.id == 1234567890123456789.0`, false}, // that double is …768
		{`jsonPayload.id in [1, 1234567890123456789]`, true},
		{`jsonPayload.id + 1 == 1234567890123456790`, true},
		{`jsonPayload.id * jsonPayload.id == jsonPayload.id * 1234567890123456789`, true},
		{`jsonPayload.id * 10 - jsonPayload.id * 9 == jsonPayload.id`, true},
		{`jsonPayload.id % 1000 == 789`, true},
		{`jsonPayload.huge > 9223372036854775807 and string(jsonPayload.huge) == "18446744073709551616"`, true},
		{`jsonPayload.huge - 18446744073709551615.0 == 0`, true},
		{`int("18446744073709551616") == jsonPayload.huge`, true},
		{`httpRequest.requestSize == 9007199254740993 and httpRequest.requestSize != 9007199254740992`, true},
		{`jsonPayload.e == 1000 and jsonPayload.float * 2 == 5 and -jsonPayload.float < 0`, true},
		{`7 / 2 == 3.5 and 7 % 4 == 3 and 2 ** 3 == 8 and min(3, 1, 2) == 1 and max(jsonPayload.list) == 3`, true},
		{`sum(jsonPayload.list) == 6 and sum(jsonPayload.list, # * 2) == 12 and len(jsonPayload.list) == 3`, true},
		// LogEntry's own fields
		{`httpRequest.status >= 500 and httpRequest.latency > duration("1s") and httpRequest.cacheHit`, true},
		{`severity >= "warning" and severity == "error" and severity != "INFO" and severity in ["critical", "ERROR"]`, true},
		{`"ALERT" > severity and severity startsWith "ERR"`, true},
		{`timestamp < receiveTimestamp and receiveTimestamp - timestamp == duration("9m59.5s")`, true},
		{`timestamp > date("2026-01-31") and timestamp.Hour() == 22 and timestamp.Weekday() == 6 and timestamp.Month() == 1`, true},
		{`logName matches "cloudaudit[.]" and logName contains "%2F" and not (logName endsWith "x")`, true},
		{`resource.type == "gce_instance" and resource.labels.zone == "a"`, true},
		// texts, lists, objects
		{`jsonPayload.text == "say \"hi\"!" and upper(jsonPayload.text) contains "HI" and trim("  x ") == "x"`, true},
		{`any(protoPayload.authorizationInfo, .granted and .permission == "a.get")`, true},
		{`all(protoPayload.authorizationInfo, .granted)`, false},
		{`count(protoPayload.authorizationInfo, .permission startsWith "a.") == 2`, true},
		{`map(filter(protoPayload.authorizationInfo, .granted), .permission) == ["a.get"]`, true},
		{`find(protoPayload.authorizationInfo, .permission == "a.set").granted == false`, true},
		{`protoPayload.authorizationInfo[2].x[1][1].y == 3 and jsonPayload.list[-1] == 2 and last(jsonPayload.list) == 2`, true},
		{`jsonPayload.object == {"a": {"b": 1.0}} and "a" in jsonPayload.object and jsonPayload.object.a.b == 1`, true},
		{`"x" in jsonPayload.names and not ("z" in jsonPayload.names) and "z" not in jsonPayload.names`, true},
		{`let admins = ["ana@example.com", "eve@example.com"]; labels.owner in admins`, true},
		{`let levels = ["ERROR"]; severity in levels`, true},
		{`split(labels.owner, "@")[1] == "example.com" and labels.owner[0:3] == "ana" and len(labels.owner) == 15`, true},
		{`int(labels.n) == 7 and float(labels.n) == 7 and round(jsonPayload.float) == 3 and abs(-2) == 2`, true},
		{`jsonPayload.yes ? jsonPayload.zero == 0 : false`, true},
		{`jsonPayload.many == 7 or jsonPayload.zero == "0"`, false}, // different kinds differ
		// nil: absent, null, or below what has no members
		{`jsonPayload.null == nil and jsonPayload.no == nil and jsonPayload.no.such.thing == nil and jsonPayload.text.x == nil`, true},
		{`jsonPayload?.no?.such == nil and (jsonPayload.no.such ?? "x") == "x"`, true},
		{`jsonPayload.zero != nil and jsonPayload.empty != nil and jsonPayload.none != nil`, true},
		{`jsonPayload.no > 5 or jsonPayload.no <= 5 or jsonPayload.no contains "x" or jsonPayload.no matches "x"`, false},
		{`jsonPayload.no and true or not true`, false},
		{`not jsonPayload.no and none(jsonPayload.no, true) and len(jsonPayload.no) == 0 and lower(jsonPayload.no) == "" and "x" not in jsonPayload.no`, true},
		{`jsonPayload.no`, false},
		{`int(jsonPayload.no) == nil and float(jsonPayload.no) == nil and date(jsonPayload.no) == nil and string(jsonPayload.no) == ""`, true},
		{`int(jsonPayload.no) > 5 or duration(jsonPayload.no) < duration("1s")`, false},
		{`jsonPayload[jsonPayload.no] == nil and jsonPayload.object[jsonPayload.text] == nil`, true},
		{`operation == nil and httpRequest != nil and httpRequest.remoteIp == nil and (trace ?? "none") == "none"`, true},
	} {
		got, err := evaluate(t, c.src, entry) // stops at what does not compile
		if err != nil || got != c.want {
			t.Errorf("%s: %v, %v; want %v", c.src, got, err, c.want)
		}
	}
}

func TestEvalAbsent(t *testing.T) {
	for src, want := range map[string]bool{
		`httpRequest.status < 500 and httpRequest.status == 0 and httpRequest.status == nil`:        true,
		`severity == "DEFAULT" and severity < "ERROR" and severity == nil`:                          true,
		`insertId == "S-7-0" and timestamp == receiveTimestamp and timestamp.Year() == 2026`:        true,
		`httpRequest == nil and not httpRequest.cacheHit and httpRequest.latency == duration("0s")`: true,
		`protoPayload.authenticationInfo.principalEmail != labels.owner`:                            false, // nil and nil
		`protoPayload.a.b.c.d == nil and labels == nil and textPayload == ""`:                       true,
		`any(protoPayload.authorizationInfo, .granted)`:                                             false,
	} {
		got, err := evaluate(t, src, absentHere)
		if err != nil || got != want {
			t.Errorf("%s: %v, %v; want %v", src, got, err, want)
		}
	}
}

func TestRunErrors(t *testing.T) {
	for _, c := range []struct{ src, raw, want string }{
		{`jsonPayload.many > 5`, entry, "1:18: cannot compare a text with a number"},
		{`true and int(jsonPayload.many) > 3`, entry, "1:10: int of a text that is no integer"},
		{`jsonPayload.no + 1 > 0`, entry, "1:16: cannot compute nil + a number"},
		{`jsonPayload.list[9] == 1`, entry, "1:17: no [9] in a list of 3"},
		{`jsonPayload.zero % 0 == 1`, entry, "1:18: % by zero"},
		{`jsonPayload.text && true`, entry, "1:13: want true or false, found a text"},
		{`protoPayload.authorizationInfo.granted`, entry,
			"1:32: protoPayload.authorizationInfo is a list: write any(protoPayload.authorizationInfo, .granted …)"},
		{`any(jsonPayload.object, true)`, entry, "1:17: want a list, found an object"},
		{`httpRequest.status > 1`, `{"httpRequest":{"status":"many"}}`, "1:13: httpRequest.status of the entry is not an integer of 64 bits"},
		{`timestamp > date("2026-01-01")`, `{"timestamp":"yesterday"}`, "1:1: timestamp of the entry is not a time like 2026-01-31T00:00:00Z"},
		{`all(1..1000, all(1..1000, # > 0))`, entry, "1:29: the expression takes too long on this entry"},
		{`len(1..100000) > 0`, entry, "1:6: memory budget exceeded"},
		{`all(jsonPayload.l, all(jsonPayload.l, # == 1))`, `{"jsonPayload":{"l":` + ones(1000) + `}}`, "1:41: the expression takes too long on this entry"},
	} {
		_, err := evaluate(t, c.src, c.raw)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%s: error %v", c.src, err)
			continue
		}
		if got := placeOf(e); got != c.want {
			t.Errorf("%s: %s, want %s", c.src, got, c.want)
		}
	}
}
