package pipeline

import (
	"context"
	"testing"

	"sluice/pipeline/stream"
	streammemory "sluice/pipeline/stream/memory"
)

// TestTrimmedSpeaksForItsOwn: a reader that opens where retention has been must not tell of a loss the lanes of another one at
// the same position, which decides at this moment what it has read from there.
func TestTrimmedSpeaksForItsOwn(t *testing.T) {
	s := streammemory.New("LOGS")
	for range 10 {
		s.Append([]byte("{}"))
	}
	s.Trim(6)
	rs := newReaders(New(Options{Streams: []stream.Stream{s}}), s)
	mine, theirs := newLane(rs.router, rs, &Route{Name: "mine"}, 0), newLane(rs.router, rs, &Route{Name: "theirs"}, 1)
	opening := &reader{rs: rs, pos: 2, aboard: []*lane{mine}}
	deciding := &reader{rs: rs, pos: 2, aboard: []*lane{theirs}, processing: true}
	mine.reader, theirs.reader = opening, deciding
	rs.active = []*reader{deciding, opening}
	if err := opening.fill(context.Background()); err != nil {
		t.Fatal(err)
	}
	if theirs.barrier != nil || deciding.pos != 2 || len(deciding.aboard) != 1 {
		t.Error("the other reader's lane was told of a loss")
	}
	if b := mine.barrier; b == nil || b.loss.From != 2 || b.loss.To != 5 || opening.pos != 6 {
		t.Errorf("barrier %+v, position %d", b, opening.pos)
	}
}
