package pubsub

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"

	"sluice/logentry"
	"sluice/sinks"
	"sluice/sinks/driver"
	"sluice/sinks/pubsub/pubsubtest"
)

var stored = time.Date(2026, 3, 1, 10, 59, 59, 5e8, time.UTC)

// world is a server with one topic, and a driver for it.
func world(t *testing.T, o Options) (*pubsubtest.Server, *Driver) {
	t.Helper()
	server := start(t)
	o.Project, o.Topic, o.Endpoint = "acme", "audit", server.URL
	if o.MaxEntries == 0 {
		o.MaxEntries = maxMessages
	}
	if problems := o.Validate(); len(problems) > 0 {
		t.Fatal(problems)
	}
	createTopic(t, server, &o)
	d, err := open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return server, d
}

// plan plans entries as the pipeline does, a message each from sequence 10 on.
func plan(t *testing.T, d *Driver, raws ...string) driver.Plan {
	t.Helper()
	b := &driver.Batch{Route: "route", Stream: "LOGS", Epoch: 2, First: 10, Last: 9 + uint64(len(raws))}
	place := make(map[string]int)
	fields := logentry.NewFields(d.Properties().Fields...)
	for i, raw := range raws {
		e := logentry.Entry{Raw: []byte(raw), Stream: b.Stream, Seq: 10 + uint64(i), Stored: stored}
		if defect := fields.Extract(&e, loosest); defect != nil {
			t.Fatal(defect)
		}
		key := string(d.Key(nil, &e))
		if _, ok := place[key]; !ok {
			place[key] = len(b.Groups)
			b.Groups = append(b.Groups, driver.Group{Key: key})
		}
		g := &b.Groups[place[key]]
		g.Refs = append(g.Refs, driver.Ref{Seq: e.Seq, Stored: stored.UnixNano(), Raw: []byte(raw)})
	}
	p, err := d.Plan(nil, b)
	if err != nil {
		t.Fatal(err)
	}
	for i := range p.Units {
		p.Units[i].Count = len(p.Units[i].Refs)
		p.Units[i].Origin = driver.Origin{Route: b.Route, Stream: b.Stream, Epoch: b.Epoch, First: b.First, Last: b.Last}
	}
	return p
}

// ids are the messages' sequences in the order in which they came, with their ordering keys.
func ids(server *pubsubtest.Server, o *Options) []string {
	var all []string
	for _, m := range server.Messages(o.topic()) {
		all = append(all, strings.TrimPrefix(m.Attributes[idAttribute], "route/LOGS/2/")+m.OrderingKey)
	}
	return all
}

func TestMessages(t *testing.T) {
	server, d := world(t, Options{OrderingKey: `labels.owner[0:2]`})
	raw := `{"insertId":"a\u00e9","timestamp":"2026-03-01T11:30:00.120+01:00",` + "\n" + `"labels":{"owner":"ana"}}`
	p := plan(t, d, raw, `{"labels":{"owner":"ana"},"insertId":"`+strings.Repeat("x", 1025)+`","timestamp":"then"}`, `{"labels":{"owner":"éa"}}`, `{}`)
	for i := range p.Units {
		if _, err := d.Write(t.Context(), &p.Units[i]); err != nil {
			t.Fatal(err)
		}
	}
	type message struct {
		Data, Key  string
		Attributes map[string]string
	}
	var got []message
	for _, m := range server.Messages(d.options.topic()) {
		got = append(got, message{string(m.Data[:min(30, len(m.Data))]), m.OrderingKey, m.Attributes})
	}
	at := stored.Format(time.RFC3339Nano)
	want := []message{
		{raw[:30], "an", map[string]string{"sluice-id": "route/LOGS/2/10.0", "insertId": "aé", timestampAttribute: "2026-03-01T10:30:00.12Z"}},
		{`{"labels":{"owner":"ana"},"ins`, "an", map[string]string{"sluice-id": "route/LOGS/2/11.0", timestampAttribute: at}},
		{`{"labels":{"owner":"éa"}}`, "éa", map[string]string{"sluice-id": "route/LOGS/2/12.0", "insertId": "LOGS-12-0", timestampAttribute: at}},
		{`{}`, "", map[string]string{"sluice-id": "route/LOGS/2/13.0", "insertId": "LOGS-13-0", timestampAttribute: at}},
	}
	if want[2].Key = got[2].Key; got[2].Key != "é" && got[2].Key != "éa" { // expr cuts by bytes or by characters: both are UTF-8
		t.Errorf("key %q", got[2].Key)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}

// TestLimits: no request is one that the service refuses, and what it could never take is refused by the plan.
func TestLimits(t *testing.T) {
	server, d := world(t, Options{OrderingKey: `labels.owner`})
	large := func(n int, owner string) string {
		return `{"labels":{"owner":"` + owner + `"},"textPayload":"` + strings.Repeat("x", n) + `"}`
	}
	raws := []string{large(maxRequest-around-60, ""), large(maxRequest, ""), large(1, strings.Repeat("k", 1025)), large(1, strings.Repeat("k", 1024))}
	for range 5 {
		raws = append(raws, large(3_000_000, ""), large(3_000_000, "k"))
	}
	for range 2500 {
		raws = append(raws, `{}`)
	}
	p := plan(t, d, raws...)
	wantRejects := []driver.Reject{{Seq: 11, Reason: "larger than a message of 9991808 bytes"}, {Seq: 12, Reason: "its ordering key has 1025 bytes, Pub/Sub takes 1024"}}
	if diff := cmp.Diff(wantRejects, p.Rejects); diff != "" {
		t.Errorf("rejects (-want +got):\n%s", diff)
	}
	for i := range p.Units {
		if _, err := d.Write(t.Context(), &p.Units[i]); err != nil {
			t.Errorf("unit %d: %v", i, err)
		}
	}
	if got := server.Messages(d.options.topic()); len(got) != len(raws)-2 {
		t.Errorf("%d messages, want %d", len(got), len(raws)-2)
	}
}

// TestFaults: whatever happens to a request, it is tried again and arrives; only one that took effect without an answer arrives
// twice, and what was acknowledged before it does not.
func TestFaults(t *testing.T) {
	for name, c := range map[string]struct {
		fault pubsubtest.Fault
		twice bool
	}{
		"refuse":       {pubsubtest.Fault{Kind: pubsubtest.Refuse}, false},
		"no reply":     {pubsubtest.Fault{Kind: pubsubtest.DropReply}, true},
		"hang":         {pubsubtest.Fault{Kind: pubsubtest.Hang}, true},
		"twice":        {pubsubtest.Fault{Kind: pubsubtest.Twice}, true},
		"429":          {pubsubtest.Fault{Kind: pubsubtest.Answer, Code: codes.ResourceExhausted}, false},
		"503":          {pubsubtest.Fault{Kind: pubsubtest.Answer, Code: codes.Unavailable}, false},
		"500":          {pubsubtest.Fault{Kind: pubsubtest.Answer, Code: codes.Internal}, false},
		"500 too late": {pubsubtest.Fault{Kind: pubsubtest.AnswerLate, Code: codes.Internal}, true},
	} {
		t.Run(name, func(t *testing.T) {
			server, d := world(t, Options{OrderingKey: `labels.owner`, MaxEntries: 2})
			p := plan(t, d, slices.Repeat([]string{`{"labels":{"owner":"k"}}`}, 5)...)
			if len(p.Units) != 1 {
				t.Fatalf("%d units", len(p.Units))
			}
			var asked atomic.Int32
			server.SetFault(func(*pubsubpb.PublishRequest) pubsubtest.Fault {
				if asked.Add(1) == 2 {
					return c.fault
				}
				return pubsubtest.Fault{}
			})
			sink := sinks.New(d, sinks.Options{Deadline: 2 * time.Second, Jitter: func() float64 { return 0 }})
			if _, err := sink.Write(t.Context(), &p.Units[0]); err != nil {
				t.Fatal(err)
			}
			want := []string{"10.0k", "11.0k", "12.0k", "13.0k", "14.0k"}
			got := ids(server, &d.options)
			if c.twice {
				if diff := cmp.Diff([]string{"12.0k", "13.0k"}, got[2:4]); diff != "" {
					t.Errorf("the first of the doubles (-want +got):\n%s", diff)
				}
				got = slices.Delete(got, 2, 4)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("messages (-want +got):\n%s", diff)
			}
			before := asked.Load()
			receipt, err := sink.Write(t.Context(), &p.Units[0])
			if err != nil || !receipt.Existed || asked.Load() != before {
				t.Errorf("written again: %+v, %v, %d more requests", receipt, err, asked.Load()-before)
			}
		})
	}
}

// TestMissingTopic: it is never made; a person must.
func TestMissingTopic(t *testing.T) {
	server, d := world(t, Options{})
	p := plan(t, d, `{}`)
	d.options.Topic, d.client.options.Topic = "other", "other"
	_, err := d.Write(t.Context(), &p.Units[0])
	if driver.CodeOf(err) != driver.Misconfigured || !strings.Contains(err.Error(), "there is no topic projects/acme/topics/other: create it") {
		t.Errorf("got %v", err)
	}
	if err := server.CreateTopic("projects/acme/topics/other"); err != nil {
		t.Errorf("the topic was made: %v", err)
	}
	if _, err := d.Write(t.Context(), &p.Units[0]); err != nil {
		t.Errorf("once it is there: %v", err)
	}
}

// TestRefusedEntry: what the service refuses is found when it is alone in its request; its neighbours are never given up, and not
// published again once the plan was amended.
func TestRefusedEntry(t *testing.T) {
	refuse := func(r *pubsubpb.PublishRequest) pubsubtest.Fault {
		if slices.ContainsFunc(r.Messages, func(m *pubsubpb.PubsubMessage) bool { return strings.Contains(string(m.Data), "bad") }) {
			return pubsubtest.Fault{Kind: pubsubtest.Answer, Code: codes.InvalidArgument}
		}
		return pubsubtest.Fault{}
	}
	raws := []string{`{"textPayload":"1"}`, `{"textPayload":"bad"}`, `{"textPayload":"3"}`}
	server, d := world(t, Options{})
	server.SetFault(refuse)
	p := plan(t, d, raws...)
	if _, err := d.Write(t.Context(), &p.Units[0]); driver.CodeOf(err) != driver.Misconfigured || !strings.Contains(err.Error(), "maxEntries: 1 finds it") {
		t.Errorf("among others: %v", err)
	}
	server, d = world(t, Options{MaxEntries: 1, OrderingKey: `"k"`})
	server.SetFault(refuse)
	p = plan(t, d, raws...)
	_, err := d.Write(t.Context(), &p.Units[0])
	var coded *driver.Error
	if !errors.As(err, &coded) || cmp.Diff([]driver.Reject{{Seq: 11, Reason: "an answer of the test"}}, coded.Rejects) != "" {
		t.Fatalf("alone: %v", err)
	}
	amended := p.Units[0]
	amended.Refs, amended.Splits = slices.Delete(slices.Clone(amended.Refs), 1, 2), []int{1, 1}
	if _, err := d.Write(t.Context(), &amended); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"10.0k", "12.0k"}, ids(server, &d.options)); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}

// TestHangEndsWithItsContext: a request without an answer ends when its caller goes.
func TestHangEndsWithItsContext(t *testing.T) {
	server, d := world(t, Options{})
	p := plan(t, d, `{}`)
	ctx, cancel := context.WithCancel(t.Context())
	server.SetFault(func(*pubsubpb.PublishRequest) pubsubtest.Fault {
		cancel()
		return pubsubtest.Fault{Kind: pubsubtest.Hang}
	})
	if _, err := d.Write(ctx, &p.Units[0]); driver.CodeOf(err) != driver.Canceled {
		t.Errorf("got %v", err)
	}
}

func TestServerChecksLimits(t *testing.T) {
	server, d := world(t, Options{})
	for name, alter := range map[string]func(r []*pubsubpb.PubsubMessage) []*pubsubpb.PubsubMessage{
		"1001 messages": func(r []*pubsubpb.PubsubMessage) []*pubsubpb.PubsubMessage { return slices.Repeat(r, 1001) },
		"none":          func([]*pubsubpb.PubsubMessage) []*pubsubpb.PubsubMessage { return nil },
		"two keys": func(r []*pubsubpb.PubsubMessage) []*pubsubpb.PubsubMessage {
			return append(r, &pubsubpb.PubsubMessage{Data: []byte("x"), OrderingKey: "k"})
		},
		"a long value": func(r []*pubsubpb.PubsubMessage) []*pubsubpb.PubsubMessage {
			r[0].Attributes = maps.Clone(r[0].Attributes)
			r[0].Attributes["x"] = strings.Repeat("x", 1025)
			return r
		},
		"11 MB": func(r []*pubsubpb.PubsubMessage) []*pubsubpb.PubsubMessage {
			r[0].Data = []byte(strings.Repeat("x", 11_000_000))
			return r
		},
	} {
		messages := alter(d.reader.messages(&driver.Origin{}, []driver.Ref{{Raw: []byte(`{}`)}}))
		if err := d.client.publish(t.Context(), messages); err == nil || !strings.Contains(fmt.Sprint(err), "InvalidArgument") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := server.Messages(d.options.topic()); len(got) != 0 {
		t.Errorf("%d messages were taken", len(got))
	}
}
