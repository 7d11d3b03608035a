package configs

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/logentry"
	"sluice/redact"
)

const redactingRoutes = `
redaction: {key: "${SLUICE_TEST_KEY}", previousKeys: ["${SLUICE_TEST_OLD_KEY}"]}
routes:
  - {name: drops, redact: [pii], sink: {file: {dir: a}}}
  - {name: hashes, redact: [pii, {preset: pii, fields: [labels.user, "**.token"], with: hash}], sink: {file: {dir: b}}}
  - {name: whole, sink: {file: {dir: c}}}
`

// TestRedactionIsPinned: rules and the key's fingerprint are decision settings, the key is not.
func TestRedactionIsPinned(t *testing.T) {
	t.Setenv("SLUICE_TEST_KEY", "0123456789abcdef")
	t.Setenv("SLUICE_TEST_OLD_KEY", "fedcba9876543210")
	cfg := mustParse(t, redactingRoutes)
	limits := logentry.Limits{}
	for i := range cfg.Routes {
		r := &cfg.Routes[i]
		text := r.Decision(limits)
		if strings.Contains(string(text), "0123456789abcdef") {
			t.Errorf("%s: the key stands in %s", r.Name, text)
		}
		terms, err := ParseDecision(text)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r.Redaction, terms.Redaction); diff != "" {
			t.Errorf("%s: %s", r.Name, diff)
		}
	}
	hashes := cfg.Routes[1]
	want := &Redaction{Key: hashes.Redaction.Key, Rules: []redact.Rule{
		{Preset: "pii", With: redact.Drop}, {Preset: "pii", Fields: []string{"labels.user", "**.token"}, With: redact.Hash},
	}}
	if diff := cmp.Diff(want, hashes.Redaction); diff != "" || len(hashes.Redaction.Key) != 16 || cfg.Routes[0].Redaction.Key != "" {
		t.Errorf("keys %q and %q: %s", hashes.Redaction.Key, cfg.Routes[0].Redaction.Key, diff)
	}
	before := []string{cfg.Routes[0].DecisionHash(limits), hashes.DecisionHash(limits), cfg.Routes[2].DecisionHash(limits)}

	t.Setenv("SLUICE_TEST_KEY", "another key of enough bytes")
	t.Setenv("SLUICE_TEST_OLD_KEY", "0123456789abcdef")
	next := mustParse(t, redactingRoutes)
	for i, changed := range []bool{false, true, false} {
		if got := next.Routes[i].DecisionHash(limits) != before[i]; got != changed {
			t.Errorf("%s: another revision under another key: %t", next.Routes[i].Name, got)
		}
	}
	old, err := next.RedactionKey(hashes.Redaction.Key)
	if err != nil || old.Fingerprint() != hashes.Redaction.Key {
		t.Errorf("the previous key: %v", err)
	}
	if _, err := next.RedactionKey("0000000000000000"); err == nil || !strings.Contains(err.Error(), "previousKeys") {
		t.Errorf("a key that nobody has: %v", err)
	}
}

func TestShortRedactionKeys(t *testing.T) {
	t.Setenv("SLUICE_TEST_KEY", "too short")
	t.Setenv("SLUICE_TEST_OLD_KEY", "too short")
	_, err := Parse("sluice.yaml", []byte(redactingRoutes), fakes)
	want := `sluice.yaml:2:18: redaction.key: a key of fewer than 16 bytes is found by trying (openssl rand -hex 32 makes one)
sluice.yaml:2:55: redaction.previousKeys[0]: a key of fewer than 16 bytes is found by trying (openssl rand -hex 32 makes one)`
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}
