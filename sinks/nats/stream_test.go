package nats

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sluice/sinks/driver"
	"sluice/sinks/sinktest"
	"sluice/sinks/transport"
)

func manager(t testing.TB, url string) jetstream.JetStream {
	t.Helper()
	conn, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func createStream(t testing.TB, js jetstream.JetStream, c jetstream.StreamConfig) {
	t.Helper()
	if _, err := js.CreateOrUpdateStream(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

func purgeMarks(t testing.TB, js jetstream.JetStream, name string) {
	t.Helper()
	stream, err := js.Stream(t.Context(), name)
	if err == nil {
		err = stream.Purge(t.Context(), jetstream.WithPurgeSubject(markPrefix+">"))
	}
	if err != nil {
		t.Error(err)
	}
}

func readAll(t testing.TB, js jetstream.JetStream, name string) (map[string][]string, error) {
	found := make(map[string][]string)
	err := eachEntry(t, js, name, func(unit, _, line string) { found[unit] = append(found[unit], line) })
	return found, err
}

func deliveries(t testing.TB, js jetstream.JetStream, name string) (all []sinktest.Delivery, err error) {
	err = eachEntry(t, js, name, func(_, id, line string) { all = append(all, sinktest.Delivery{ID: id, Line: line}) })
	return all, err
}

func eachEntry(t testing.TB, js jetstream.JetStream, name string, yield func(unit, id, line string)) error {
	stream, err := js.Stream(t.Context(), name)
	if err != nil {
		return err
	}
	for seq := uint64(1); seq <= stream.CachedInfo().State.LastSeq; seq++ {
		m, err := stream.GetMsg(t.Context(), seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue // a mark that was taken away
		}
		if err != nil {
			return err
		}
		if unit := m.Header.Get("Sluice-Unit"); unit != "" {
			yield(unit, m.Header.Get("Sluice-Id"), strings.ReplaceAll(string(m.Data), "\n", " "))
		}
	}
	return nil
}

func startServer(t testing.TB) (url string) {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true, MaxPayload: 4 << 20})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(30 * time.Second) {
		t.Fatal("the server does not start")
	}
	return s.ClientURL()
}

func unit(t *testing.T, d *Driver, raw string) driver.Unit {
	t.Helper()
	b := driver.Batch{Route: "a.b", Stream: "S", Epoch: 1, First: 7, Last: 9, Groups: []driver.Group{{Refs: []driver.Ref{{Seq: 7, Index: 2, Raw: []byte(raw)}}}}}
	p, err := d.Plan(nil, &b)
	if err != nil || len(p.Units) != 1 {
		t.Fatal(p, err)
	}
	u := p.Units[0]
	u.Count, u.Digest, u.Origin = 1, driver.Digest(u.Refs), driver.Origin{Route: "a.b", Stream: "S", Epoch: 1, First: 7, Last: 9, Units: 1}
	return u
}

// TestAStreamThatWillNotDo: what a person must change is said, and nothing is stored.
func TestAStreamThatWillNotDo(t *testing.T) {
	url := startServer(t)
	js := manager(t, url)
	d, err := open(Options{URL: url, Stream: "D", Subject: "out.{labels.team}.x", MaxEntry: 1000})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	u := unit(t, d, `{"labels":{"team":"a.b *"}}`)
	all := []string{"out.>", "sluice.mark.>"}
	for _, c := range []struct {
		config *jetstream.StreamConfig
		want   string
	}{
		{nil, "there is no stream D"},
		{&jetstream.StreamConfig{Name: "D", Subjects: all}, "set allow_atomic"},
		{&jetstream.StreamConfig{Name: "D", Subjects: []string{"out.>"}, AllowAtomicPublish: true}, "does not take the subject sluice.mark.a%2Eb.S.1.7-9.0"},
		{&jetstream.StreamConfig{Name: "D", Subjects: []string{"out.*", "sluice.mark.>"}, AllowAtomicPublish: true}, "does not take the subject out.a%2Eb%20%2A.x"},
		{&jetstream.StreamConfig{Name: "D", Subjects: all, AllowAtomicPublish: true}, ""},
	} {
		if c.config != nil {
			createStream(t, js, *c.config)
		}
		_, err := d.Write(t.Context(), &u)
		if (c.want == "") != (err == nil) || err != nil && (driver.CodeOf(err) != driver.Misconfigured || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
	stream, err := js.Stream(t.Context(), "D")
	if err != nil {
		t.Fatal(err)
	}
	m, err := stream.GetMsg(t.Context(), 1)
	if err != nil || m.Subject != "out.a%2Eb%20%2A.x" || m.Header.Get("Sluice-Id") != "a.b/S/1/7.2" || stream.CachedInfo().State.Msgs != 2 {
		t.Errorf("%+v, %v", m, err)
	}
}

// TestRefusedStream: the stream that the router reads is written to under no name of its servers.
func TestRefusedStream(t *testing.T) {
	url := startServer(t)
	js := manager(t, url)
	createStream(t, js, jetstream.StreamConfig{Name: "D", Subjects: []string{"out.>", "sluice.mark.>"}, AllowAtomicPublish: true})
	stream, err := js.Stream(t.Context(), "D")
	check(t, err)
	for _, once := range []Once{"", Window} {
		o := Options{URL: url, Stream: "D", Subject: "out.x", MaxEntry: 1000, Once: once}
		o.Refuse(stream.CachedInfo().Created)
		d, err := o.Open(t.Context(), driver.ToSink)
		check(t, err)
		u := unit(t, d.(*Driver), `{}`)
		if _, err := d.Write(t.Context(), &u); driver.CodeOf(err) != driver.Misconfigured || !strings.Contains(err.Error(), "one that the router reads") {
			t.Errorf("%v", err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
	if info, err := stream.Info(t.Context()); err != nil || info.State.Msgs != 0 {
		t.Errorf("%d messages, %v", info.State.Msgs, err)
	}
}

func TestCovers(t *testing.T) {
	for filter, want := range map[string]bool{"a.b": true, "a.*": true, "a.>": true, ">": true, "*": false, "a.b.>": false, "a.b.*": false, "b.*": false, "a": false} {
		if got := covers([]string{"x", filter}, "a.b"); got != want {
			t.Errorf("%s: %t", filter, got)
		}
	}
}

func TestValidate(t *testing.T) {
	for name, c := range map[string]struct {
		change func(o *Options)
		want   []string
	}{
		"fine": {func(*Options) {}, nil},
		"much": {func(o *Options) {
			*o = Options{URL: "http://h", Stream: "a.b", Subject: "{", Creds: "x", Token: "y", TLS: transport.TLS{Key: "k"}}
		}, []string{"url", "stream", "subject", "", "tls"}},
		"a password": {func(o *Options) { o.URL = "nats://h,nats://u:p@h" }, []string{"url"}},
		"marks":      {func(o *Options) { o.Subject = "sluice.mark.{logId}" }, []string{"subject"}},
		"wildcard":   {func(o *Options) { o.Subject = "out.*" }, []string{"subject"}},
		"two dots":   {func(o *Options) { o.Subject = "out..x" }, []string{"subject"}},
	} {
		o := Defaults()
		o.URL, o.Stream, o.Subject = "nats://h:4222", "D", `out.{labels."a.b"}.{logId}`
		c.change(o)
		var got []string
		for _, p := range o.Validate() {
			got = append(got, p.Path)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s\n%s", name, diff, fmt.Sprint(o.Validate()))
		}
	}
}
