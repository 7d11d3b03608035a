package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/sinks/gcs/gcstest"
)

// TestCheckOnline: a locked six-year bucket is attested; without the lock the check fails and says why.
func TestCheckOnline(t *testing.T) {
	server, err := gcstest.Start(gcstest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	server.SetRights("storage.objects.create", "storage.objects.get", "storage.buckets.get")
	file := filepath.Join(t.TempDir(), "sluice.yaml")
	text := fmt.Sprintf(`deadLetter: {gcs: {bucket: dead, endpoint: "%[1]s"}}
routes:
  - {name: a, sink: {gcs: {bucket: acme, endpoint: "%[1]s", retention: {atLeast: 6y, locked: true}}}}
  - {name: b, sink: {file: {dir: out}}}
`, server.URL)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	server.CreateBucket("dead", gcstest.Bucket{})
	const sixYears = 6 * 8766 * time.Hour
	rights := []string{
		"ok: storage.objects.create: granted, want granted", "ok: storage.objects.delete: refused", "ok: storage.objects.get: granted: what exists is compared",
	}
	dead := prefixed("deadLetter.gcs: ", "ok: default key: Google's own", rights[0], rights[1], rights[2])
	for _, c := range []struct {
		bucket gcstest.Bucket
		want   []string
		code   int
	}{
		{gcstest.Bucket{Retention: sixYears, Locked: true}, []string{
			"ok: retention period: 6y, want at least 6y", "ok: retention lock: locked, want locked"}, exitOK},
		{gcstest.Bucket{Retention: sixYears}, []string{
			"ok: retention period: 6y, want at least 6y",
			"short: retention lock: not locked, want locked (gcloud storage buckets update gs://acme --lock-retention-period (cannot be undone))"}, exitNo},
	} {
		server.CreateBucket("acme", c.bucket)
		out, code := runAlone(newCheckCommand(), "--online", file)
		demanded := append(c.want, "ok: default key: Google's own", rights[0], rights[1]+", want refused", rights[2])
		want := append([]string{"ok, 2 routes"}, append(dead, prefixed("routes[0].sink.gcs: ", demanded...)...)...)
		if diff := cmp.Diff(prefixed(file+": ", want...), strings.Split(strings.TrimSpace(out), "\n")); diff != "" || code != c.code {
			t.Errorf("exit %d, want %d (-want +got):\n%s", code, c.code, diff)
		}
	}
	server.Close()
	if out, code := runAlone(newCheckCommand(), "--online", file); code != exitNo || !strings.Contains(out, "deadLetter.gcs: no answer: unavailable") {
		t.Errorf("exit %d: %s", code, out)
	}
	if _, code := runAlone(newCheckCommand(), file); code != exitOK {
		t.Errorf("offline nothing is asked: exit %d", code)
	}
}

func prefixed(prefix string, lines ...string) []string {
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = prefix + line
	}
	return out
}
