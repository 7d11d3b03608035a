package filters

import (
	"strings"
	"testing"

	"sluice/logentry"
)

// TestImpossible: what holds beside what fails, and whether that can be shown to be impossible.
func TestImpossible(t *testing.T) {
	for _, c := range []struct {
		holds, fails string // filters, separated by |
		want         bool
	}{
		{`severity>=ERROR AND severity<WARNING`, ``, true},
		{`severity>=ERROR AND severity<CRITICAL`, ``, false},
		{`severity=(ERROR OR INFO) AND NOT severity<CRITICAL`, ``, true},
		{`resource.type="a" AND resource.type="b"`, ``, true},
		{`resource.type="a" AND resource.type="A"`, ``, false},
		{`resource.type="abc" resource.type:"bd"`, ``, true},
		{`resource.type:"abc" AND NOT resource.type:"B"`, ``, true},
		{`resource.type:"a" AND NOT resource.type:"b"`, ``, false},
		{`resource.type:* AND NOT resource.type:*`, ``, true},
		{`labels.x="1" AND labels.x="2"`, ``, true},
		{`labels.x="1" AND NOT labels.x:*`, ``, true},
		{`jsonPayload.x="1" AND jsonPayload.x="2"`, ``, false}, // a list has both
		{`jsonPayload.x="1" AND NOT jsonPayload.x:*`, ``, true},
		{`jsonPayload.x>5 AND jsonPayload.x<3`, ``, false},
		{`NOT jsonPayload.x:* AND jsonPayload.x!="1"`, ``, true},
		{`protoPayload.serviceName="a.b" AND protoPayload.serviceName="c.d"`, ``, true},
		{`protoPayload.methodName="get" AND protoPayload.methodName=~"^set"`, ``, true},
		{`protoPayload.methodName="get" AND protoPayload.methodName=~"^ge"`, ``, false},
		{`httpRequest.status>=500 httpRequest.status<=499`, ``, true},
		{`httpRequest.status>499 httpRequest.status<501`, ``, false},
		{`httpRequest.status=200`, `httpRequest.status<300`, true},
		{`httpRequest.latency>"2s" httpRequest.latency<"1s"`, ``, true},
		{`timestamp>="2026-02-01T00:00:00Z" timestamp<"2026-01-01T00:00:00Z"`, ``, true},
		{`operation.first=true operation.first=false`, ``, true},
		{`log_id("a/b") AND log_id("c")`, ``, true},
		{`log_id("cloudaudit.googleapis.com/activity")`, `logName:"cloudaudit.googleapis.com"`, true},
		{`log_id("cloudaudit.googleapis.com/activity") logName:"data_access"`, ``, false}, // of a project of that name
		{`logName="projects/p/logs/x" log_id("y")`, ``, true},
		{`logName="projects/p/logs/x" log_id("x") source("projects/p")`, ``, false},
		{`source("projects/p") source("projects/q")`, ``, true},
		{`severity>=ERROR`, `severity>=WARNING`, true},
		{`severity>=ERROR|labels.a="1"`, `labels.a="1" AND severity>INFO`, true},
		{`severity>=ERROR`, `severity=ERROR|severity=CRITICAL`, false},
		{`severity=ERROR`, `severity=CRITICAL|labels.x="1" OR severity=ERROR`, true},
		{`(labels.a="1" OR labels.b="1") AND NOT labels.a:* AND NOT labels.b:*`, ``, true},
		{`"needle" AND NOT "needle"`, ``, true},
		{`"needle"`, `"needles"`, false},
		{`sample(insertId, 0.5)`, `insertId:*`, false},
		{``, ``, false},
	} {
		if got := caseOf(t, c.holds, c.fails).Impossible(); got != c.want {
			t.Errorf("%s, and not %s: impossible %t, want %t", c.holds, c.fails, got, c.want)
		}
	}
}

func caseOf(t *testing.T, holds, fails string) (c Case) {
	t.Helper()
	for text := range strings.SplitSeq(holds, "|") {
		f, err := Compile(text)
		if err != nil {
			t.Fatal(err)
		}
		c.Holds = append(c.Holds, f)
	}
	for text := range strings.SplitSeq(fails, "|") {
		if text == "" {
			continue
		}
		f, err := Compile(text)
		if err != nil {
			t.Fatal(err)
		}
		c.Fails = append(c.Fails, f)
	}
	return c
}

// TestImpossibleIsSound: of random filters that are said to contradict each other, no random entry shows the contrary.
func TestImpossibleIsSound(t *testing.T) {
	g := newGenerator(7)
	var entries [][]byte
	for range 400 {
		entries = append(entries, g.entry())
	}
	claims, tried := 0, 0
	for range 600 {
		a, errA := Compile(g.filter(2))
		b, errB := Compile(g.filter(1))
		if errA != nil || errB != nil {
			continue
		}
		tried++
		for _, c := range []Case{{Holds: []*Filter{a, b}}, {Holds: []*Filter{a}, Fails: []*Filter{b}}, {Fails: []*Filter{a, b}}} {
			if !c.Impossible() {
				continue
			}
			claims++
			for _, raw := range entries {
				if c.met(&logentry.Entry{Raw: raw, Stream: "S", Seq: 1}) {
					t.Fatalf("said to be impossible: %v without %v, and here it is: %s", c.Holds, c.Fails, raw)
				}
			}
		}
	}
	if claims < 100 || tried < 300 {
		t.Errorf("%d claims in %d tries: this proves nothing", claims, tried)
	}
	t.Logf("%d claims in %d tries", claims, tried)
}

func (c Case) met(e *logentry.Entry) bool {
	for _, f := range c.Holds {
		if !f.Match(e) {
			return false
		}
	}
	for _, f := range c.Fails {
		if f.Match(e) {
			return false
		}
	}
	return true
}

// TestExamples: of what is possible, one of the first examples is true.
func TestExamples(t *testing.T) {
	for _, c := range []struct{ holds, fails string }{
		{`severity>=ERROR`, `severity=ERROR`},
		{`log_id("cloudaudit.googleapis.com/activity")`, `severity>=WARNING|protoPayload.serviceName:"aiplatform"`},
		{`resource.type=("a" OR "b") labels."k8s-pod/app":"x" httpRequest.status>=500`, `resource.type="a"`},
		{`protoPayload.methodName=~"^google\.(cloud)\.v[12]\.Get.+$" jsonPayload.n>5`, `jsonPayload.n>6`},
		{`jsonPayload.deep.ok=true operation.first=true`, `textPayload:*`},
	} {
		wanted, n, found := caseOf(t, c.holds, c.fails), 0, false
		wanted.Examples(func(entry []byte) bool {
			n++
			found = wanted.met(&logentry.Entry{Raw: entry})
			return found || n == 20
		})
		if !found {
			t.Errorf("%s, and not %s: no example among %d", c.holds, c.fails, n)
		}
	}
}
