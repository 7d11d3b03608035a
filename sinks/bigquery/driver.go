package bigquery

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"google.golang.org/protobuf/proto"

	"sluice/logentry"
	"sluice/sinks/driver"
)

var _ driver.Driver = (*Driver)(nil)

// maxRequest bounds a request; the service takes 10 MB. https://cloud.google.com/bigquery/quotas#write-api-limits
const maxRequest = 9_000_000

// envelope is what a request has beside its rows and their descriptor: the stream's name, the offset, lengths.
const envelope = 2048

// Driver appends units to write streams. It may be used for several lanes at once.
type Driver struct {
	options Options
	client  client
	native  *native
	request int // bytes of a request at most

	mu    sync.Mutex
	ready map[string]bool     // the tables that this process has found to be as it needs them
	shown map[string][]column // by write stream, the columns that it is known to take
	tried map[string]int64    // by write stream, the offset of the unit that this process last began to write there
}

func open(o Options) (*Driver, error) {
	user, err := compileAll(o.Columns)
	if err != nil {
		return nil, err
	}
	typed := entryColumns
	if o.Schema == schemaLogging {
		typed = typedColumns
	}
	return &Driver{
		options: o, client: client{options: o}, native: newNative(typed, user), request: maxRequest,
		ready: make(map[string]bool), shown: make(map[string][]column), tried: make(map[string]int64),
	}, nil
}

// Properties: exactly once, by appends.
func (d *Driver) Properties() driver.Properties {
	p := driver.Properties{Kind: "bigquery", Guarantee: driver.ExactlyOnce, Appends: true}
	if d.options.Schema == schemaLogging {
		p.Fields = []logentry.Path{logentry.PathLogName, logentry.PathTimestamp}
	}
	return p
}

// Key is the entry's table in schema cloud-logging; else empty: one group, in stream order.
func (d *Driver) Key(dst []byte, e *logentry.Entry) []byte {
	if d.options.Schema == schemaLogging {
		return d.loggingKey(dst, e)
	}
	return dst
}

// Prepare makes sure that the table is there with its columns, once a process, and creates a write stream where the state has none.
// A crash leaves a stream without rows, which the service forgets.
func (d *Driver) Prepare(ctx context.Context, s driver.State) (driver.State, error) {
	next, err := d.prepare(ctx, s)
	if err != nil {
		return nil, d.classify(ctx, err)
	}
	return next, nil
}

func (d *Driver) prepare(ctx context.Context, s driver.State) (driver.State, error) {
	st, err := decodeState(s)
	if err != nil {
		return nil, err
	}
	if d.options.Schema == schemaLogging {
		return d.grantAll(ctx, s, st)
	}
	table := d.options.Table
	if err := d.ensureOnce(ctx, table, d.native.columns); err != nil {
		return nil, err
	}
	p := st.Tables[table]
	if p.Stream != "" {
		return s, nil
	}
	if p.Stream, err = d.newStream(ctx, table); err != nil {
		return nil, err
	}
	return st.with(table, p).encode()
}

// ensureOnce is ensure, once in the life of the process.
func (d *Driver) ensureOnce(ctx context.Context, table string, columns []column) error {
	d.mu.Lock()
	ready := d.ready[table]
	d.mu.Unlock()
	if ready {
		return nil
	}
	if _, err := d.client.ensure(ctx, table, columns, nil); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ready[table] = true
	return nil
}

// newStream creates a write stream. A table that is not found there although it exists was created just now.
func (d *Driver) newStream(ctx context.Context, table string) (string, error) {
	stream, err := d.client.createStream(ctx, d.options.path(table))
	if err != nil && isNotFound(err) {
		d.mu.Lock()
		delete(d.ready, table)
		d.mu.Unlock()
		return "", &driver.Error{Code: driver.Unavailable, Err: fmt.Errorf("table %s is not ready yet, or gone: %w", table, err)}
	}
	return stream, err
}

// Plan makes one unit of the batch: the rows behind those that the lane's stream holds, in requests of at most 9 MB.
func (d *Driver) Plan(s driver.State, b *driver.Batch) (driver.Plan, error) {
	st, err := decodeState(s)
	if err != nil {
		return driver.Plan{}, err
	}
	if d.options.Schema == schemaLogging {
		return d.planLogging(st, b)
	}
	table := d.options.Table
	t := &tablePlan{place: st.Tables[table], columns: nativeVersion + "/" + hashOf(d.native.columns), budget: d.budget(d.native.columns)}
	if t.place.Stream == "" {
		return driver.Plan{Wants: orEmpty(s)}, nil
	}
	rows := d.native.rows(b.Stream, b.Epoch)
	for _, g := range b.Groups {
		t.add(rows, g.Refs)
	}
	if err := t.misfits(); err != nil {
		return driver.Plan{}, err
	}
	p := driver.Plan{Units: t.units(), Rejects: t.rejects}
	p.Next, err = st.with(table, t.next()).encode()
	return p, err
}

func orEmpty(s driver.State) driver.State {
	if s == nil {
		return driver.State("{}")
	}
	return s
}

// budget is what the rows of a request may take together.
func (d *Driver) budget(columns []column) int {
	return d.request - envelope - proto.Size(descriptor(columns))
}

// Write appends the unit's rows, request by request, all under way at once, each at its offset. A crash leaves the first of them;
// the next Write meets ALREADY_EXISTS for those. What cannot be appended there any more, or holds rows that are refused, is Moved
// or Rejected with a new stream for the rest.
func (d *Driver) Write(ctx context.Context, u *driver.Unit) (driver.Receipt, error) {
	receipt, err := d.write(ctx, u)
	if err != nil {
		return driver.Receipt{}, d.classify(ctx, err)
	}
	return receipt, nil
}

func (d *Driver) write(ctx context.Context, u *driver.Unit) (driver.Receipt, error) {
	if ctx.Err() != nil {
		return driver.Receipt{}, context.Cause(ctx)
	}
	known := d.mayStand(u)
	if len(u.Refs) == 0 {
		return driver.Receipt{}, d.relocate(ctx, u, known, &movedError{error: errors.New("its entries are gone")})
	}
	a := &appending{unit: u, columns: d.native.columns, rows: d.native.rows(u.Origin.Stream, u.Origin.Epoch), known: known}
	if d.options.Schema == schemaLogging {
		var err error
		if a.columns, a.rows, err = d.loggingUnit(u); err != nil {
			return driver.Receipt{}, err
		}
	}
	if len(u.Splits) == 0 {
		return a.measure()
	}
	d.mu.Lock()
	d.tried[u.Name] = u.Offset
	d.mu.Unlock()
	receipt, err := a.run(ctx, &d.client)
	var moved *movedError
	if errors.As(err, &moved) {
		return driver.Receipt{}, d.relocate(ctx, u, known, moved)
	}
	return receipt, err
}

// mayStand says whether some of the unit may stand: the plan is redone, or this process began to write it before.
func (d *Driver) mayStand(u *driver.Unit) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	offset, tried := d.tried[u.Name]
	return u.Redo || tried && offset == u.Offset
}

// Close frees connections.
func (d *Driver) Close() error { return d.client.close() }
