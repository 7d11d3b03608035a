package logentry

import "testing"

func TestSeverity(t *testing.T) {
	cases := []struct {
		in   string
		want Severity
		ok   bool
		text string
	}{
		{"DEFAULT", 0, true, "DEFAULT"}, {"debug", 100, true, "DEBUG"}, {"Info", 200, true, "INFO"}, {"NOTICE", 300, true, "NOTICE"},
		{"warning", 400, true, "WARNING"}, {"eRRor", 500, true, "ERROR"}, {"CRITICAL", 600, true, "CRITICAL"}, {"alert", 700, true, "ALERT"},
		{"EMERGENCY", Emergency, true, "EMERGENCY"}, {"500", Error, true, "ERROR"}, {"0", Default, true, "DEFAULT"}, {"250", 250, true, "250"},
		{"900", 900, true, "900"}, {"2147483647", 1<<31 - 1, true, "2147483647"},
		{"", 0, false, ""}, {"WARN", 0, false, ""}, {"FATAL", 0, false, ""}, {" INFO", 0, false, ""}, {"-100", 0, false, ""},
		{"5e2", 0, false, ""}, {"2147483648", 0, false, ""}, {"ınfo", 0, false, ""}, {"alerſt", 0, false, ""},
	}
	for _, c := range cases {
		got, ok := ParseSeverity(c.in)
		if ok != c.ok || ok && (got != c.want || got.String() != c.text) {
			t.Errorf("ParseSeverity(%q) = %v, %t; want %v, %t", c.in, got, ok, c.want, c.ok)
		}
	}
	if got := Severity(-100).String(); got != "-100" {
		t.Errorf("negative severity: %s", got)
	}
}
