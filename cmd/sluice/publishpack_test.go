package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/logentry"
)

func packsOf(t testing.TB, source string, from int64, limit int, cuts ...int64) []*pack {
	t.Helper()
	p := newPacker("/a/file", strings.NewReader(source[from:]), from, limit, cuts)
	var all []*pack
	for {
		k, err := p.next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, k)
	}
}

func line(project, log, id string) string {
	return fmt.Sprintf(`{"logName":"projects/%s/logs/%s","timestamp":"2026-01-02T03:04:05Z","insertId":%q}`+"\n", project, log, id)
}

func TestPacks(t *testing.T) {
	var seventy strings.Builder
	for i := range 70 {
		seventy.WriteString(line("p", "l", fmt.Sprint(i)))
	}
	big := strings.Replace(line("p", "l", "big"), "{", `{"textPayload":"`+strings.Repeat("x", 300<<10)+`",`, 1)
	for name, c := range map[string]struct {
		source string
		limit  int
		cuts   []int64
		want   []string // subject, entries
	}{
		"empty":                       {source: ""},
		"blank lines are no entries":  {source: "\n \n\r\n", want: []string{"logs.none 0"}},
		"one log":                     {source: line("p", "a%2Fb", "1") + line("p", "a%2fb", "2"), want: []string{"logs.projects.p.a_2Fb 2"}},
		"several logs of one parent":  {source: line("p", "a", "1") + line("p", "b", "2"), want: []string{"logs.projects.p._ 2"}},
		"a parent ends a pack":        {source: line("p", "a", "1") + line("q", "a", "2"), want: []string{"logs.projects.p.a 1", "logs.projects.q.a 1"}},
		"64 entries end a pack":       {source: seventy.String(), want: []string{"logs.projects.p.l 64", "logs.projects.p.l 6"}},
		"512 KiB end a pack":          {source: big + big, want: []string{"logs.projects.p.l 1", "logs.projects.p.l 1"}},
		"lines that are not entries":  {source: "no\n" + line("p", "a", "1") + "\x00\xff\n[]\n", want: []string{"logs.projects.p.a 4"}},
		"only lines without a log":    {source: "{}\n{}\n", want: []string{"logs.none 2"}},
		"the last line has no end":    {source: "{}\n{}", want: []string{"logs.none 2"}},
		"a line too long":             {source: "{}\n" + big + "{}", limit: 1000, want: []string{"logs.none 1", "refused 1", "logs.none 1"}},
		"a cut of an earlier run":     {source: "{}\n{}\n{}\n", cuts: []int64{6}, want: []string{"logs.none 2", "logs.none 1"}},
		"lines that are one value":    {source: "{\n\"a\":1\n}\n", want: []string{"logs.none 1"}},
		"carriage returns and blanks": {source: "\r\n{}\r\n\n  {}  \r\n", want: []string{"logs.none 2"}},
	} {
		if c.limit == 0 {
			c.limit = 8 << 20
		}
		var got []string
		for _, k := range packsOf(t, c.source, 0, c.limit, c.cuts...) {
			if k.refused {
				k.subject = "refused"
			}
			got = append(got, fmt.Sprint(k.subject, " ", k.entries))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

// The identity of entries with an insertId is theirs wherever they stand and however their time is written; that of others is
// their place in the source and their bytes.
func TestPackIdentity(t *testing.T) {
	id := func(path, source string) string {
		k, err := newPacker(path, strings.NewReader(source), 0, 8<<20, nil).next()
		if err != nil {
			t.Fatal(err)
		}
		return k.id
	}
	one := line("p", "a", "1")
	other := strings.Replace(one, "03:04:05Z", "04:04:05.000+01:00", 1)
	without := `{"logName":"projects/p/logs/a","timestamp":"2026-01-02T03:04:05Z"}` + "\n"
	for _, c := range []struct {
		name string
		a, b string
		same bool
	}{
		{"another file, another payload, another log of the parent", id("/x", one), id("/y", strings.Replace(one, "logs/a", "logs/b", 1)), true},
		{"another spelling of the instant", id("/x", one), id("/x", other), true},
		{"another insertId", id("/x", one), id("/x", line("p", "a", "2")), false},
		{"another parent", id("/x", one), id("/x", line("q", "a", "1")), false},
		{"another time", id("/x", one), id("/x", strings.Replace(one, "05Z", "06Z", 1)), false},
		{"a pack is not its first entry", id("/x", one), id("/x", one+line("p", "a", "2")), false},
		{"without insertId, the same place", id("/x", without), id("/x", without), true},
		{"without insertId, another file", id("/x", without), id("/y", without), false},
		{"without insertId, another place", id("/x", without), id("/x", "\n"+without), false},
		{"without insertId, another content", id("/x", without), id("/x", strings.Replace(without, "05Z", "06Z", 1)), false},
	} {
		if (c.a == c.b) != c.same {
			t.Errorf("%s: same identity: %v, want %v", c.name, c.a == c.b, c.same)
		}
	}
}

// Packs cover their source without gap or overlap, hold each line that is not blank once, and are the same ones when a later run
// begins at the end of any of them.
func FuzzPacks(f *testing.F) {
	f.Add(line("p", "a", "1")+line("q", "a", "2")+"\n{}\nno\n"+line("q", "b", "3"), uint16(100), uint16(70))
	f.Add("\n\n\x00", uint16(0), uint16(0))
	f.Add(strings.Repeat("{}\n", 200), uint16(9), uint16(1000))
	f.Fuzz(func(t *testing.T, source string, cut, limit uint16) {
		most := int(limit) + 1
		all := packsOf(t, source, 0, most, int64(cut))
		var end int64
		for i, k := range all {
			if k.start != end || k.end <= k.start || k.start < int64(cut) && k.end > int64(cut) && source[cut-1] == '\n' {
				t.Fatalf("pack %d is [%d, %d) after %d, cut %d", i, k.start, k.end, end, cut)
			}
			end = k.end
			if k.refused {
				continue
			}
			if string(k.source) != source[k.start:k.end] || len(k.source) > most || k.entries > packEntries {
				t.Fatalf("pack %d: %d bytes, %d entries", i, len(k.source), k.entries)
			}
			framed := 0
			logentry.Frame(k.data, func(int, []byte) bool { framed++; return true })
			if framed != k.entries || !bytes.Contains(k.source, k.data) {
				t.Fatalf("pack %d: %d entries, framed %d", i, k.entries, framed)
			}
		}
		if end != int64(len(source)) {
			t.Fatalf("packs end at %d of %d", end, len(source))
		}
		for i := 0; i < len(all); i += 1 + len(all)/8 {
			k := all[i]
			again := packsOf(t, source, k.end, most, int64(cut))
			if diff := cmp.Diff(all[i+1:], again, cmp.AllowUnexported(pack{})); diff != "" && len(again)+len(all[i+1:]) > 0 {
				t.Fatalf("continued at %d (-all at once +continued)\n%s", k.end, diff)
			}
		}
	})
}
