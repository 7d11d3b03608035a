package rehearsal

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTally holds sets of positions against plain maps.
func TestTally(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		all := somePositions(r)
		whole, some, others := &tally{}, &tally{}, &tally{}
		var want []Position
		for _, p := range all {
			whole.add(p.Seq, p.Index)
			whole.add(p.Seq, p.Index) // a redo
			taken := false
			for _, o := range []*tally{some, others} {
				if r.IntN(3) == 0 {
					o.add(p.Seq, p.Index)
					taken = true
				}
			}
			if !taken {
				want = append(want, p)
			}
		}
		var got []Position
		n := whole.without([]*tally{some, nil, others}, "LOGS", &got, len(all))
		if diff := cmp.Diff(want, got); diff != "" || n != uint64(len(want)) {
			t.Fatalf("seed %d: %d positions (-want +got):\n%s", seed, n, diff)
		}
		got = nil
		if n := whole.without(nil, "LOGS", &got, 3); n != uint64(len(all)) || !slices.Equal(got, all[:min(3, len(all))]) {
			t.Fatalf("seed %d: %d of %d positions, first %v", seed, n, len(all), got)
		}
	}
}

// somePositions are ascending, with packs and gaps; perhaps none, perhaps sequence 0.
func somePositions(r *rand.Rand) []Position {
	var all []Position
	seq := uint64(r.IntN(2))
	for range r.IntN(50) {
		index := int32(0)
		for range 1 + r.IntN(3) {
			index += int32(r.IntN(300))
			all = append(all, Position{"LOGS", seq, index})
			index++
		}
		seq += 1 + r.Uint64N(1<<r.IntN(40))
	}
	return all
}
