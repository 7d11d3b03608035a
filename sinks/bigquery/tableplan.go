package bigquery

import (
	"errors"
	"fmt"

	"sluice/sinks/driver"
)

// rows makes rows of entries.
type rows interface {
	// append appends the entry's row to dst. It is pure. The error says why there is none; dst is then undefined behind its length.
	append(dst []byte, ref *driver.Ref) ([]byte, error)
}

// columnError says that what an entry holds does not fit a column that the user wrote.
type columnError struct{ error }

// Unwrap gives the cause.
func (e *columnError) Unwrap() error { return e.error }

// When so many of a batch do not fit a user's column, it is the column: fewer than misfitsFew are the entries' own fault.
const (
	misfitsShare = 20 // more than one in so many
	misfitsFew   = 10
)

// rowFrame bounds what a row takes in a request beside its own bytes: a tag and a length.
const rowFrame = 6

// tablePlan is what a batch brings to one table.
type tablePlan struct {
	place   place
	columns string
	budget  int // bytes of the rows of a request

	refs    []driver.Ref
	sizes   []int // of their rows
	rejects []driver.Reject
	others  []driver.Ref // that do not fit the table's columns
	misfit  *columnError
	wrong   int // entries that do not fit a user's column
	buffer  []byte
}

// add takes entries in, or refuses them.
func (t *tablePlan) add(rows rows, refs []driver.Ref) {
	for i := range refs {
		row, err := rows.append(t.buffer[:0], &refs[i])
		t.buffer = row[:0]
		var conflict *conflictError
		if errors.As(err, &conflict) {
			t.others = append(t.others, refs[i])
			continue
		}
		var misfit *columnError
		if errors.As(err, &misfit) {
			t.misfit = misfit
			t.wrong++
		}
		if size := len(row) + rowFrame; err == nil && size > t.budget {
			err = fmt.Errorf("its row of %d bytes is larger than a request may be, %d", len(row), t.budget)
		}
		if err != nil {
			t.rejects = append(t.rejects, driver.Reject{Seq: refs[i].Seq, Index: refs[i].Index, Reason: err.Error()})
			continue
		}
		t.refs = append(t.refs, refs[i])
		t.sizes = append(t.sizes, len(row)+rowFrame)
	}
}

// misfits says that a user's column is wrong, and not the entries.
func (t *tablePlan) misfits() error {
	if t.wrong < misfitsFew || t.wrong*misfitsShare <= len(t.refs)+len(t.rejects)+len(t.others) {
		return nil
	}
	return &driver.Error{Code: driver.Misconfigured, Err: fmt.Errorf("%d of %d entries do not fit columns, the last: %w (mend the column's expression or type)",
		t.wrong, len(t.refs)+len(t.rejects), t.misfit)}
}

// units are the rows that stand already, where they stand, and the others behind what the stream holds.
func (t *tablePlan) units() []driver.Unit {
	var units []driver.Unit
	from := 0
	for _, l := range t.place.Landed {
		to := min(from+l.Rows, len(t.refs))
		if to > from {
			units = append(units, driver.Unit{Name: l.Stream, Offset: l.Offset, Columns: t.columns, Refs: t.refs[from:to:to]})
		}
		from = to
	}
	if from < len(t.refs) {
		units = append(units, driver.Unit{
			Name: t.place.Stream, Offset: t.place.Offset, Splits: t.splits(from), Columns: t.columns, Refs: t.refs[from:],
		})
	}
	return units
}

// splits cuts the rows from one on into requests as large as they may be.
func (t *tablePlan) splits(from int) []int {
	var splits []int
	room := 0
	for _, size := range t.sizes[from:] {
		if size > room {
			splits = append(splits, 0)
			room = t.budget
		}
		splits[len(splits)-1]++
		room -= size
	}
	return splits
}

// next is the place after the plan.
func (t *tablePlan) next() place {
	rest := len(t.refs)
	for _, l := range t.place.Landed {
		rest -= min(rest, l.Rows)
	}
	return place{Stream: t.place.Stream, Offset: t.place.Offset + int64(rest)}
}
