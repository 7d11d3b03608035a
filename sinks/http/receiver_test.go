package http

import (
	"cmp"
	"fmt"
	"io"
	nethttp "net/http"
	"strings"
	"time"

	"sluice/sinks/codec"
	"sluice/sinks/http/receivertest"
	"sluice/sinks/sinktest"
)

// filled puts the defaults into what is not set.
func filled(o Options) Options {
	d := Defaults()
	o.Body, o.Compression = cmp.Or(o.Body, d.Body), cmp.Or(o.Compression, codec.None)
	o.MaxBytes, o.MaxEntries = cmp.Or(o.MaxBytes, d.MaxBytes), cmp.Or(o.MaxEntries, d.MaxEntries)
	o.Timeout = cmp.Or(o.Timeout, time.Minute)
	return o
}

// status is an error that stands for an answer of the receiver.
type status int

func (s status) Error() string { return fmt.Sprintf("status %d", int(s)) }

// stepped lets every request pass through Steps.
type stepped struct {
	next  nethttp.RoundTripper
	steps *sinktest.Steps
	alter func(*nethttp.Request)
}

func (s stepped) RoundTrip(req *nethttp.Request) (resp *nethttp.Response, err error) {
	if s.alter != nil {
		req = req.Clone(req.Context())
		s.alter(req)
	}
	err = s.steps.Do(req.Method+" "+req.URL.Path, func() (err error) {
		resp, err = s.next.RoundTrip(req)
		return err
	})
	if code, ok := err.(status); ok {
		return &nethttp.Response{StatusCode: int(code), Header: make(nethttp.Header), Body: io.NopCloser(strings.NewReader(`"of the test"`)), Request: req}, nil
	}
	if err != nil && resp != nil {
		resp.Body.Close()
		resp = nil
	}
	return resp, err
}

// unitName is the part of a key that names the unit.
func unitName(key string) string { return key[:strings.LastIndexByte(key, '/')] }

// readAll reads what a reader of the path finds, by units.
func readAll(server *receivertest.Server, path string) map[string][]string {
	found := make(map[string][]string)
	for key, entries := range server.Stored(path) {
		for _, e := range entries {
			found[unitName(key)] = append(found[unitName(key)], e.Raw)
		}
	}
	return found
}

// deliveries are all that arrived, as a receiver that honours nothing gets it.
func deliveries(server *receivertest.Server, path string) (all []sinktest.Delivery) {
	for _, r := range server.Requests(path) {
		for _, e := range r.Entries {
			all = append(all, sinktest.Delivery{ID: e.ID, Line: e.Raw})
		}
	}
	return all
}
