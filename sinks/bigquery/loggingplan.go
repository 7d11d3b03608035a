package bigquery

import (
	"cmp"
	"maps"
	"slices"

	"sluice/sinks/driver"
)

// maxTables bounds the tables of a state. Those that a plan does not deliver to are then forgotten: they get another stream.
const maxTables = 500

// planLogging plans a batch of schema cloud-logging: a unit for each table, and one for each table of errors. It asks twice: for
// the tables and columns that the entries need, then, when some do not fit them, for a table of errors.
func (d *Driver) planLogging(st state, b *driver.Batch) (driver.Plan, error) {
	for _, g := range b.Groups {
		if !st.Tables[tableKey(g.Key)].Granted {
			return d.wants(st, b)
		}
	}
	columns := make(map[string]string)
	for table, p := range st.Tables {
		columns[table] = p.Columns
	}
	tables := d.loggingTables(b.Stream, b.Epoch, columns)
	plans := make(map[string]*tablePlan)
	var order []string
	for _, g := range b.Groups {
		table := tableKey(g.Key)
		rows, err := tables.of(table)
		if err != nil {
			return driver.Plan{}, err
		}
		t, err := d.tablePlan(plans, &order, st, table, map[string]string{table: columns[table]}, slices.Concat(d.native.columns, rows.columns.columns))
		if err != nil {
			return driver.Plan{}, err
		}
		t.add(rows, g.Refs)
		if err := t.misfits(); err != nil {
			return driver.Plan{}, err
		}
	}
	if wants, err := d.planErrors(st, b, tables, plans, &order); wants != nil || err != nil {
		return driver.Plan{Wants: wants}, err
	}
	return finishPlan(st, plans, order)
}

// tableKey is the table of a group. Entries that cannot be read have no key; no row is made of them.
func tableKey(key string) string {
	if key == "" {
		return namelessID
	}
	return key
}

// wants says what columns each table of the batch needs.
func (d *Driver) wants(st state, b *driver.Batch) (driver.Plan, error) {
	for _, g := range b.Groups {
		var shape []column
		rows := newLoggingRows(d.native, b.Stream, b.Epoch, nil)
		var buffer []byte
		for i := range g.Refs {
			row, err := rows.append(buffer[:0], &g.Refs[i])
			buffer = row[:0]
			if err == nil {
				shape = merge(shape, rows.fields)
			}
		}
		p := st.Tables[tableKey(g.Key)]
		p.Columns, p.Wanted, p.Granted = writeColumns(pruned(shape)), true, false
		st = st.with(tableKey(g.Key), p)
	}
	wants, err := st.encode()
	return driver.Plan{Wants: wants}, err
}

// planErrors plans what does not fit its table; it may want a table of errors first. Its rows, too, stand in stream order, which
// countRows relies on.
func (d *Driver) planErrors(st state, b *driver.Batch, tables *loggingTables, plans map[string]*tablePlan, order *[]string) (driver.State, error) {
	misfits := make(map[string][]string) // tables by their table of errors
	for _, table := range slices.Clone(*order) {
		if len(plans[table].others) > 0 {
			misfits[d.errorTable(table)] = append(misfits[d.errorTable(table)], table)
		}
	}
	missing := false
	for _, errors := range slices.Sorted(maps.Keys(misfits)) {
		if p := st.Tables[errors]; !p.Granted {
			p.Wanted, missing = true, true
			st = st.with(errors, p)
		}
	}
	if missing {
		return st.encode()
	}
	for _, errors := range slices.Sorted(maps.Keys(misfits)) {
		columns := make(map[string]string)
		for _, table := range misfits[errors] {
			columns[table] = tables.columns[table]
		}
		t, err := d.tablePlan(plans, order, st, errors, columns, errorColumns)
		if err != nil {
			return nil, err
		}
		rows := &errorRows{route: b.Route, tables: tables}
		var refs []driver.Ref
		for _, table := range misfits[errors] {
			refs = append(refs, plans[table].others...)
		}
		slices.SortFunc(refs, func(a, b driver.Ref) int { return cmp.Or(cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.Index, b.Index)) })
		t.add(rows, refs)
	}
	return nil, nil
}

// tablePlan begins the plan of a table.
func (d *Driver) tablePlan(plans map[string]*tablePlan, order *[]string, st state, table string, columns map[string]string, all []column) (*tablePlan, error) {
	if t := plans[table]; t != nil {
		return t, nil
	}
	text, err := unitColumns(columns)
	if err != nil {
		return nil, err
	}
	plans[table] = &tablePlan{place: st.Tables[table], columns: text, budget: d.budget(all)}
	*order = append(*order, table)
	return plans[table], nil
}

// finishPlan gathers the tables' units, in their order, and the state after them.
func finishPlan(st state, plans map[string]*tablePlan, order []string) (driver.Plan, error) {
	p := driver.Plan{}
	next := state{Tables: make(map[string]place)}
	for table, was := range st.Tables {
		if len(st.Tables) <= maxTables {
			next.Tables[table] = place{Stream: was.Stream, Offset: was.Offset}
		}
	}
	for _, table := range order {
		t := plans[table]
		p.Units = append(p.Units, t.units()...)
		p.Rejects = append(p.Rejects, t.rejects...)
		next.Tables[table] = t.next()
	}
	var err error
	p.Next, err = next.encode()
	return p, err
}

// loggingUnit gives the columns of a unit and what makes its rows.
func (d *Driver) loggingUnit(u *driver.Unit) ([]column, rows, error) {
	columns, err := readUnitColumns(u.Columns)
	if err != nil {
		return nil, nil, err
	}
	tables := d.loggingTables(u.Origin.Stream, u.Origin.Epoch, columns)
	table := tableOf(u.Name)
	if isErrorTable(table) {
		return errorColumns, &errorRows{route: u.Origin.Route, tables: tables}, nil
	}
	r, err := tables.of(table)
	if err != nil {
		return nil, nil, err
	}
	return slices.Concat(d.native.columns, r.columns.columns), r, nil
}
