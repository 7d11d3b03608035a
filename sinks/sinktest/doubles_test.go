package sinktest

import (
	"context"
	"fmt"
	"testing"

	"sluice/sinks/driver"
)

// posting is a toy that sends what it is given to whoever listens, and cannot ask what arrived.
type posting struct {
	*toy
	m    mutation
	wire *wire
}

type wire struct {
	arrived []Delivery
	sent    int
}

const (
	sendsTwice  mutation = "sends each unit twice"
	countsSends mutation = "gives each sending ids of its own"
	sendsOther  mutation = "sends something else the second time"
)

func (d *posting) Properties() driver.Properties {
	return driver.Properties{Kind: "posting", Guarantee: driver.AtLeastOnce, Fields: d.layout.Fields()}
}

func (d *posting) Write(_ context.Context, u *driver.Unit) (driver.Receipt, error) {
	for i := 0; i == 0 || i == 1 && d.m == sendsTwice; i++ {
		if err := d.steps.Do("post", func() error { d.send(u); return nil }); err != nil {
			return driver.Receipt{}, &driver.Error{Code: driver.Unavailable, Err: err}
		}
	}
	return driver.Receipt{Bytes: 1}, nil
}

func (d *posting) send(u *driver.Unit) {
	d.wire.sent++
	for i, line := range content(*u)[u.Name] {
		id := fmt.Sprintf("%s/%s/%d/%d.%d", u.Origin.Route, u.Origin.Stream, u.Origin.Epoch, u.Refs[i].Seq, u.Refs[i].Index)
		if d.m == countsSends {
			id = fmt.Sprint(d.wire.sent, id)
		}
		if d.m == sendsOther {
			line += fmt.Sprint(d.wire.sent)
		}
		d.wire.arrived = append(d.wire.arrived, Delivery{id, line})
	}
}

func postingHarness(m mutation) Harness {
	w := new(wire)
	h := toyHarness(faultless)
	open := h.Open
	h.Open = func(steps *Steps, as driver.To) (driver.Driver, error) {
		d, err := open(steps, as)
		return &posting{d.(*toy), m, w}, err
	}
	h.Deliveries = func() ([]Delivery, error) { return w.arrived, nil }
	return h
}

func TestDoublesAreOfTheOpenPlanOnly(t *testing.T) {
	for _, m := range []mutation{faultless, sendsTwice, countsSends, sendsOther} {
		if err := doubles(func() Harness { return postingHarness(m) }); (err == nil) != (m == faultless) {
			t.Errorf("%s: %v", m, err)
		}
	}
}
