package ledger

import (
	"context"
	"errors"
	"fmt"

	"sluice/sinks/driver"
)

// DeadUnit is one unit of dead letters that a committed plan wrote: which entries it holds, and where.
type DeadUnit struct {
	Lane     string          // whose plan it was
	Rev      Rev             // of the record that committed it
	Epoch    uint32          // of the entries' identity
	Delivery string          // hash of the delivery settings that name the dead letters
	Stored   int64           // when the plan's last message was stored, Unix nanoseconds
	Unit     driver.Unit     // its name, count and digest
	Entries  []driver.Reject // in the order of the unit's lines
}

// CountDead adds up the entries of dead letters.
func CountDead(units []DeadUnit) (n uint64) {
	for i := range units {
		n += uint64(len(units[i].Entries))
	}
	return n
}

// errEnough ends a scan.
var errEnough = errors.New("enough")

// deadLetters lists the dead letters of a lane that were committed behind the record at after, up to the one at through (0: the
// last) or to the record that brings them to most (0: all); reached is how far that was. known is how many dead letters the lane
// had up to after: where older records were archived, their number shows whether some are out of reach, which is an error.
func deadLetters(ctx context.Context, l Reader, lane string, after, through Rev, known uint64, most int) (units []DeadUnit, reached Rev, err error) {
	var before Record // after's own, for the plan that it may have opened
	from := after
	if from > 0 {
		from--
	}
	reached = after
	n := 0
	err = l.Scan(ctx, lane, from, func(rev Rev, r Record) error {
		if r.Kind == KindCheckpoint {
			if before.N == 0 && rev > after && r.Tally != nil && r.Tally.Counts.Dead != known {
				return fmt.Errorf("lane %s: its records up to %d are archived, and they name dead letters that are not replayed: put the archived segments back", lane, rev)
			}
			if r.Last != nil {
				before = *r.Last
			}
			return nil
		}
		if through > 0 && rev > through {
			return errEnough
		}
		if rev > after && r.Commits != nil && len(before.Open) > 0 {
			more, err := deadOf(before, r)
			if err != nil {
				return err
			}
			units = append(units, more...)
			n += int(CountDead(more))
		}
		before = r
		reached = max(reached, rev)
		if most > 0 && n >= most {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return units, reached, err
}

// deadOf gives the dead letters of the plan that stands open in a record and is committed by the next one. A plan has a unit for
// what Plan refused and one for each amend that took entries out of it.
func deadOf(open, commit Record) ([]DeadUnit, error) {
	p := open.Open[0]
	var units []DeadUnit
	for i := range p.Units {
		if p.Units[i].To == driver.ToDeadLetter {
			epoch := p.Epoch
			if epoch == 0 {
				epoch = open.Epoch
			}
			units = append(units, DeadUnit{
				Lane: open.Lane, Rev: Rev(commit.N), Epoch: epoch, Delivery: p.Delivery, Stored: p.Anchor.Stored, Unit: p.Units[i],
			})
		}
	}
	n := 0
	for amend := 0; amend <= p.Amends; amend++ {
		var entries []driver.Reject
		for _, r := range p.Rejects {
			if r.Amend == amend {
				entries = append(entries, r)
			}
		}
		if len(entries) == 0 {
			continue
		}
		if n >= len(units) || units[n].Unit.Count != len(entries) {
			return nil, fmt.Errorf("lane %s, record %d: its refused entries and its dead letters are not the same", open.Lane, open.N)
		}
		units[n].Entries = entries
		n++
	}
	if n != len(units) {
		return nil, fmt.Errorf("lane %s, record %d: dead letters without entries", open.Lane, open.N)
	}
	return units, nil
}
