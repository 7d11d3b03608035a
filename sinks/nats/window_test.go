package nats

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice/sinks/driver"
)

// TestWindow: into a stream without atomic batches, a repeated unit is dropped by the stream while it remembers, and is delivered
// again after that: so says the guarantee.
func TestWindow(t *testing.T) {
	url := startServer(t)
	js := manager(t, url)
	d, err := open(Options{URL: url, Stream: "D", Subject: "out.x", MaxEntry: 1000, Once: Window})
	check(t, err)
	defer d.Close()
	if g := d.Properties().Guarantee; g != driver.AtLeastOnce {
		t.Errorf("promises %s", g)
	}
	u := unit(t, d, `{"a":1}`)
	if _, err := d.Write(t.Context(), &u); driver.CodeOf(err) != driver.Misconfigured || !strings.Contains(err.Error(), "there is no stream D") {
		t.Errorf("no stream: %v", err)
	}
	createStream(t, js, jetstream.StreamConfig{Name: "D", Subjects: []string{"other"}})
	if _, err := d.Write(t.Context(), &u); driver.CodeOf(err) != driver.Misconfigured || !strings.Contains(err.Error(), "does not take the subject out.x") {
		t.Errorf("another subject: %v", err)
	}
	createStream(t, js, jetstream.StreamConfig{Name: "D", Subjects: []string{"out.>"}, Duplicates: time.Hour})
	for i, existed := range []bool{false, true, true} {
		if r, err := d.Write(t.Context(), &u); err != nil || r.Existed != existed || r.Bytes != 7 {
			t.Errorf("write %d: %+v, %v", i, r, err)
		}
	}
	stream, err := js.Stream(t.Context(), "D")
	check(t, err)
	m, err := stream.GetMsg(t.Context(), 1)
	if err != nil || stream.CachedInfo().State.Msgs != 1 || m.Header.Get("Nats-Msg-Id") != "a.b/S/1/7.2" {
		t.Errorf("%d messages, %+v, %v", stream.CachedInfo().State.Msgs, m, err)
	}
	createStream(t, js, jetstream.StreamConfig{Name: "D", Subjects: []string{"out.>"}, Duplicates: 100 * time.Millisecond})
	for r := (driver.Receipt{Existed: true}); r.Existed; { // until the stream has forgotten
		if r, err = d.Write(t.Context(), &u); err != nil {
			t.Fatal(err)
		}
	}
	info, err := stream.Info(t.Context())
	if err != nil || info.State.Msgs != 2 {
		t.Errorf("after the window there are %d messages, %v", info.State.Msgs, err)
	}
}
