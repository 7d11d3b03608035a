// Package pubsub delivers entries as messages of a Google Cloud Pub/Sub topic: one entry a message, its bytes as they came. A unit
// is one publish request, or, of entries with an ordering key, the requests of one key, sent one after another.
//
// Delivery is at least once: Pub/Sub does not know a message that is published again, and gives it another messageId, also on
// subscriptions with exactly-once delivery (https://docs.cloud.google.com/pubsub/docs/exactly-once-delivery). So a request whose
// reply was lost, and a plan that was open at a crash, may arrive twice, each message with the same attribute sluice-id, by which
// consumers drop it. Nothing else is ever published twice: the client's own retries are off, and what was acknowledged is
// remembered while its plan is open.
package pubsub

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"sluice/exprs"
	"sluice/sinks/driver"
	"sluice/sinks/transport"
)

var _ driver.Options = (*Options)(nil)

// Options are the Pub/Sub sink's part of the configuration. What is not pinned in plans has no JSON form.
type Options struct {
	Project     string `json:"project" yaml:"project" required:"true" doc:"The topic's project."`
	Topic       string `json:"topic" yaml:"topic" required:"true" doc:"The topic, which must exist; its name alone."`
	OrderingKey string `json:"orderingKey,omitempty" yaml:"orderingKey" verbatim:"true" doc:"An expression that gives each entry's ordering key; absent: none."`
	MaxEntries  int    `json:"maxEntries" yaml:"maxEntries" min:"1" max:"1000" doc:"Messages of one request."`

	Endpoint        string `json:"-" yaml:"endpoint" doc:"Another address of the service: https://HOST (regional, private), or http://HOST:PORT of an emulator, which gets no credentials."`
	CredentialsFile string `json:"-" yaml:"credentialsFile" doc:"A file of credentials; absent: those of the environment (workload identity, GOOGLE_APPLICATION_CREDENTIALS, gcloud)."`

	Proxy string        `json:"-" yaml:"proxy" doc:"http://HOST:PORT of a proxy; absent: HTTPS_PROXY, HTTP_PROXY and NO_PROXY of the environment."`
	TLS   transport.TLS `json:"-" yaml:"tls" doc:"Whom to trust, and who we are."`
}

// Defaults are the options before the configuration is decoded into them.
func Defaults() *Options { return &Options{MaxEntries: maxMessages} }

var (
	// projectID: https://docs.cloud.google.com/resource-manager/docs/creating-managing-projects, with a domain before it in old ones.
	projectID = regexp.MustCompile(`^([a-z0-9.-]{1,100}:)?[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`)
	// topicID: https://docs.cloud.google.com/pubsub/docs/pubsub-basics#resource_names
	topicID = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._~+%-]{2,254}$`)
)

// Validate judges each option.
func (o *Options) Validate() []driver.Problem {
	var problems []driver.Problem
	add := func(path, message, hint string) {
		problems = append(problems, driver.Problem{Path: path, Message: message, Hint: hint})
	}
	if !projectID.MatchString(o.Project) {
		add("project", fmt.Sprintf("%q is no project's id", o.Project), "the id, not the number's or the display name")
	}
	if !topicID.MatchString(o.Topic) || strings.HasPrefix(o.Topic, "goog") {
		add("topic", fmt.Sprintf("%q is no topic's name", o.Topic), "the last part of projects/P/topics/TOPIC: 3 to 255 letters, digits and -._~+%, after a letter")
	}
	if _, err := o.key(); err != nil {
		var at *exprs.Error
		if errors.As(err, &at) {
			add("orderingKey", fmt.Sprintf("line %d, column %d: %s", at.Line, at.Column, at.Message), at.Hint)
		} else {
			add("orderingKey", err.Error(), "")
		}
	}
	if o.MaxEntries < 1 || o.MaxEntries > maxMessages {
		add("maxEntries", "is not between 1 and 1000", "")
	}
	if u, err := url.Parse(o.Endpoint); o.Endpoint != "" && (err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" ||
		u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Scheme == "http" && u.Port() == "") {
		add("endpoint", "is not an address of the service", "https://HOST or http://HOST:PORT")
	}
	return append(problems, o.way().Problems()...)
}

func (o *Options) way() transport.Way { return transport.Way{Proxy: o.Proxy, TLS: o.TLS} }

// key compiles the ordering key; nil when there is none.
func (o *Options) key() (*exprs.Column, error) {
	if o.OrderingKey == "" {
		return nil, nil
	}
	return exprs.CompileColumn(o.OrderingKey)
}

// Destination is empty: routes may share a topic, since the sluice-id of all that is published begins with the route.
func (o *Options) Destination() string { return "" }

// Open makes a driver; nothing is asked of the service. Dead letters are refused: they belong where a person can read them.
func (o *Options) Open(_ context.Context, as driver.To) (driver.Driver, error) {
	if as == driver.ToDeadLetter {
		return nil, errors.New("a pubsub sink takes no dead letters: use file, gcs or s3")
	}
	return open(*o)
}
