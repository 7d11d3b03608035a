package pipeline

import "testing"

// TestGiveUpTooLate: the write may have ended between the moment in which the lane was found to hang and the giving up.
func TestGiveUpTooLate(t *testing.T) {
	l := &lane{wake: make(chan struct{}, 1), reader: &reader{}}
	l.giveUp()
	if l.reader == nil {
		t.Error("a lane whose destination has answered got off its reader")
	}
}
