package configs

import (
	"maps"
	"net"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"sluice/sinks"
	"sluice/sinks/driver"
)

// decode reads one destination: a mapping with one key, the kind, over that kind's own options, and beside it how it is called.
func (s *Sink) decode(d *decoder, n ast.Node, path string) {
	pairs, ok := d.pairs(n, path)
	if !ok {
		return
	}
	known := slices.Sorted(maps.Keys(d.reg))
	calls := reflect.ValueOf(&s.Calls).Elem()
	var kinds []pair
	for _, p := range pairs {
		f, call := find(fieldsOf(calls.Type()), p.key)
		switch {
		case call && p.value != nil:
			d.decode(p.value, join(path, p.key), calls.Field(f.index), f.tag)
		case call:
		case d.reg[p.key] != nil:
			kinds = append(kinds, p)
		case slices.Contains(laterSinks, p.key):
			d.problemAt(p.node, join(path, p.key), "sink "+p.key+" is not supported by this version", "use "+strings.Join(known, " or "))
		default:
			d.problemAt(p.node, join(path, p.key), "unknown kind of sink", suggest(p.key, append(keysOf(fieldsOf(calls.Type())), known...)))
		}
	}
	if r := s.Calls.Retry; r.First > 0 && r.Max > 0 && r.First > r.Max {
		d.problem(join(path, "retry.first"), "longer than retry.max", "")
	}
	switch {
	case len(kinds) == 0 && !d.troubled(path):
		d.problemAt(n, path, "no kind of sink", suggest("", known))
	case len(kinds) > 1:
		d.problemAt(kinds[1].node, join(path, kinds[1].key), "a second kind of sink, after "+kinds[0].key, "write a route for each destination")
	case len(kinds) == 1:
		s.options(d, kinds[0], join(path, kinds[0].key))
	}
}

// Options are those of package sinks.
func (c Calls) Options() sinks.Options {
	return sinks.Options{
		Rate: sinks.Rate(c.Rate), InFlight: c.InFlight, Deadline: c.Retry.Deadline, Patience: c.Retry.Patience,
		Backoff: sinks.Backoff{First: c.Retry.First, Max: c.Retry.Max},
	}
}

// options reads the kind's own options, then asks them what they think of themselves.
func (s *Sink) options(d *decoder, kind pair, path string) {
	options := d.reg[kind.key]()
	if kind.value != nil {
		d.decode(kind.value, path, reflect.ValueOf(options).Elem(), "")
	}
	s.Kind, s.Options = kind.key, options
	for _, p := range options.Validate() {
		at := path
		if p.Path != "" {
			at = join(path, p.Path)
		}
		d.problem(at, p.Message, p.Hint)
	}
}

// destination is where deliveries of a configuration go.
type destination struct {
	at   site   // of the sink
	url  string // ends in "/"
	dead bool   // dead letters
}

// checkDestinations refuses two destinations of which one lies in the other: the names of their objects could meet. Dead letters
// may share one destination, since their names begin with the route.
func (d *decoder) checkDestinations(cfg *Config, sites []site) {
	var accepted []destination
	add := func(at site, s *Sink, dead bool) {
		if s == nil || s.Options == nil || at.d.troubled(at.path) {
			return
		}
		b := destination{site{at.d, at.path + "." + s.Kind}, s.Options.Destination(), dead}
		if b.url == "" {
			return // a place that any number of routes may share
		}
		for _, a := range accepted {
			if message := clash(a, b); message != "" {
				at.d.problem(b.at.path, message, "give each its own place")
				return
			}
		}
		accepted = append(accepted, b)
	}
	add(site{d, "deadLetter"}, cfg.DeadLetter, true)
	for i, at := range sites {
		add(site{at.d, at.path + ".sink"}, &cfg.Routes[i].Sink, false)
	}
	for i, at := range sites {
		add(site{at.d, at.path + ".deadLetter"}, cfg.Routes[i].DeadLetter, true)
	}
}

// checkLoop refuses a destination that the bus reads, as far as the addresses show it.
func (d *decoder) checkLoop(bus *Bus, path string, s *Sink) {
	streamer, ok := s.Options.(driver.Streamer)
	if !ok || d.troubled(path) {
		return
	}
	servers, name := streamer.Bus()
	ours := string(bus.URL)
	if bus.Embedded != nil {
		ours = "nats://" + bus.Embedded.Listen
	}
	reads := slices.ContainsFunc(bus.Streams, func(c Stream) bool { return c.Name == name })
	if reads && slices.ContainsFunc(hosts(ours), func(h string) bool { return slices.Contains(hosts(servers), h) }) {
		d.problem(join(path, s.Kind)+".stream", name+" is a stream that the bus reads: each entry would come back as a new one, for ever",
			"deliver into another stream, which bus.streams does not list")
	}
}

// hosts gives the HOST:PORT of each address, in the form that all have in common.
func hosts(addresses string) (all []string) {
	for address := range strings.SplitSeq(addresses, ",") {
		u, err := url.Parse(strings.TrimSpace(address))
		if err != nil || u.Hostname() == "" {
			continue
		}
		port := u.Port()
		if port == "" {
			port = "4222"
		}
		host := strings.ToLower(u.Hostname())
		if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
			host = "localhost"
		}
		all = append(all, net.JoinHostPort(host, port))
	}
	return all
}

// troubled says whether a mistake of the value at path, or of one in it, is known.
func (d *decoder) troubled(path string) bool {
	return slices.ContainsFunc(d.problems, func(p Problem) bool { return isWithin(p.Path, path) })
}

func clash(a, b destination) string {
	first := a.at.seenFrom(b.at.d)
	switch {
	case a.url == b.url && a.dead && b.dead:
		return ""
	case a.url == b.url:
		return "the destination " + b.url + " is that of " + first
	case strings.HasPrefix(b.url, a.url):
		return "the destination " + b.url + " lies inside that of " + first + ", " + a.url
	case strings.HasPrefix(a.url, b.url):
		return "the destination " + b.url + " holds that of " + first + ", " + a.url
	}
	return ""
}
