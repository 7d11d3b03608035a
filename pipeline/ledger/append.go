package ledger

import (
	"errors"
	"fmt"
)

// CheckAppend is the compare of every implementation's compare-and-set: whether r, appended with prev, follows the record at
// last, whose hash is head (0 and "" at an empty lane). ErrFenced says that it follows another record; any other error is a
// mistake of the caller.
func CheckAppend(lane string, r Record, prev, last Rev, head string) error {
	switch {
	case lane == "" || r.Lane != lane:
		return fmt.Errorf("append to lane %q: the record is of lane %q", lane, r.Lane)
	case r.V != Version:
		return fmt.Errorf("append to lane %s: the record has version %d, not %d", lane, r.V, Version)
	case r.N != uint64(prev)+1:
		return fmt.Errorf("append to lane %s: the record has N %d, after %d it must be %d", lane, r.N, prev, prev+1)
	case r.Kind == KindCheckpoint || r.Kind == "":
		return fmt.Errorf("append to lane %s: a record of kind %q is not for callers to append", lane, r.Kind)
	case (prev == 0) != (r.Prev == ""):
		return fmt.Errorf("append to lane %s: record %d has prev hash %q", lane, r.N, r.Prev)
	case prev != last:
		return fmt.Errorf("append record %d to lane %s, whose last is %d: %w", r.N, lane, last, ErrFenced)
	case r.Prev != head:
		return fmt.Errorf("append record %d to lane %s, which holds another record %d: %w", r.N, lane, last, ErrFenced)
	}
	return nil
}

// CheckConfig says whether b is what belongs under hash.
func CheckConfig(hash string, b []byte) error {
	if got := ConfigHash(b); got != hash {
		return fmt.Errorf("configuration %q: its content has the hash %s", hash, got)
	}
	return nil
}

// Follows says whether r is the one successor of the record at rev with the given hash: the check of a chain that is read back.
func (r Record) Follows(rev Rev, hash string) error {
	if r.N != uint64(rev)+1 {
		return fmt.Errorf("record %d follows record %d", r.N, rev)
	}
	if r.Prev != hash {
		return errors.New("the prev hash is not the hash of the record before")
	}
	return nil
}
