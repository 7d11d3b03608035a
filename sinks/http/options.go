// Package http delivers units as POST requests: to a webhook, a log service, a SIEM. A unit is one request whose body and
// Idempotency-Key follow from the plan alone, so a repeated one is the same request. A receiver that honours the key stores it
// once; to any other it may arrive twice when a crash or a lost reply leaves open whether it arrived. Each entry can carry its
// sluice-id, by which a consumer drops the repeated one.
//
// Sources: Content-Digest, RFC 9530; Idempotency-Key, https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header;
// the body splunk, https://docs.splunk.com/Documentation/Splunk/latest/Data/FormateventsforHTTPEventCollector; the body elastic,
// https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk.
package http

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"sluice/sinks/codec"
	"sluice/sinks/driver"
	"sluice/sinks/transport"
)

var _ driver.Options = (*Options)(nil)

// Options are the HTTP sink's part of the configuration. What is not pinned in plans has no JSON form.
type Options struct {
	URL         string            `json:"url" yaml:"url" required:"true" doc:"Where to POST, without query: it is no secret, and stands in the ledger."`
	Query       map[string]string `json:"query,omitempty" yaml:"query" doc:"Parameters of the URL that are no secrets."`
	Body        Body              `json:"body" yaml:"body" enum:"ndjson|array|splunk|elastic" doc:"What a request holds."`
	Wrap        bool              `json:"wrap,omitempty" yaml:"wrap" doc:"Send each entry as {\"id\":SLUICE-ID,\"entry\":ENTRY}; for ndjson and array."`
	Compression codec.Compression `json:"compression" yaml:"compression" doc:"none or gzip (Content-Encoding)."`
	MaxBytes    int               `json:"maxBytes" yaml:"maxBytes" size:"true" min:"1KiB" max:"64MiB" doc:"Bytes of one request before compression; a larger entry is a dead letter."`
	MaxEntries  int               `json:"maxEntries" yaml:"maxEntries" min:"1" max:"100000" doc:"Entries of one request."`

	Headers          map[string]string        `json:"-" yaml:"headers" doc:"Headers that are no secrets."`
	SecretHeaders    map[string]driver.Secret `json:"-" yaml:"secretHeaders" doc:"Headers that are: ${NAME}, also within text, or file:PATH, read at the start."`
	HeaderFiles      map[string]string        `json:"-" yaml:"headerFiles" doc:"Headers whose value is a file's text, read for each request, so that it may rotate."`
	SecretPath       driver.Secret            `json:"-" yaml:"secretPath" doc:"What follows the URL's path where that is the secret."`
	SecretQuery      map[string]driver.Secret `json:"-" yaml:"secretQuery" doc:"Parameters of the URL that are secrets."`
	AlreadyProcessed []int                    `json:"-" yaml:"alreadyProcessed" doc:"Statuses by which the receiver says that it has this very request already."`
	Timeout          time.Duration            `json:"-" yaml:"timeout" min:"1s" max:"1m" doc:"How long a request may take."`
	Proxy            string                   `json:"-" yaml:"proxy" doc:"http://HOST:PORT of a proxy; absent: HTTPS_PROXY, HTTP_PROXY and NO_PROXY of the environment."`
	TLS              transport.TLS            `json:"-" yaml:"tls" doc:"Whom to trust, and who we are."`
}

// Body is what a request holds.
type Body string

// The bodies.
const (
	NDJSON  Body = "ndjson"  // an entry a line
	Array   Body = "array"   // a JSON array of entries
	Splunk  Body = "splunk"  // events of Splunk's HTTP Event Collector
	Elastic Body = "elastic" // create actions of Elasticsearch's and OpenSearch's _bulk
)

// Defaults are the options before the configuration is decoded into them.
func Defaults() *Options {
	return &Options{Body: NDJSON, Compression: codec.None, MaxBytes: 4 << 20, MaxEntries: 5000, Timeout: 30 * time.Second}
}

// Validate judges each option. It never shows a value that may hold a secret.
func (o *Options) Validate() []driver.Problem {
	var problems []driver.Problem
	add := func(path, message, hint string) {
		problems = append(problems, driver.Problem{Path: path, Message: message, Hint: hint})
	}
	if u, err := url.Parse(o.URL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		add("url", "is not an address to POST to", "https://HOST/PATH")
	} else if u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		add("url", "holds a user, a query or a fragment, which may be secrets", "write query, secretQuery, secretPath or secretHeaders")
	}
	switch o.Body {
	case NDJSON, Array, Splunk, Elastic:
	default:
		add("body", fmt.Sprintf("unknown body %q", string(o.Body)), "one of ndjson, array, splunk, elastic")
	}
	if o.Wrap && (o.Body == Splunk || o.Body == Elastic) {
		add("wrap", "has no meaning for body "+string(o.Body), "it carries the sluice-id already")
	}
	if o.Compression != codec.None && o.Compression != codec.Gzip {
		add("compression", fmt.Sprintf("unknown compression %q", string(o.Compression)), "one of none, gzip")
	}
	if o.MaxBytes < 1 || o.MaxEntries < 1 {
		add("", "maxBytes and maxEntries must be positive", "")
	}
	for i, status := range o.AlreadyProcessed {
		if status < 400 || status > 499 || slices.Contains([]int{401, 403, 404, 408, 429}, status) {
			add(fmt.Sprintf("alreadyProcessed[%d]", i), fmt.Sprintf("%d says something else", status), "for instance 409")
		}
	}
	problems = append(problems, o.way().Problems()...)
	return append(problems, o.headerProblems()...)
}

func (o *Options) way() transport.Way { return transport.Way{Proxy: o.Proxy, TLS: o.TLS} }

// token is the grammar of a header's name: https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2
var token = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

// ours are the headers that follow from the request itself.
var ours = []string{"content-digest", "content-encoding", "content-length", "host", "idempotency-key", "transfer-encoding"}

// headerProblems: each header once, none of ours, and nothing that could end a header early.
func (o *Options) headerProblems() []driver.Problem {
	var problems []driver.Problem
	seen := make(map[string]bool)
	check := func(path string, names []string, value func(name string) string) {
		for _, name := range names {
			lower := strings.ToLower(name)
			message := ""
			switch {
			case !token.MatchString(name):
				message = "is not a header's name"
			case slices.Contains(ours, lower):
				message = "is set by Sluice"
			case seen[lower]:
				message = "stands here twice"
			case strings.ContainsFunc(value(name), control):
				message = "has a value with control characters"
			}
			if message != "" {
				problems = append(problems, driver.Problem{Path: path + "." + name, Message: message})
			}
			seen[lower] = true
		}
	}
	check("headers", slices.Sorted(maps.Keys(o.Headers)), func(name string) string { return o.Headers[name] })
	check("secretHeaders", slices.Sorted(maps.Keys(o.SecretHeaders)), func(name string) string { return o.SecretHeaders[name].Reveal() })
	check("headerFiles", slices.Sorted(maps.Keys(o.HeaderFiles)), func(string) string { return "" })
	return problems
}

// control says whether a character may not stand in a header's value.
func control(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// Destination is empty: routes may share a URL, since the identity of all that is sent begins with the route.
func (o *Options) Destination() string { return "" }

// Open makes a driver. Nothing is asked of the receiver, and no file is read: that is Write's to find out.
func (o *Options) Open(_ context.Context, as driver.To) (driver.Driver, error) {
	return open(*o, as), nil
}
