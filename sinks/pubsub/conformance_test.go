package pubsub

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"sluice/sinks/driver"
	"sluice/sinks/sinktest"
)

func TestConformance(t *testing.T) {
	for name, o := range map[string]Options{
		"plain":   {MaxEntries: 1000},
		"by key":  {MaxEntries: 1000, OrderingKey: `logName + string(timestamp)`},
		"one key": {MaxEntries: 15, OrderingKey: `"k"`},
	} {
		t.Run(name, func(t *testing.T) { sinktest.Run(t, harnesses(t, o, nil)) })
	}
}

// TestSuiteSeesMutants: a message without its identity, or one that is published twice without need, is a double, and the suite
// says so.
func TestSuiteSeesMutants(t *testing.T) {
	count := new(atomic.Int64)
	for promise, alter := range map[string]func(*pubsubpb.PublishRequest){
		"CrashAtEveryStep/after":  func(r *pubsubpb.PublishRequest) { r.Messages[0].Attributes[idAttribute] += fmt.Sprint(count.Add(1)) },
		"DoublesAreOfTheOpenPlan": func(r *pubsubpb.PublishRequest) { r.Messages = append(r.Messages, r.Messages[0]) },
	} {
		if sinktest.Broken(t, harnesses(t, Options{MaxEntries: 999}, alter))[promise] == nil {
			t.Errorf("%s was not seen broken", promise)
		}
	}
}

// planned remembers in which unit an entry is: messages do not say it.
type planned struct {
	*Driver
	units *sync.Map // sluice-id to Unit.Name
}

func (p planned) Plan(s driver.State, b *driver.Batch) (driver.Plan, error) {
	plan, err := p.Driver.Plan(s, b)
	for _, u := range plan.Units {
		for _, ref := range u.Refs {
			p.units.Store(fmt.Sprintf("%s/%s/%d/%d.%d", b.Route, b.Stream, b.Epoch, ref.Seq, ref.Index), u.Name)
		}
	}
	return plan, err
}

func harnesses(t *testing.T, o Options, alter func(*pubsubpb.PublishRequest)) func(testing.TB) sinktest.Harness {
	server := start(t)
	var count atomic.Int64
	return func(t testing.TB) sinktest.Harness {
		o := o
		o.Project, o.Topic, o.Endpoint = "acme", fmt.Sprintf("topic-%d", count.Add(1)), server.URL
		createTopic(t, server, &o)
		units := new(sync.Map)
		h := sinktest.Harness{Blind: true, NoDeadLetters: true, Parts: o.OrderingKey != "", Codes: answers}
		h.Deliveries = func() ([]sinktest.Delivery, error) { return deliveries(server, &o), nil }
		h.Read = func() (map[string][]string, error) { return readAll(server, &o, units), nil }
		h.Open = func(steps *sinktest.Steps, _ driver.To) (driver.Driver, error) {
			d, err := open(o)
			if err == nil {
				d.client.through = stepped(steps, alter)
				t.Cleanup(func() { d.Close() })
			}
			return planned{d, units}, err
		}
		return h
	}
}
