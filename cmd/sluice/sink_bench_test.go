package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	natsclient "github.com/nats-io/nats.go"
	nats "github.com/nats-io/nats.go/jetstream"

	"sluice/sinks/bigquery/bigquerytest"
	"sluice/sinks/http/receivertest"
	"sluice/sinks/s3/s3test"
)

// BenchmarkToSink lets a daemon deliver a stored stream of 200,000 audit entries, 1,000,000 with SLUICE_SOAK, to a destination whose
// server is in the process of the test, with and without a latency of 500 ms a call. One operation is a new daemon with an empty
// ledger and an empty destination. peak-MiB is the daemon's resident memory, its embedded server included; cpu-s/M what it needs of
// CPU for a million entries.
func BenchmarkToSink(b *testing.B) {
	for kind, start := range map[string]func(testing.TB, time.Duration) string{"gcs": gcsSink, "s3": s3Sink, "http": httpSink, "nats": natsSink, "bigquery": bigquerySink} {
		for _, latency := range []time.Duration{0, 500 * time.Millisecond} {
			b.Run(fmt.Sprintf("%s/latency=%v", kind, latency), func(b *testing.B) { benchmarkToSink(b, start, latency) })
		}
	}
}

func benchmarkToSink(b *testing.B, start func(testing.TB, time.Duration) string, latency time.Duration) {
	entries := heavy(200_000, 1_000_000)
	var rate, cpu, peak []float64
	for b.Loop() {
		p := newPlace(b, fmt.Sprintf("routes: [{name: all, batch: {age: 1s}, sink: {%s}}]", start(b, latency)))
		w := newEntryWriter()
		last := p.stored(entries, func(n int) string { return string(w.append(nil, n)) })
		begun := time.Now()
		d := p.daemon()
		d.await("delivery", p.settled(last, "all"))
		rate = append(rate, float64(entries)/time.Since(begun).Seconds())
		cpu = append(cpu, cpuOf(b, d)/float64(entries)*1e6)
		peak = append(peak, float64(peakMemory(b, d))/(1<<20))
		d.drain()
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(middle(rate), "entries/s")
	b.ReportMetric(middle(cpu), "cpu-s/M")
	b.ReportMetric(middle(peak), "peak-MiB")
}

func gcsSink(b testing.TB, latency time.Duration) string {
	bucket := newBucket(b, "acme")
	bucket.server.SetLatency(latency)
	return fmt.Sprintf("gcs: {bucket: acme, endpoint: %q}", bucket.server.URL)
}

func s3Sink(b testing.TB, latency time.Duration) string {
	s, err := s3test.Start(s3test.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	s.CreateBucket("acme", s3test.Bucket{})
	s.SetLatency(latency)
	for key, value := range map[string]string{"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true"} {
		b.Setenv(key, value)
	}
	return fmt.Sprintf("s3: {bucket: acme, endpoint: %q, pathStyle: true}", s.URL)
}

func bigquerySink(b testing.TB, latency time.Duration) string {
	s, err := bigquerytest.Start(bigquerytest.Options{Forget: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	s.CreateDataset(bigProject, bigDataset)
	s.SetLatency(latency)
	return fmt.Sprintf("bigquery: {project: %s, dataset: %s, table: all, endpoint: %q, writeEndpoint: %q}", bigProject, bigDataset, s.URL, s.WriteURL)
}

func httpSink(b testing.TB, latency time.Duration) string {
	s := receivertest.Start(receivertest.Options{Body: "ndjson", Forget: true})
	b.Cleanup(s.Close)
	s.SetFault(func(*http.Request) receivertest.Fault {
		passed := make(chan struct{})
		time.AfterFunc(latency, func() { close(passed) })
		return receivertest.Fault{Wait: passed}
	})
	return fmt.Sprintf("http: {url: %q}", s.URL+"/in")
}

func natsSink(b testing.TB, latency time.Duration) string {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: b.TempDir(), NoSigs: true, NoLog: true})
	if err != nil {
		b.Fatal(err)
	}
	s.Start()
	b.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(30 * time.Second) {
		b.Fatal("the server does not start")
	}
	conn, err := natsclient.Connect(s.ClientURL())
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	js, err := nats.New(conn)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := js.CreateStream(b.Context(), nats.StreamConfig{Name: "OUT", Subjects: []string{"out.>", "sluice.mark.>"}, AllowAtomicPublish: true}); err != nil {
		b.Fatal(err)
	}
	return fmt.Sprintf("nats: {url: %q, stream: OUT, subject: out.x}", "nats://"+lateAnswers(b, strings.TrimPrefix(s.ClientURL(), "nats://"), latency))
}

// lateAnswers relays connections to an address; what comes back comes later.
func lateAnswers(b testing.TB, to string, latency time.Duration) (address string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { listener.Close() })
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to)
			if err != nil {
				near.Close()
				continue
			}
			go func() { _, _ = io.Copy(far, near); far.Close() }()
			go relayLate(near, far, latency)
		}
	}()
	return listener.Addr().String()
}

// relayLate copies from far to near, each piece after the latency, however many are on their way.
func relayLate(near, far net.Conn, latency time.Duration) {
	type piece struct {
		data []byte
		due  time.Time
	}
	pieces := make(chan piece, 1<<16)
	go func() {
		defer near.Close()
		for p := range pieces {
			<-time.After(time.Until(p.due))
			if _, err := near.Write(p.data); err != nil {
				return
			}
		}
	}()
	defer close(pieces)
	for {
		data := make([]byte, 16<<10)
		n, err := far.Read(data)
		if n > 0 {
			pieces <- piece{data[:n], time.Now().Add(latency)}
		}
		if err != nil {
			return
		}
	}
}
