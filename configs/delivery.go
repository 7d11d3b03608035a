package configs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"sluice/sinks"
)

// Delivery is how a route delivers: what is pinned in each plan, so that an open plan is finished where it began.
type Delivery struct {
	Sink       Sink
	DeadLetter Sink
	Batch      Batch
}

// delivery is its stored form.
type delivery struct {
	V          int           `json:"v"`
	Kind       string        `json:"kind"`
	Options    any           `json:"options"`
	DeadLetter deliverySink  `json:"deadLetter"`
	Batch      deliveryBatch `json:"batch"`
}

type deliverySink struct {
	Kind    string `json:"kind"`
	Options any    `json:"options"`
}

type deliveryBatch struct {
	Bytes   int64  `json:"bytes"`
	Entries int    `json:"entries"`
	Age     string `json:"age"`
}

// Delivery is the canonical JSON of the route's delivery settings: its sink, its dead letters and its batch limits, without
// secrets and what else a sink's options do not pin. Equal settings give equal bytes. ParseDelivery is its inverse. The route is
// of a loaded configuration: its DeadLetter is set.
func (r *Route) Delivery() []byte {
	return canonical(delivery{
		V: 1, Kind: r.Sink.Kind, Options: r.Sink.Options,
		DeadLetter: deliverySink{r.DeadLetter.Kind, r.DeadLetter.Options},
		Batch:      deliveryBatch{r.Batch.Bytes, r.Batch.Entries, r.Batch.Age.String()},
	})
}

// DeliveryHash is the hex sha256 of Delivery.
func (r *Route) DeliveryHash() string { return hash(r.Delivery()) }

// SameDestination says whether two delivery settings, as Delivery writes them, deliver to the same place in the same way: whether
// they differ in their batch limits at most.
func SameDestination(a, b []byte) bool {
	var x, y map[string]any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	delete(x, "batch")
	delete(y, "batch")
	return reflect.DeepEqual(x, y)
}

// ParseDelivery makes delivery settings of what Delivery wrote, perhaps in an earlier version of the program. It fails when this
// version, with the sinks of reg, would not deliver exactly so. What was not pinned (credentials, endpoints, timeouts) has its
// default.
func ParseDelivery(b []byte, reg sinks.Registry) (Delivery, error) {
	var options, deadOptions json.RawMessage
	stored := delivery{Options: &options, DeadLetter: deliverySink{Options: &deadOptions}}
	result, err := func() (Delivery, error) {
		if err := strict(b, &stored); err != nil {
			return Delivery{}, err
		}
		if stored.V != 1 {
			return Delivery{}, fmt.Errorf("version %d, this program knows version 1", stored.V)
		}
		sink, err := parseSink(stored.Kind, options, reg)
		if err != nil {
			return Delivery{}, err
		}
		dead, err := parseSink(stored.DeadLetter.Kind, deadOptions, reg)
		if err != nil {
			return Delivery{}, fmt.Errorf("dead letters: %w", err)
		}
		age, err := time.ParseDuration(stored.Batch.Age)
		if err != nil {
			return Delivery{}, err
		}
		return Delivery{sink, dead, Batch{stored.Batch.Bytes, stored.Batch.Entries, age}}, nil
	}()
	if err != nil {
		return Delivery{}, fmt.Errorf("recorded delivery settings: %w", err)
	}
	again := Route{Sink: result.Sink, DeadLetter: &result.DeadLetter, Batch: result.Batch}
	if !bytes.Equal(again.Delivery(), b) {
		return Delivery{}, fmt.Errorf("recorded delivery settings: this version reads them differently: %s", again.Delivery())
	}
	return result, nil
}

func parseSink(kind string, options json.RawMessage, reg sinks.Registry) (Sink, error) {
	build, ok := reg[kind]
	if !ok {
		return Sink{}, fmt.Errorf("this program has no sink %q", kind)
	}
	s := Sink{Kind: kind, Options: build()}
	if err := strict(options, s.Options); err != nil {
		return Sink{}, fmt.Errorf("sink %s: %w", kind, err)
	}
	return s, nil
}
