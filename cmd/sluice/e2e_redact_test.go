package main

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var personal = regexp.MustCompile(`[\w.+-]+(?:@|%40)[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}|\b(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)\b|2001:db8:`)

// TestRedactedOutput delivers entries that are full of e-mail and IP addresses, in names of objects, too, with kills in between: no
// file of the redacted route holds one, and the other route has the entries as they came.
func TestRedactedOutput(t *testing.T) {
	p := newPlace(t, `
redaction: {key: file:redaction.key}
routes:
  - name: shared
    redact: [pii, {fields: ["labels.*"], with: hash}]
    batch: {age: 20ms, entries: 40}
    sink: {file: {dir: out/shared, layout: {template: 'by={protoPayload.authenticationInfo.principalEmail}/from={textPayload}'}}}
  - {name: whole, batch: {age: 20ms}, sink: {file: {dir: out/whole}}}
`)
	p.write("redaction.key", []byte("0123456789abcdef"))
	lines := samples(t)
	p.writeLines("entries.jsonl", lines)
	d := p.daemon()
	d.await("health", func() bool { return p.health() == 200 })
	p.publish("entries.jsonl", int64(len(lines)))
	for range 3 {
		d.kill()
		d = p.daemon()
		d.await("health", func() bool { return p.health() == 200 })
	}
	last := putOn(t, p.stream(), `{"insertId":"last"}`)
	d.await("delivery", p.settled(last, "shared", "whole"))
	d.drain()
	if rows := p.balance(); rows["shared"].Delivered != uint64(len(lines))+1 {
		t.Errorf("%d of %d entries are delivered", rows["shared"].Delivered, len(lines)+1)
	}
	if found := addresses(t, p.path("out/whole")); found < len(lines) {
		t.Errorf("the whole entries hold %d addresses: this proves nothing", found)
	}
	if found := addresses(t, p.path("out/shared")); found > 0 {
		t.Errorf("%d addresses are left", found)
	}
	for _, r := range p.records("shared/LOGS") {
		if b, err := r.Marshal(); err != nil || personal.Match(b) {
			t.Errorf("the ledger holds %s (%v)", personal.Find(b), err)
		}
	}
}

// samples are entries of our own, and the shared ones where they are at hand.
func samples(t *testing.T) []string {
	var lines []string
	for i := range 100 {
		lines = append(lines, fmt.Sprintf(`{"insertId":"own-%d","logName":"projects/p/logs/app","labels":{"who":"p%d@acme.example"},`+
			`"protoPayload":{"authenticationInfo":{"principal\u0045mail":"p%d@acme.example"},"requestMetadata":{"callerIp":"2001:db8::%d"},`+
			`"request":{"members":["user:p%d\u0040acme.example"],"10.1.2.%d":{"url":"https://h.example/?u=p%%40acme.example"}}},"textPayload":"from 10.0.0.%d: ok"}`,
			i, i, i, i, i, i, i))
	}
	f, err := os.Open("../../../shared/data/entries/gcp.jsonl")
	if err != nil {
		t.Log("without the shared samples")
		return lines
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for s.Buffer(nil, 1<<20); s.Scan(); {
		lines = append(lines, s.Text())
	}
	if s.Err() != nil {
		t.Fatal(s.Err())
	}
	return lines
}

// addresses counts what looks like one in the files of a folder, and in their names.
func addresses(t *testing.T, dir string) (found int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		for _, text := range []string{strings.TrimPrefix(path, dir), string(b)} {
			hits := personal.FindAllString(text, -1)
			if found += len(hits); strings.HasSuffix(dir, "shared") && len(hits) > 0 {
				t.Logf("%s: %q", path, hits[0])
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
