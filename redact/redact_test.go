package redact

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/logentry"
)

const testKey = "0123456789abcdef"

func newRedactor(t testing.TB, rules ...Rule) *Redactor {
	t.Helper()
	r, err := New(rules, func() (Key, error) { return NewKey(testKey) })
	if err == nil {
		err = r.Ready()
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func redacted(r *Redactor, raw string) string {
	out, changed := r.Redact(nil, []byte(raw))
	if !changed {
		return raw
	}
	return string(out)
}

func TestFields(t *testing.T) {
	const entry = `{ "labels" : {"k8s-pod/user":"ana", "team":"pay"}, "protoPayload":{"authenticationInfo":{"principalEmail":"a"},"list":[{"secret":1,"x":2},{"secret":[3]}]},"n":null}`
	for _, c := range []struct {
		field string
		with  With
		want  string
	}{
		{"labels.team", Drop, `{ "labels" : {"k8s-pod/user":"ana"}, "protoPayload":{"authenticationInfo":{"principalEmail":"a"},"list":[{"secret":1,"x":2},{"secret":[3]}]},"n":null}`},
		{`labels."K8S_pod/user"`, Drop, `{ "labels" : { "team":"pay"}, "protoPayload":{"authenticationInfo":{"principalEmail":"a"},"list":[{"secret":1,"x":2},{"secret":[3]}]},"n":null}`},
		{"labels.*", Drop, `{ "labels" : {}, "protoPayload":{"authenticationInfo":{"principalEmail":"a"},"list":[{"secret":1,"x":2},{"secret":[3]}]},"n":null}`},
		{"proto_payload", Drop, `{ "labels" : {"k8s-pod/user":"ana", "team":"pay"},"n":null}`},
		{"**.secret", Drop, `{ "labels" : {"k8s-pod/user":"ana", "team":"pay"}, "protoPayload":{"authenticationInfo":{"principalEmail":"a"},"list":[{"x":2},{}]},"n":null}`},
		{"*.*.secret", Drop, `{ "labels" : {"k8s-pod/user":"ana", "team":"pay"}, "protoPayload":{"authenticationInfo":{"principalEmail":"a"},"list":[{"x":2},{}]},"n":null}`},
		{"protoPayload.**.principalEmail", Drop, `{ "labels" : {"k8s-pod/user":"ana", "team":"pay"}, "protoPayload":{"authenticationInfo":{},"list":[{"secret":1,"x":2},{"secret":[3]}]},"n":null}`},
		{"n", Hash, entry},
		{"labels.team.x", Drop, entry},
		{"secret", Drop, entry},
		{"labels.team", Hash, strings.Replace(entry, `"pay"`, `"`+hashed("pay")+`"`, 1)},
		{"protoPayload.list", Hash, strings.NewReplacer(`:1,`, `:"`+hashed("1")+`",`, `"x":2`, `"x":"`+hashed("2")+`"`, `[3]`, `["`+hashed("3")+`"]`).Replace(entry)},
	} {
		got := redacted(newRedactor(t, Rule{Fields: []string{c.field}, With: c.with}), entry)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s %s: %s", c.with, c.field, diff)
		}
	}
}

func hashed(text string) string {
	var h hasher
	key, _ := NewKey(testKey)
	h.use(&key)
	return string(h.appendTo(nil, []byte(text)))
}

// TestHashes shows that a hash is of the text, however it is written, and of the key.
func TestHashes(t *testing.T) {
	r := newRedactor(t, Rule{Fields: []string{"a", "b"}, With: Hash})
	const want = `"hmac:cac0cc3d1eb86b0c42947e93abfa3a12"`
	if got := redacted(r, `{"a":"ana","\u0062":"\u0061na","c":"ana"}`); got != `{"a":`+want+`,"\u0062":`+want+`,"c":"ana"}` {
		t.Errorf("got %s, want the hash %s", got, want)
	}
	other, _ := NewKey("fedcba9876543210")
	key, _ := NewKey(testKey)
	if other.Fingerprint() == key.Fingerprint() || len(key.Fingerprint()) != 16 {
		t.Errorf("fingerprints %s and %s", other.Fingerprint(), key.Fingerprint())
	}
	if _, err := NewKey("too short"); err == nil {
		t.Error("a short key is taken")
	}
}

// TestDropWins over hash where both name a field, whatever the order of the rules.
func TestDropWins(t *testing.T) {
	a, b := Rule{Fields: []string{"a"}, With: Drop}, Rule{Fields: []string{"*", "a"}, With: Hash}
	b.Fields = []string{"a"}
	for _, rules := range [][]Rule{{a, b}, {b, a}} {
		if got := redacted(newRedactor(t, rules...), `{"a":1}`); got != `{}` {
			t.Errorf("got %s", got)
		}
	}
}

func TestAddresses(t *testing.T) {
	r := newRedactor(t, Rule{Preset: PII, With: Drop})
	for text, want := range map[string]string{
		"ana@acme.example":                            "#",
		"user:ana.b+c@sub.acme.example, and more":     "user:#, and more",
		"https://h.example/?u=ana%40acme.example&x=1": "https://h.example/?u=#&x=1",
		"<ana@acme.example>.":                         "<#>.",
		"jürgen@müller.example":                       "#",
		"git@1.2.3 a@b @acme.example x@sha256:12":     "git@1.2.3 a@b @acme.example x@sha256:12",
		"10.0.0.1": "#",
		"from 10.0.0.1:443 to 192.168.1.255/24, 300.1.1.1":          "from #:443 to #/24, 300.1.1.1",
		"1.2.3.4.in-addr.arpa ip_10.0.0.1_x 地10.0.0.1址":             "#.in-addr.arpa ip_#_x 地#址",
		"v1.2.3.4 1.2.3 1.2.3.4567":                                 "v1.2.3.4 1.2.3 1.2.3.4567",
		"ana@10.0.0.1 ana.10.0.0.1@acme.example":                    "ana@# #",
		"2001:db8::1 [2001:DB8::1]:443 fe80::1%eth0 ::1 ::":         "# [#]:443 #%eth0 # ::",
		"ipv6:2001:db8:0:0:0:0:0:1 ::ffff:10.0.0.1.":                "ipv6:# #.",
		"std::vector<int> at 10:00:00, aa:bb:cc:dd:ee:ff":           "std::vector<int> at 10:00:00, aa:bb:cc:dd:ee:ff",
		`{"email":"ana@acme.example","n":1}`:                        `{"email":"#","n":1}`,
		"a\nb\tana@acme.example\\\"\x01":                            "a\nb\t#\\\"\x01",
		strings.Repeat("%40", 1000) + " " + strings.Repeat("1:", 9): strings.Repeat("%40", 1000) + " #:1:",
	} {
		in, err := json.Marshal(map[string]string{"textPayload": text})
		if err != nil {
			t.Fatal(err)
		}
		var got struct{ TextPayload string }
		if err := json.Unmarshal([]byte(redacted(r, string(in))), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.ReplaceAll(want, "#", Dropped), got.TextPayload); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

func TestKeysThatAreAddresses(t *testing.T) {
	const entry = `{"jsonPayload":{"ana@acme.example":1,"a":2,"10.0.\u0030.1":{"x":3}}}`
	for with, want := range map[With]string{
		Drop: `{"jsonPayload":{"a":2}}`,
		Hash: `{"jsonPayload":{"` + hashed("ana@acme.example") + `":1,"a":2,"` + hashed("10.0.0.1") + `":{"x":3}}}`,
	} {
		if got := redacted(newRedactor(t, Rule{Preset: PII, With: with}), entry); got != want {
			t.Errorf("%s: got %s, want %s", with, got, want)
		}
	}
}

func TestMistakes(t *testing.T) {
	for field, want := range map[string]string{
		"":         `want keys joined by dots, such as jsonPayload.user.email, labels."k8s-pod/user" or **.email`,
		"a..b":     `want keys joined by dots, such as jsonPayload.user.email, labels."k8s-pod/user" or **.email`,
		"a[0].b":   `want keys joined by dots, such as jsonPayload.user.email, labels."k8s-pod/user" or **.email`,
		"a.b*":     `want keys joined by dots, such as jsonPayload.user.email, labels."k8s-pod/user" or **.email`,
		`a."b`:     "a quote that does not end",
		`"a"b`:     "want a dot behind the quote",
		"**":       "this is the whole entry",
		"*.**.*.*": "this is the whole entry",
	} {
		_, err := New([]Rule{{Fields: []string{field}, With: Drop}}, nil)
		var at *FieldError
		if !errors.As(err, &at) || at.Field != field || at.Message != want {
			t.Errorf("%s: %v", field, err)
		}
	}
	if _, err := New([]Rule{{Preset: "secrets", With: Drop}}, nil); err == nil {
		t.Error("an unknown preset is taken")
	}
	away := errors.New("no key")
	r, err := New([]Rule{{Preset: PII, With: Hash}}, func() (Key, error) { return Key{}, away })
	if err != nil || !errors.Is(r.Ready(), away) {
		t.Errorf("%v, ready: %v", err, r.Ready())
	}
}

var (
	anyMail    = regexp.MustCompile(`[\w.+-]+(?:@|%40|\\u0040)[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}`)
	anyAddress = regexp.MustCompile(`\b(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)\b|\b(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}\b|\b(?:[0-9A-Fa-f]{1,4}:)+:[0-9A-Fa-f]{1,4}\b`)
)

// TestSamples: no e-mail and no IP address of the shared samples is left, and each is still an entry.
func TestSamples(t *testing.T) {
	dir := "../../shared/data/"
	files := []string{"entries/gcp.jsonl", "entries/vertex-synthetic.jsonl", "audit/wandb.expected.jsonl", "audit/circleci.expected.jsonl", "audit/databricks.expected.jsonl"}
	if _, err := os.Stat(dir + files[0]); err != nil {
		t.Skip("the shared samples are not here")
	}
	for _, with := range []With{Drop, Hash} {
		r, before := newRedactor(t, Rule{Preset: PII, With: with}), 0
		for _, file := range files {
			for n, line := range readLines(t, dir+file) {
				before += len(anyMail.FindAllString(line, -1)) + len(anyAddress.FindAllString(line, -1))
				got := redacted(r, line)
				if found := append(anyMail.FindAllString(got, -1), anyAddress.FindAllString(got, -1)...); len(found) > 0 {
					t.Errorf("%s %s:%d: %q is left", with, file, n+1, found)
				}
				e := logentry.Entry{Raw: []byte(got)}
				if d := logentry.NewFields().Extract(&e, logentry.Limits{}); d != nil {
					t.Errorf("%s %s:%d: %v", with, file, n+1, d)
				}
				if again := redacted(r, line); again != got {
					t.Errorf("%s %s:%d: another time it becomes %s", with, file, n+1, again)
				}
			}
		}
		if before < 500 {
			t.Errorf("the samples hold %d addresses: this proves nothing", before)
		}
	}
}

// TestAnonymizeAsWandB compares with W&B's own anonymized records: what pii leaves of the raw record is what W&B leaves.
func TestAnonymizeAsWandB(t *testing.T) {
	dir := "../../shared/data/audit/"
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the shared samples are not here")
	}
	r := newRedactor(t, Rule{Preset: PII, With: Drop})
	theirs := readLines(t, dir+"wandb-anonymized.jsonl")
	for i, line := range readLines(t, dir+"wandb.expected.jsonl") {
		var entry struct {
			ProtoPayload struct{ Metadata struct{ Wandb any } }
		}
		var want any
		if err := errors.Join(json.Unmarshal([]byte(redacted(r, line)), &entry), json.Unmarshal([]byte(theirs[i]), &want)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, entry.ProtoPayload.Metadata.Wandb); diff != "" {
			t.Errorf("line %d: %s", i+1, diff)
		}
	}
}

func readLines(t *testing.T, file string) (lines []string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(nil, 16<<20)
	for s.Scan() {
		lines = append(lines, s.Text())
	}
	if s.Err() != nil || len(lines) == 0 {
		t.Fatalf("%s: %d lines, %v", file, len(lines), s.Err())
	}
	return lines
}
