package bigquery

import (
	"encoding/json"
	"fmt"
	"maps"

	"sluice/sinks/driver"
)

// state is the driver's state: for each table that a lane has delivered to, where the next row goes. Plans are made from it.
type state struct {
	Tables map[string]place `json:"tables"`
}

// place is where the rows of one table go.
type place struct {
	Stream string `json:"stream,omitempty"` // the write stream's full name; empty: none yet
	Offset int64  `json:"offset,omitempty"` // of the next row in it

	// Landed are the first rows of the plan that is made from this state: they stand already, in streams that are finalized.
	Landed []landed `json:"landed,omitempty"`

	// Of schema cloud-logging, whose columns follow the entries. A plan that has not been granted columns wants those that its batch
	// needs; Prepare then grants those that are to be had, with the types that they have. The text is that of columnset.go.
	Columns string `json:"columns,omitempty"`
	Wanted  bool   `json:"wanted,omitempty"`
	Granted bool   `json:"granted,omitempty"`
}

// landed are rows that stand.
type landed struct {
	Stream string `json:"stream"`
	Offset int64  `json:"offset"`
	Rows   int    `json:"rows"`
}

func decodeState(s driver.State) (state, error) {
	st := state{Tables: make(map[string]place)}
	if s == nil {
		return st, nil
	}
	if err := json.Unmarshal(s, &st); err != nil {
		return st, fmt.Errorf("read the state of the ledger: %w", err)
	}
	return st, nil
}

func (st state) encode() (driver.State, error) {
	b, err := json.Marshal(st)
	if err != nil {
		return nil, fmt.Errorf("encode the state: %w", err)
	}
	return b, nil
}

// with gives the state with one table's place.
func (st state) with(table string, p place) state {
	tables := maps.Clone(st.Tables)
	tables[table] = p
	return state{tables}
}

// restated gives the function that moves what is left of a unit to another stream, after the rows of it that stand.
func restated(table string, stands landed, stream string) func(driver.State) (driver.State, error) {
	return func(s driver.State) (driver.State, error) {
		st, err := decodeState(s)
		if err != nil {
			return nil, err
		}
		p := st.Tables[table]
		p.Stream, p.Offset = stream, 0
		if stands.Rows > 0 {
			p.Landed = append(p.Landed[:len(p.Landed):len(p.Landed)], stands)
		}
		return st.with(table, p).encode()
	}
}
