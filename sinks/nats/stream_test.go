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
	"sluice/sinks/transport"
)

func manager(t *testing.T, url string) jetstream.JetStream {
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
	stream, err := js.Stream(t.Context(), name)
	if err != nil {
		return nil, err
	}
	found := make(map[string][]string)
	for seq := uint64(1); seq <= stream.CachedInfo().State.LastSeq; seq++ {
		m, err := stream.GetMsg(t.Context(), seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue // a mark that was taken away
		}
		if err != nil {
			return nil, err
		}
		if unit := m.Header.Get("Sluice-Unit"); unit != "" {
			found[unit] = append(found[unit], strings.ReplaceAll(string(m.Data), "\n", " "))
		}
	}
	return found, nil
}

func startServer(t *testing.T) (url string) {
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
