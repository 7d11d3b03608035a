package jetstream

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSubject(t *testing.T) {
	long := strings.Repeat("ab/", 70)
	for _, c := range []struct{ kind, id, log, want string }{
		{"projects", "pay", "cloudaudit.googleapis.com/activity", "logs.projects.pay.cloudaudit_2Egoogleapis_2Ecom_2Factivity"},
		{"projects", "example.com:pay", "a_b-c", "logs.projects.example_2Ecom_3Apay.a_5Fb-c"},
		{"organizations", "123", "é", "logs.organizations.123._C3_A9"},
		{"projects", "pay", "> *", "logs.projects.pay._3E_20_2A"},
		{"projects", "pay", long, "logs.projects.pay." + strings.Repeat("ab_2F", 26)[:128] + "__" + "cf8b"},
		{"", "pay", "a", "logs.none"},
		{"projects", "", "a", "logs.none"},
		{"projects", "pay", "", "logs.none"},
	} {
		got := Subject(c.kind, c.id, c.log)
		if c.log == long { // the sum is what it is
			got, c.want = got[:len(got)-32], c.want[:len(c.want)-4]
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
	if got := ManyLogs("projects", "a.b"); got != "logs.projects.a_2Eb._" {
		t.Error(got)
	}
}

// An escaped token is a valid one, and short ones can be undone, so that different tokens stay different.
func FuzzEscape(f *testing.F) {
	for _, token := range []string{"", "_", "a_2F", "a/b", "é", ">", "*", strings.Repeat("/", 90)} {
		f.Add(token)
	}
	f.Fuzz(func(t *testing.T, token string) {
		escaped := escape(token)
		const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
		if strings.Trim(escaped, allowed) != "" || len(escaped) > 200 {
			t.Fatalf("%q gives %q", token, escaped)
		}
		if strings.Contains(escaped, "__") {
			if len(token) < 67 {
				t.Fatalf("%q was cut: %q", token, escaped)
			}
			return
		}
		if got := unescape(t, escaped); got != token {
			t.Fatalf("%q gives %q gives %q", token, escaped, got)
		}
	})
}

func unescape(t *testing.T, escaped string) string {
	t.Helper()
	parts := strings.Split(escaped, "_")
	var b strings.Builder
	b.WriteString(parts[0])
	for _, p := range parts[1:] {
		c, err := hex.DecodeString(p[:2])
		if err != nil {
			t.Fatal(err)
		}
		b.Write(c)
		b.WriteString(p[2:])
	}
	return b.String()
}

func TestParseAck(t *testing.T) {
	for subject, want := range map[string]string{
		"$JS.ACK.LOGS.c1.1.22.33.1700000000123456789.4":              "22 33 1700000000123456789",
		"$JS.ACK.hub.acc.LOGS.c1.1.22.33.1700000000123456789.4":      "22 33 1700000000123456789",
		"$JS.ACK.hub.acc.LOGS.c1.1.22.33.1700000000123456789.4.rand": "22 33 1700000000123456789",
		"$JS.ACK.LOGS.c1.1.22.33.1700000000123456789":                "",
		"$JS.ACK.LOGS.c1.1.x.33.1700000000123456789.4":               "",
		"": "",
	} {
		at, ok := parseAck(subject)
		got := ""
		if ok {
			got = strings.Join([]string{fmt.Sprint(at.seq), fmt.Sprint(at.delivery), fmt.Sprint(at.stored.UnixNano())}, " ")
		}
		if got != want {
			t.Errorf("%s: %q, want %q", subject, got, want)
		}
	}
}
