package pipeline

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/filters"
	"sluice/logentry"
	"sluice/pipeline/stream"
)

// TestClerksDecideAlike decides random blocks by one clerk and by several: the verdicts, their order and the counts are the same.
func TestClerksDecideAlike(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 1))
		blk := randomBlock(r)
		alone, several := testCourt(t), testCourt(t)
		alone.setClerks(1)
		several.setClerks(2 + r.IntN(4))
		want := shown(alone.decide(blk, func(int) bool { return true }))
		wantEntries := blk.entries
		got := shown(several.decide(blk, func(int) bool { return true }))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d: (-one +several)\n%s", seed, diff)
		}
		if diff := cmp.Diff(wantEntries, blk.entries); diff != "" {
			t.Fatalf("seed %d: entries (-one +several)\n%s", seed, diff)
		}
		if len(want[0]) == 0 || len(want[2]) == 0 {
			t.Fatalf("seed %d: the block decides nothing", seed)
		}
	}
}

// randomBlock has single entries and packs, readable and not, of some 600 KB.
func randomBlock(r *rand.Rand) *block {
	var buf []stream.Message
	for seq := uint64(1); len(buf) < 100+r.IntN(100); seq += 1 + r.Uint64N(2) {
		var lines []string
		for range 1 + r.IntN(4) {
			line := fmt.Sprintf(`{"severity":"%s","n":%d,"textPayload":"%s"}`,
				[]string{"INFO", "ERROR"}[r.IntN(2)], seq, strings.Repeat("x", r.IntN(4000)))
			if r.IntN(20) == 0 {
				line = line[:len(line)-1]
			}
			lines = append(lines, line)
		}
		buf = append(buf, stream.Message{Seq: seq, Stored: time.Unix(int64(seq), 0), Data: []byte(strings.Join(lines, "\n"))})
	}
	blk, _ := gather("S", 1, buf[len(buf)-1].Seq, buf)
	return blk
}

// testCourt has a route with an exclusion, one that is aboard but matches little, and the unreadable one.
func testCourt(t *testing.T) *court {
	compile := func(src string) *filters.Filter {
		f, err := filters.Compile(src)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	key := func(dst []byte, e *logentry.Entry) []byte { return append(dst, e.Get(logentry.PathSeverity).Text...) }
	return newCourt([]question{
		{decision: &Decision{Rule: filters.Rule{Include: compile(`textPayload:"x"`), Exclude: []*filters.Filter{compile(`severity=INFO`)}}}, key: key},
		{decision: &Decision{Rule: filters.Rule{Include: compile(`severity>=WARNING`)}}, key: key},
		{decision: &Decision{Unreadable: true}, key: key},
	}, logentry.Limits{}, []logentry.Path{logentry.PathSeverity})
}

// shown copies verdicts, which the next decision overwrites.
func shown(all [][]verdict) [][]string {
	out := make([][]string, len(all))
	for i, verdicts := range all {
		for _, v := range verdicts {
			out[i] = append(out[i], fmt.Sprintf("%d.%d excluded %d key %s defect %t: %s", v.msg, v.index, v.excluded, v.key, v.defect != nil, v.raw))
		}
	}
	return out
}

func TestRuns(t *testing.T) {
	sizes := func(of ...int) *block {
		b := &block{}
		for _, n := range of {
			b.msgs = append(b.msgs, &message{Message: stream.Message{Data: make([]byte, n)}})
			b.bytes += n
		}
		return b
	}
	for _, c := range []struct {
		name  string
		block *block
		n     int
		want  []int
	}{
		{"one clerk", sizes(100, 100, 100), 1, []int{3}},
		{"too small for two", sizes(5, 5, 5), 4, []int{3}},
		{"even", sizes(100, 100, 100, 100), 2, []int{2, 4}},
		{"a run for each", sizes(100, 100, 100), 3, []int{1, 2, 3}},
		{"one large message", sizes(1000), 4, []int{1}},
		{"large first", sizes(1000, 1, 1), 3, []int{1, 2, 3}},
		{"large last", sizes(1, 1, 1000), 3, []int{3}},
		{"empty messages", sizes(0, 0), 2, []int{2}},
	} {
		if diff := cmp.Diff(c.want, c.block.runs(c.n, 10)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", c.name, diff)
		}
	}
}
