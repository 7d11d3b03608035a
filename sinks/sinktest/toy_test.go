package sinktest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"sluice/logentry"
	"sluice/sinks/driver"
	"sluice/sinks/layout"
)

// machine is a disk for toys: what was put on it is durable once it was synced.
type machine struct {
	mu       sync.Mutex
	files    map[string]string
	unsynced map[string]bool
	plans    map[string]json.RawMessage // name → the driver.Found of what stands there
}

func (m *machine) put(name, text string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files[name], m.unsynced[name] = text, true
	return nil
}

func (m *machine) get(name string) (text string, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	text, ok = m.files[name]
	return text, ok
}

// create puts unless the name is taken; then it gives what stands there.
func (m *machine) create(name, text string) (found string, taken bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if found, taken = m.files[name]; !taken {
		m.files[name], m.unsynced[name] = text, true
	}
	return found, taken
}

// remember keeps the plan of what stands under a name, the first one.
func (m *machine) remember(name string, found json.RawMessage) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.plans[name] == nil {
		m.plans[name] = found
	}
}

func (m *machine) sync(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.unsynced, name)
	return nil
}

func (m *machine) read() (map[string][]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := make(map[string][]string)
	for name, text := range m.files {
		if strings.HasPrefix(name, "_sluice/") {
			continue
		}
		found[name] = strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	}
	return found, nil
}

func (m *machine) powerLoss() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.files, func(name, _ string) bool { return m.unsynced[name] })
	clear(m.unsynced)
	return nil
}

// mutation is a mistake that somebody may build into a driver.
type mutation string

const (
	faultless        mutation = "faultless"
	overwrites       mutation = "overwrites"
	looksFirst       mutation = "looks whether the name is free, and then overwrites"
	looksOnlyFirst   mutation = "compares only what it saw before it began"
	writesInPlace    mutation = "writes in place"
	trustsExistence  mutation = "takes what exists for the same"
	inPlaceTrusting  mutation = "writes in place and takes what exists for the same"
	appends          mutation = "appends at every write"
	remembersOnly    mutation = "knows only in memory what it has written"
	neverSyncs       mutation = "acknowledges before it is durable"
	syncsOnlyNew     mutation = "does not sync what it finds"
	countsPlans      mutation = "names units by a counter"
	forgetsEpoch     mutation = "names units without epoch"
	forgetsSide      mutation = "names units without the lane of the route"
	dropsLast        mutation = "plans without the last entry"
	reverses         mutation = "plans groups in another order"
	plansEmpty       mutation = "plans a unit of nothing"
	sortsBatch       mutation = "changes the batch"
	trims            mutation = "trims what it writes"
	neverExisted     mutation = "does not tell that it existed"
	plainErrors      mutation = "returns errors without a code"
	drops            mutation = "calls every failure a reject"
	ignoresContext   mutation = "ignores its context"
	layoutsDeadOnes  mutation = "uses its layout for dead letters"
	remembersFailure mutation = "never works again after a failure"
	listsManifests   mutation = "writes manifests among the entries"
	hidesManifest    mutation = "does not tell which manifest stands there"
	inventsOrigin    mutation = "tells its own plan instead of the one that stands there"
)

// toy is a small driver over a machine.
type toy struct {
	machine *machine
	steps   *Steps
	layout  *layout.Layout
	m       mutation
	mu      sync.Mutex
	plans   int
	written map[string]bool
	broken  bool
}

func toyHarness(m mutation) Harness {
	machine := &machine{files: make(map[string]string), unsynced: make(map[string]bool), plans: make(map[string]json.RawMessage)}
	return Harness{
		Open: func(steps *Steps, as driver.To) (driver.Driver, error) {
			l := layout.Hourly()
			if as == driver.ToDeadLetter && m != layoutsDeadOnes {
				l = layout.DeadLetters()
			}
			return &toy{machine: machine, steps: steps, layout: l, m: m, written: make(map[string]bool)}, nil
		},
		Read:      machine.read,
		PowerLoss: machine.powerLoss,
		Codes:     map[error]driver.Code{errors.New("full"): driver.Unavailable},
	}
}

func (d *toy) Properties() driver.Properties {
	return driver.Properties{Kind: "toy", Guarantee: driver.ExactlyOnce, Fields: d.layout.Fields(), Manifests: true, Origins: true}
}
func (d *toy) Key(dst []byte, e *logentry.Entry) []byte                        { return d.layout.Key(dst, e) }
func (d *toy) Prepare(_ context.Context, s driver.State) (driver.State, error) { return s, nil }
func (d *toy) Close() error                                                    { return nil }
func (d *toy) Plan(s driver.State, b *driver.Batch) (p driver.Plan, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.plans++
	altered := *b
	switch {
	case d.m == forgetsEpoch:
		altered.Epoch = 0
	case d.m == forgetsSide:
		altered.Side = ""
	case d.m == countsPlans:
		altered.First += uint64(d.plans)
	case d.m == sortsBatch && len(b.Groups) > 1:
		slices.Reverse(b.Groups[0].Refs)
	}
	p = d.layout.Plan(&altered, "json")
	switch {
	case d.m == dropsLast && len(p.Units) > 0:
		u := &p.Units[len(p.Units)-1]
		u.Refs = u.Refs[:len(u.Refs)-1]
	case d.m == reverses:
		slices.Reverse(p.Units)
	case d.m == plansEmpty && len(p.Units) == 0:
		p.Units = append(p.Units, driver.Unit{Name: "empty"})
	}
	return p, nil
}

func (d *toy) Write(ctx context.Context, u *driver.Unit) (driver.Receipt, error) {
	if ctx.Err() != nil && d.m != ignoresContext {
		return driver.Receipt{}, &driver.Error{Code: driver.Canceled, Err: context.Cause(ctx)}
	}
	var text bytes.Buffer
	for _, ref := range u.Refs {
		raw := ref.Raw
		if d.m == trims {
			raw = bytes.TrimSpace(raw)
		}
		text.Write(bytes.ReplaceAll(raw, []byte("\n"), []byte(" ")))
		text.WriteByte('\n')
	}
	existed, err := d.store(d.place(u), text.String())
	var coded *driver.Error
	found, encoding := json.Marshal(driver.Found{Origin: u.Origin, Digest: u.Digest, Count: u.Count})
	if encoding != nil {
		return driver.Receipt{}, encoding
	}
	switch {
	case err == nil:
		d.machine.remember(d.place(u), found)
		return driver.Receipt{Bytes: int64(text.Len()), Existed: existed && d.m != neverExisted}, nil
	case errors.As(err, &coded) && coded.Code == driver.Conflict:
		coded.Found = d.describe(u, found)
		return driver.Receipt{}, err
	case errors.As(err, &coded), d.m == plainErrors:
		return driver.Receipt{}, err
	case d.m == drops:
		return driver.Receipt{}, &driver.Error{Code: driver.Rejected, Err: err}
	}
	return driver.Receipt{}, &driver.Error{Code: driver.Unavailable, Err: err}
}

func (d *toy) place(u *driver.Unit) string {
	if u.To == driver.ToManifest && d.m != listsManifests {
		return "_sluice/" + u.Name
	}
	return u.Name
}

// describe tells what stands there.
func (d *toy) describe(u *driver.Unit, own json.RawMessage) json.RawMessage {
	text, _ := d.machine.get(d.place(u))
	switch {
	case u.To == driver.ToManifest && d.m == hidesManifest:
		return nil
	case u.To == driver.ToManifest:
		return json.RawMessage(strings.TrimSuffix(text, "\n"))
	case d.m == inventsOrigin:
		return own
	}
	d.machine.mu.Lock()
	defer d.machine.mu.Unlock()
	return d.machine.plans[d.place(u)]
}

func (d *toy) store(name, text string) (existed bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.broken {
		return false, errors.New("still broken")
	}
	switch d.m {
	case overwrites:
		existed = d.written[name]
		err = d.steps.Do("put", func() error { return d.machine.put(name, text) })
	case appends:
		var old string
		old, existed = d.machine.get(name)
		err = d.steps.Do("put", func() error { return d.machine.put(name, old+text) })
	case remembersOnly:
		if existed = d.written[name]; !existed {
			err = d.steps.Do("put", func() error { old, _ := d.machine.get(name); return d.machine.put(name, old+text) })
		}
	case looksFirst, looksOnlyFirst:
		existed, err = d.storeAfterLook(name, text)
	case writesInPlace, inPlaceTrusting:
		existed, err = d.storeInPlace(name, text)
	default:
		err = d.steps.Do("create", func() error {
			found, taken := d.machine.create(name, text)
			if existed = taken; taken && found != text && d.m != trustsExistence {
				return &driver.Error{Code: driver.Conflict, Err: fmt.Errorf("%s holds other content", name)}
			}
			return nil
		})
	}
	if err == nil && d.m != neverSyncs && (!existed || d.m != syncsOnlyNew) {
		err = d.steps.Do("sync", func() error { return d.machine.sync(name) })
	}
	d.broken = err != nil && d.m == remembersFailure
	d.written[name] = err == nil
	return existed, err
}

func (d *toy) storeAfterLook(name, text string) (existed bool, err error) {
	found, taken := d.machine.get(name)
	if taken && found != text {
		return true, &driver.Error{Code: driver.Conflict, Err: fmt.Errorf("%s holds other content", name)}
	}
	return taken, d.steps.Do("put", func() error {
		if _, late := d.machine.get(name); late && !taken && d.m == looksOnlyFirst {
			return &driver.Error{Code: driver.Conflict, Err: fmt.Errorf("%s appeared meanwhile", name)}
		}
		return d.machine.put(name, text)
	})
}

func (d *toy) storeInPlace(name, text string) (existed bool, err error) {
	if found, taken := d.machine.get(name); taken {
		if found != text && d.m == writesInPlace {
			return true, &driver.Error{Code: driver.Conflict, Err: fmt.Errorf("%s holds other content", name)}
		}
		return true, nil
	}
	for _, part := range []string{text[:len(text)/2], text} {
		if err := d.steps.Do("put", func() error { return errors.Join(d.machine.put(name, part), d.machine.sync(name)) }); err != nil {
			return false, err
		}
	}
	return false, nil
}
