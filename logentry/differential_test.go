package logentry

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// differentialPaths cross exact and folded segments, leaves that are prefixes, and empty keys.
var differentialPaths = []Path{
	{},
	Field("a"), Field("a", "b"), Field("a", "b", "a"), Field("b"), Field("ab"), Field("a_b"), Field("aB", "a"), Field("", "a"),
	Path{}.Key("a"), Path{}.Key("a", "a"), Path{}.Key("a_b", "b"), Path{}.Key("A", "b"), Path{}.Key("", "b"),
	Field("b").Key("a"), Field("b").Key("ab", "ab"), Path{{Key: "b"}, {Key: "b", Fold: true}},
	Field("labels").Key("k8s-pod/app"), Field("protoPayload", "authorizationInfo", "permission"), Field("protoPayload"),
	Field("insertId"), Field("severity"), Field("resource", "type"), Field("httpRequest", "status"), Path{}.Key("é"),
}

// checkAgainstOracle compares Extract with the oracle.
func checkAgainstOracle(t *testing.T, fields *Fields, e *Entry, raw []byte, limits Limits) {
	t.Helper()
	e.Raw = raw
	defect := fields.Extract(e, limits)
	reasons := judge(raw, limits)
	if defect == nil != (len(reasons) == 0) || defect != nil && !slices.Contains(reasons, defect.Reason) {
		t.Fatalf("Extract(%q): defect %v, the oracle allows %v", raw, defect, reasons)
	}
	if defect != nil {
		if defect.Offset < 0 || defect.Offset > len(raw) {
			t.Fatalf("Extract(%q): offset %d of %d bytes", raw, defect.Offset, len(raw))
		}
		return
	}
	whole, _, _ := decode(raw)
	for _, p := range differentialPaths {
		var want []seen
		for _, m := range whole.lookUp(canonical(p)) {
			want = append(want, m.seen())
		}
		if diff := cmp.Diff(want, seenIn(e, fields.Slot(p))); diff != "" {
			t.Fatalf("Extract(%q), path %q: (-want +got)\n%s", raw, p, diff)
		}
	}
}

func TestExtractEqualsOracleOnRandomDocuments(t *testing.T) {
	fields := NewFields(differentialPaths...)
	var e Entry
	for seed := range uint64(30_000) {
		g := generator{rand.New(rand.NewPCG(seed, 1))}
		raw := []byte(g.object(0))
		if seed%4 == 0 {
			raw = g.mutate(raw)
		}
		checkAgainstOracle(t, fields, &e, raw, Limits{Depth: 6})
	}
}

func TestExtractEqualsOracleOnRealEntries(t *testing.T) {
	files, _ := filepath.Glob("../../shared/data/entries/*.jsonl")
	if len(files) == 0 {
		t.Skip("no collection of real entries beside the repository")
	}
	fields := NewFields(differentialPaths...)
	var e Entry
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			checkAgainstOracle(t, fields, &e, lines.Bytes(), Limits{})
		}
		if err := lines.Err(); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
}

// generator writes small JSON texts whose keys collide often.
type generator struct{ *rand.Rand }

func (g generator) pick(of ...string) string { return of[g.IntN(len(of))] }

func (g generator) blank() string { return g.pick("", "", "", "", " ", "\n\t", "\r\n") }

func (g generator) key() string {
	return g.pick("a", "b", "ab", "a", "b", "A", "B", "_a", "a_b", "aB", "AB_", "a_", "_", "", `\u0061`, `\u0061_b`, `a\/b`,
		"é", "insertId", "insert_id", "INSERTID", `insert\u0049d`, "eine ziemlich lange Taste")
}

func (g generator) object(depth int) string {
	n := g.IntN(5)
	var b strings.Builder
	b.WriteString("{" + g.blank())
	for i := range n {
		if i > 0 {
			b.WriteString("," + g.blank())
		}
		fmt.Fprintf(&b, `"%s"%s:%s%s%s`, g.key(), g.blank(), g.blank(), g.value(depth+1), g.blank())
	}
	return b.String() + "}"
}

func (g generator) value(depth int) string {
	switch kind := g.IntN(10); {
	case depth < 6 && kind < 4:
		return g.object(depth)
	case depth < 6 && kind < 6:
		var members []string
		for range g.IntN(4) {
			members = append(members, g.value(depth+1)+g.blank())
		}
		return "[" + g.blank() + strings.Join(members, ","+g.blank()) + "]"
	}
	return g.pick("0", "-1.5e+3", "9007199254740993", "1e400", "true", "false", "null", `""`, `"x"`, `"sixteen bytes!! "`, `"äöü€😀"`,
		`"\ud83d\ude00 \ud800 \n\u0000"`, `"\ud800\ud800\udc00"`, `"a\\\"b/\/"`)
}

// mutate breaks a text in one place, or leaves it whole by chance.
func (g generator) mutate(raw []byte) []byte {
	i := g.IntN(len(raw))
	switch g.IntN(4) {
	case 0:
		return raw[:i]
	case 1:
		return slices.Delete(raw, i, i+1)
	case 2:
		return slices.Insert(raw, i, g.pick("{", "}", "[", "]", ",", ":", `"`, `\`, "0", "\x00", "\xff", "\n", "é", "-", "e")[0])
	}
	raw[i] = byte(g.IntN(256))
	return raw
}

func FuzzExtract(f *testing.F) {
	for _, c := range defectCases {
		if len(c.raw) < 4096 { // the fuzzer is slow on long ones
			f.Add([]byte(c.raw))
		}
	}
	for seed := range uint64(50) {
		f.Add([]byte(generator{rand.New(rand.NewPCG(seed, 2))}.object(0)))
	}
	for _, raw := range corpus(40) {
		f.Add(raw)
	}
	fields := NewFields(differentialPaths...)
	var e Entry
	f.Fuzz(func(t *testing.T, raw []byte) {
		checkAgainstOracle(t, fields, &e, raw, Limits{Depth: 20})
	})
}
