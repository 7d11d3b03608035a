// Package nats delivers units into a JetStream stream, exactly once: a unit is one atomic batch (nats-server 2.12, ADR-50) of its
// entries, a message each, and a last message, its mark, on a subject of its own that must have been empty. So the entries and the
// knowledge that they were delivered become visible together or not at all; a repeated unit fails on its mark, which then tells
// whose it is. https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-50.md
//
// Assumption: the stream holds a mark at least as long as its plan may be redone; so its retention is by limits.
//
// Into a stream that takes no atomic batches, `once: window` publishes each entry with its sluice-id as Nats-Msg-Id: the stream drops
// a repeated one as long as it remembers ids (duplicate_window). A plan redone later than that is delivered again.
package nats

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"sluice/sinks/driver"
	"sluice/sinks/layout"
	"sluice/sinks/transport"
)

var (
	_ driver.Options  = (*Options)(nil)
	_ driver.Streamer = (*Options)(nil)
)

// Options are the NATS sink's part of the configuration. What is not pinned in plans has no JSON form.
type Options struct {
	URL      string `json:"url" yaml:"url" required:"true" doc:"The servers, nats://HOST:4222 or tls://…, joined by commas."`
	Stream   string `json:"stream" yaml:"stream" required:"true" doc:"The stream, which must exist; unless once is window, with allow_atomic and the subjects sluice.mark.>."`
	Subject  string `json:"subject" yaml:"subject" required:"true" doc:"The subject of an entry: text and placeholders, audit.{labels.team}.{logId}."`
	MaxEntry int    `json:"maxEntry" yaml:"maxEntry" size:"true" min:"1KiB" max:"63MiB" doc:"Bytes of an entry; a larger one is a dead letter. Less than the server's max_payload."`

	Once Once `json:"once,omitempty" yaml:"once" enum:"window" doc:"window: for a stream that takes no atomic batches; an entry is kept once within its duplicate_window. Absent: exactly once, by marks."`

	Creds    string        `json:"-" yaml:"creds" doc:"A file of credentials, read for each connection."`
	NKey     string        `json:"-" yaml:"nkey" doc:"A file with the seed of an NKey."`
	User     string        `json:"-" yaml:"user" doc:"The name that goes with password."`
	Password driver.Secret `json:"-" yaml:"password" doc:"The user's password: ${NAME} or file:PATH."`
	Token    driver.Secret `json:"-" yaml:"token" doc:"A token: ${NAME} or file:PATH."`
	TLS      transport.TLS `json:"-" yaml:"tls" doc:"Whom to trust, and who we are."`

	refused time.Time // when the stream was created that must not be written to; zero: any may
}

// Once is how a repeated entry is known.
type Once string

// Window is by Nats-Msg-Id, within the stream's duplicate_window. The other way, by marks, has no word.
const Window Once = "window"

// Defaults are the options before the configuration is decoded into them.
func Defaults() *Options { return &Options{MaxEntry: 1000 << 10} }

var streamName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,200}$`)

// Validate judges each option.
func (o *Options) Validate() []driver.Problem {
	var problems []driver.Problem
	add := func(path, message, hint string) {
		problems = append(problems, driver.Problem{Path: path, Message: message, Hint: hint})
	}
	for server := range strings.SplitSeq(o.URL, ",") {
		u, err := url.Parse(server)
		if err != nil || u.Hostname() == "" || u.Scheme != "nats" && u.Scheme != "tls" {
			add("url", "is not the address of servers", "nats://HOST:4222")
			break
		}
		if u.User != nil {
			add("url", "holds a user or token, which may be secrets", "write creds, nkey, user and password, or token")
			break
		}
	}
	if !streamName.MatchString(o.Stream) {
		add("stream", fmt.Sprintf("%q is no stream's name", o.Stream), "letters, digits, - and _")
	}
	if _, err := layout.Template(asPath(o.Subject)); err != nil {
		add("subject", "the template of subjects: "+err.Error(), "for instance audit.{labels.team}.{logId}")
	} else if strings.HasPrefix(o.Subject, markPrefix) || strings.HasPrefix(o.Subject, "$") {
		add("subject", "begins as subjects of Sluice or of the server do", "for instance audit.{logId}")
	}
	if (o.User == "") != (o.Password == "") {
		add("user", "user and password belong together", "write both, the password as ${NAME} or file:PATH")
	}
	if o.Once != "" && o.Once != Window {
		add("once", fmt.Sprintf("unknown word %q", string(o.Once)), "window, or nothing")
	}
	logins := 0
	for _, login := range []string{o.Creds, o.NKey, o.User, o.Token.Reveal()} {
		if login != "" {
			logins++
		}
	}
	if logins > 1 {
		add("", "more than one of creds, nkey, user and token", "write one of them")
	}
	return append(problems, transport.Way{TLS: o.TLS}.Problems()...)
}

// Destination is empty: routes may share a stream, since marks and ids begin with the route.
func (o *Options) Destination() string { return "" }

// Bus gives the servers and the stream.
func (o *Options) Bus() (servers, stream string) { return o.URL, o.Stream }

// Refuse makes drivers refuse the stream that was created then.
func (o *Options) Refuse(created time.Time) { o.refused = created }

// Open makes a driver; nothing is asked of a server. Dead letters are refused: they belong where a person can read them.
func (o *Options) Open(_ context.Context, as driver.To) (driver.Driver, error) {
	if as == driver.ToDeadLetter {
		return nil, errors.New("a nats sink takes no dead letters: use file")
	}
	return open(*o)
}
