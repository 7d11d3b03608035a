package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"sluice/pipeline/ledger"
	"sluice/pipeline/ledger/file"
	"sluice/pipeline/ledger/ledgertest"
)

// makeLedger fills a ledger with two lanes of the route audit over two days, and one of web, and gives its folder.
func makeLedger(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	l, err := file.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	for lane, days := range map[string]int{"audit/LOGS": 2, "audit/MORE": 1, "web/LOGS": 1, "_stream/LOGS": 1} {
		w := ledgertest.NewWriter(l, lane)
		for range days {
			if _, err := w.Fill(t.Context(), 8/days); err != nil {
				t.Fatal(err)
			}
			w.At = w.At.Add(24 * time.Hour)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// forge changes a record of audit/LOGS such that its line is good and its chain is not.
func forge(t *testing.T, dir string) {
	t.Helper()
	path := filepath.Join(dir, "lanes", "audit@LOGS", "2026-11-23.ledger")
	l, err := file.OpenReader(dir)
	if err != nil {
		t.Fatal(err)
	}
	last, rev, err := l.Last(t.Context(), "audit/LOGS")
	if err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(whole, []byte("\n"))
	if err := os.WriteFile(path, bytes.Join(lines[:len(lines)-2], nil), 0o600); err != nil {
		t.Fatal(err)
	}
	w, err := file.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	last.Committed++
	if _, err := w.Append(t.Context(), "audit/LOGS", last, rev-1); err != nil {
		t.Fatal(err)
	}
}

// runLedger runs a command of this file's subject and gives its output, its log and its exit code.
func runLedger(t *testing.T, cmd *cobra.Command, args ...string) (out, log string, code int) {
	t.Helper()
	var outs, errs bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&errs, nil)))
	defer slog.SetDefault(before)
	cmd.SetArgs(args)
	cmd.SetOut(&outs)
	cmd.SetErr(&errs)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	code = report(&errs, cmd.ExecuteContext(t.Context()))
	return outs.String(), errs.String(), code
}

const wantLane = `lane audit/LOGS
REV  TIME                  KIND    EPOCH  FIRST–LAST  EXAMINED  KEPT  NOT MATCHED  EXCLUDED         DEAD  OBJECTS  BYTES  STATE
1    2026-11-22T10:00:00Z  open    0      -           -         -     -            -                -     -        -      cursor 0
2    2026-11-22T10:00:00Z  plan    0      1–10        14        4     2            <a&b> 2, thin 1  1     2        201    committed
3    2026-11-22T10:00:00Z  plan    0      11–20       14        4     2            <a&b> 2, thin 1  1     2        201    committed
4    2026-11-22T10:00:00Z  plan    0      21–30       14        4     2            <a&b> 2, thin 1  1     2        201    committed
5    2026-11-23T10:00:00Z  commit  0      21–30       -         -     -            -                -     -        -      
6    2026-11-23T10:00:00Z  skip    0      31–33       4         0     4            -                0     0        -      nothing kept
7    2026-11-23T10:00:00Z  loss    0      34–35       -         -     -            -                -     -        -      2 messages lost: retention
8    2026-11-23T10:00:00Z  plan    0      36–45       14        4     2            <a&b> 2, thin 1  1     2        -      open
`

func TestLedgerShow(t *testing.T) {
	dir := makeLedger(t)
	out, log, code := runLedger(t, newLedgerCommand(), "show", "audit", "--ledger", dir, "--lane", "audit/LOGS")
	if diff := cmp.Diff(wantLane, out); diff != "" || code != exitOK {
		t.Errorf("exit code %d, %s (-want +got):\n%s", code, log, diff)
	}
	out, _, _ = runLedger(t, newLedgerCommand(), "show", "audit", "--ledger", dir, "--limit", "3")
	for _, want := range []string{"lane audit/LOGS\n(5 older records: --limit 0 shows all)\nREV ", "lane audit/MORE\n", "8    2026-11-23T10:00:00Z  plan  0      36–45 "} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if strings.Contains(out, "commit") {
		t.Errorf("more than 3 records in\n%s", out)
	}
	out, _, _ = runLedger(t, newLedgerCommand(), "show", "audit", "--ledger", dir, "--limit", "2", "-o", "json")
	var got []string
	for _, line := range strings.Split(strings.TrimSuffix(out, "\n"), "\n") {
		r, err := ledger.Unmarshal([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, r.Lane+" "+string(r.Kind))
	}
	if diff := cmp.Diff([]string{"audit/LOGS loss", "audit/LOGS plan", "audit/MORE loss", "audit/MORE plan"}, got); diff != "" {
		t.Errorf("json (-want +got):\n%s", diff)
	}
}

// The export is enough to check the chain: each line's hash is the next one's prev.
func TestLedgerExport(t *testing.T) {
	dir := makeLedger(t)
	out, log, code := runLedger(t, newLedgerCommand(), "export", "audit", "--ledger", dir)
	if code != exitOK || !strings.Contains(log, `"the chain holds" lane=audit/LOGS records=8 committed=35 head=`) {
		t.Errorf("exit code %d, %s", code, log)
	}
	head := map[string]string{}
	records := map[string]int{}
	for _, line := range strings.Split(strings.TrimSuffix(out, "\n"), "\n") {
		var r struct{ Lane, Kind, Prev string }
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		if r.Prev != head[r.Lane] {
			t.Errorf("prev %q after %q: %s", r.Prev, head[r.Lane], line)
		}
		if r.Kind != "checkpoint" {
			head[r.Lane] = ledger.HashOf([]byte(line))
			records[r.Lane]++
		}
	}
	if diff := cmp.Diff(map[string]int{"audit/LOGS": 8, "audit/MORE": 8}, records); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	forge(t, dir)
	out, log, code = runLedger(t, newLedgerCommand(), "export", "audit", "--ledger", dir)
	if code != exitNo || !strings.Contains(log, "sluice: lane audit/LOGS, record 8: tiling: committed is 36") || strings.Count(out, "\n") != 17 {
		t.Errorf("forged: exit code %d, %d lines, %s", code, strings.Count(out, "\n"), log)
	}
}

const wantBalance = `  ROUTE  EXAMINED  DELIVERED  NOT MATCHED  EXCLUDED  INTERCEPTED  SAMPLED  OVER QUOTA  DUPLICATES  DEAD LETTERS  OBJECTS  BYTES  BALANCED
  audit        92         24           20        18            6        6           6           6             6       12   1206       yes
  web          46         12           10         9            3        3           3           3             3        6    603       yes
audit excluded: <a&b> 12, thin 6
web excluded: <a&b> 6, thin 3
`

const wantBalanceJSON = `{"routes":[{"route":"web","examined":46,"delivered":12,"notMatched":10,"excluded":{"\u003ca\u0026b\u003e":6,"thin":3},"intercepted":3,"sampled":3,` +
	`"overQuota":3,"duplicates":3,"deadLetters":3,"objects":6,"bytes":603,"balanced":true}]}` + "\n"

func TestBalance(t *testing.T) {
	dir := makeLedger(t)
	config := filepath.Join(t.TempDir(), "sluice.yaml")
	text := "bus: {embedded: {dir: ./data}}\nledger: {file: " + dir + "}\nroutes: [{name: audit, sink: {file: {dir: ./out}}}]\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, log, code := runLedger(t, newBalanceCommand(), "-c", config)
	if diff := cmp.Diff(wantBalance, out); diff != "" || code != exitOK {
		t.Errorf("exit code %d, %s (-want +got):\n%s", code, log, diff)
	}
	out, _, code = runLedger(t, newBalanceCommand(), "web", "--ledger", dir, "-o", "json")
	if diff := cmp.Diff(wantBalanceJSON, out); diff != "" || code != exitOK {
		t.Errorf("exit code %d (-want +got):\n%s", code, diff)
	}
	forge(t, dir)
	out, log, code = runLedger(t, newBalanceCommand(), "--ledger", dir)
	if code != exitNo || !strings.Contains(out, "NO") || !strings.Contains(log, `error="lane audit/LOGS, record 8: tiling:`) || !strings.Contains(log, "sluice: not balanced") {
		t.Errorf("forged: exit code %d, %s\n%s", code, log, out)
	}
	if _, log, code = runLedger(t, newBalanceCommand(), "web", "--ledger", dir); code != exitOK {
		t.Errorf("another route: exit code %d, %s", code, log)
	}
}

func TestLedgerMistakes(t *testing.T) {
	dir := makeLedger(t)
	tests := []struct {
		cmd  *cobra.Command
		args []string
		code int
		want string
	}{
		{newBalanceCommand(), []string{"nobody", "--ledger", dir}, exitNo, `route "nobody": the ledger has no record of it, only of _stream, audit, web`},
		{newLedgerCommand(), []string{"show", "nobody", "--ledger", dir}, exitNo, `route "nobody"`},
		{newLedgerCommand(), []string{"export", "audit", "--ledger", dir, "--lane", "web/LOGS"}, exitUsage, `route audit has ["audit/LOGS" "audit/MORE"]`},
		{newLedgerCommand(), []string{"show", "audit", "--ledger", dir, "--limit", "-1"}, exitUsage, "want 0 or more"},
		{newLedgerCommand(), []string{"show", "audit", "--ledger", t.TempDir()}, exitNo, "holds no ledger"},
		{newBalanceCommand(), []string{"-c", filepath.Join(dir, "none.yaml")}, exitNo, "--ledger DIR reads a ledger without a configuration"},
	}
	for _, test := range tests {
		out, log, code := runLedger(t, test.cmd, test.args...)
		if code != test.code || !strings.Contains(log, test.want) || out != "" {
			t.Errorf("%q: exit code %d, %q, %s, want %d, …%s…", test.args, code, out, log, test.code, test.want)
		}
	}
}
