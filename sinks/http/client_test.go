package http

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	nethttp "net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/sinks"
	"sluice/sinks/driver"
	"sluice/sinks/http/receivertest"
	"sluice/sinks/transport"
)

// TestAFaultAtEachRequest: whatever happens to the first requests, the retry ends with the entries, once for a receiver with keys.
func TestAFaultAtEachRequest(t *testing.T) {
	for name, fault := range map[string]receivertest.Fault{
		"refused": {Kind: receivertest.Refuse}, "lost reply": {Kind: receivertest.DropReply}, "twice": {Kind: receivertest.Twice},
		"429": {Kind: receivertest.Answer, Status: 429}, "503 after effect": {Kind: receivertest.AnswerLate, Status: 503},
	} {
		server := receivertest.Start(receivertest.Options{Body: "ndjson"})
		var calls atomic.Int64
		server.SetFault(func(*nethttp.Request) receivertest.Fault {
			if calls.Add(1) > 3 {
				return receivertest.Fault{}
			}
			return fault
		})
		d := open(filled(Options{URL: server.URL + "/in"}), driver.ToSink)
		sink := sinks.New(d, sinks.Options{Backoff: sinks.Backoff{First: time.Millisecond, Max: time.Millisecond}})
		u := planned(t, d, 5)[0]
		if _, err := sink.Write(t.Context(), &u); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := readAll(server, "/in")[u.Name]; len(got) != 5 {
			t.Errorf("%s: %d entries", name, len(got))
		}
		server.Close()
	}
}

// TestALateAnswerIsUnavailable: the request's own timeout is not the caller's.
func TestALateAnswerIsUnavailable(t *testing.T) {
	server := receivertest.Start(receivertest.Options{})
	defer server.Close()
	server.SetFault(func(*nethttp.Request) receivertest.Fault { return receivertest.Fault{Kind: receivertest.Hang} })
	d := open(filled(Options{URL: server.URL, Timeout: 20 * time.Millisecond}), driver.ToSink)
	u := planned(t, d, 1)[0]
	if _, err := d.Write(t.Context(), &u); driver.CodeOf(err) != driver.Unavailable {
		t.Errorf("late: %v", err)
	}
	d.options.Timeout, d.client.options.Timeout = time.Minute, time.Minute
	ctx, cancel := context.WithCancel(t.Context())
	server.SetFault(func(*nethttp.Request) receivertest.Fault {
		cancel()
		return receivertest.Fault{Kind: receivertest.Hang}
	})
	if _, err := d.Write(ctx, &u); driver.CodeOf(err) != driver.Canceled {
		t.Errorf("canceled: %v", err)
	}
}

// TestSecretsNeverPrint: neither in errors, nor when the receiver repeats them, nor in what plans pin.
func TestSecretsNeverPrint(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	write(t, file, "Bearer s3cret-file\n")
	o := filled(Options{SecretPath: "s3cret-path", SecretQuery: map[string]driver.Secret{"t": "s3cret query"},
		SecretHeaders: map[string]driver.Secret{"X-Key": "Splunk s3cret-header"}, HeaderFiles: map[string]string{"Authorization": file}})
	echo := httptest.NewServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		w.WriteHeader(403)
		fmt.Fprintln(w, r.URL, r.URL.Query(), r.Header, "s3cret-header")
	}))
	o.URL = echo.URL
	d := open(o, driver.ToSink)
	u := planned(t, d, 1)[0]
	_, refused := d.Write(t.Context(), &u)
	echo.Close()
	_, away := d.Write(t.Context(), &u)
	o.URL = "http://bad host"
	bad := open(o, driver.ToSink)
	_, unusable := bad.Write(t.Context(), &u)
	pinned, err := json.Marshal(&o)
	for _, text := range []string{fmt.Sprint(refused), fmt.Sprint(away), fmt.Sprint(unusable), string(pinned), fmt.Sprintf("%+v %#v", o, o), fmt.Sprint(o.Validate())} {
		if strings.Contains(text, "s3cret") || err != nil {
			t.Errorf("%v %s", err, text)
		}
	}
	if driver.CodeOf(refused) != driver.Misconfigured || !strings.Contains(refused.Error(), "***") || driver.CodeOf(away) != driver.Unavailable {
		t.Error(refused, away)
	}
}

func TestWhatIsSentBeside(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	server := receivertest.Start(receivertest.Options{Body: "ndjson"})
	defer server.Close()
	d := open(filled(Options{URL: server.URL + "/a/", SecretPath: "/b", Query: map[string]string{"x": "1"}, SecretQuery: map[string]driver.Secret{"y": "&"},
		Headers: map[string]string{"X-Org": "acme"}, HeaderFiles: map[string]string{"Authorization": file}}), driver.ToSink)
	u := planned(t, d, 1)[0]
	if _, err := d.Write(t.Context(), &u); driver.CodeOf(err) != driver.Misconfigured {
		t.Errorf("without the file: %v", err)
	}
	var got []string
	for _, token := range []string{"old", "new"} {
		write(t, file, token+"\n")
		if _, err := d.Write(t.Context(), &u); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range server.Requests("/a/b") {
		got = append(got, r.Query+" "+r.Header.Get("X-Org")+" "+r.Header.Get("Authorization"))
	}
	if diff := cmp.Diff([]string{"x=1&y=%26 acme old", "x=1&y=%26 acme new"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestRedirectsAreRefused(t *testing.T) {
	server := receivertest.Start(receivertest.Options{Body: "ndjson"})
	defer server.Close()
	from := httptest.NewServer(nethttp.RedirectHandler(server.URL+"/in", nethttp.StatusTemporaryRedirect))
	defer from.Close()
	d := open(filled(Options{URL: from.URL}), driver.ToSink)
	u := planned(t, d, 1)[0]
	if _, err := d.Write(t.Context(), &u); driver.CodeOf(err) != driver.Misconfigured || len(server.Requests("/in")) != 0 {
		t.Errorf("%v, %d requests followed", err, len(server.Requests("/in")))
	}
}

func TestPrivateAuthorityAndProxy(t *testing.T) {
	server := receivertest.Start(receivertest.Options{Body: "ndjson", TLS: true})
	defer server.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	o := filled(Options{URL: server.URL + "/in", TLS: transport.TLS{CA: ca}})
	d := open(o, driver.ToSink)
	u := planned(t, d, 1)[0]
	if _, err := d.Write(t.Context(), &u); driver.CodeOf(err) != driver.Misconfigured || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without its file: %v", err)
	}
	write(t, ca, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.HTTP().Certificate().Raw})))
	if _, err := d.Write(t.Context(), &u); err != nil {
		t.Errorf("with its authority: %v", err)
	}
	o.TLS.CA = ""
	if _, err := open(o, driver.ToSink).Write(t.Context(), &u); driver.CodeOf(err) != driver.Misconfigured {
		t.Errorf("an unknown authority: %v", err)
	}
	proxied := make(chan string, 1)
	proxy := httptest.NewServer(nethttp.HandlerFunc(func(_ nethttp.ResponseWriter, r *nethttp.Request) { proxied <- r.URL.Host }))
	defer proxy.Close()
	o.URL, o.Proxy = "http://receiver.invalid/in", proxy.URL
	if _, err := open(o, driver.ToSink).Write(t.Context(), &u); err != nil || <-proxied != "receiver.invalid" {
		t.Errorf("by the proxy: %v", err)
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestValidate(t *testing.T) {
	for name, c := range map[string]struct {
		change func(o *Options)
		want   []string
	}{
		"defaults":   {func(*Options) {}, nil},
		"no URL":     {func(o *Options) { o.URL = "" }, []string{"url"}},
		"a user":     {func(o *Options) { o.URL = "https://u:p@h/" }, []string{"url"}},
		"a query":    {func(o *Options) { o.URL = "https://h/?token=x" }, []string{"url"}},
		"our header": {func(o *Options) { o.Headers = map[string]string{"Idempotency-key": "x"} }, []string{"headers.Idempotency-key"}},
		"twice": {func(o *Options) {
			o.Headers = map[string]string{"A": "x"}
			o.SecretHeaders = map[string]driver.Secret{"a": "y"}
		}, []string{"secretHeaders.a"}},
		"a line feed": {func(o *Options) { o.SecretHeaders = map[string]driver.Secret{"A": "x\ny"} }, []string{"secretHeaders.A"}},
		"much": {func(o *Options) {
			o.Body, o.Compression, o.AlreadyProcessed, o.Proxy, o.TLS.Cert = "xml", "zstd", []int{409, 401}, "http://u:p@h", "x"
		}, []string{"body", "compression", "alreadyProcessed[1]", "proxy", "tls"}},
		"wrapped twice": {func(o *Options) { o.Body, o.Wrap = Elastic, true }, []string{"wrap"}},
	} {
		o := Defaults()
		o.URL = "https://collector.acme.example/in"
		c.change(o)
		var got []string
		for _, p := range o.Validate() {
			got = append(got, p.Path)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
