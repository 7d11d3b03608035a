package configs

import "reflect"

// Complete gives recorded delivery settings of a route what plans do not pin (credentials, endpoints, timeouts: the fields with
// the tag `json:"-"`; and how the destination is called), as the configuration has it now for the route's sink and dead letters of the same kind. Of a route
// that the configuration does not have, and of another kind, nothing is known: the defaults stay.
func (c *Config) Complete(route string, d *Delivery) {
	for _, r := range append([]Route{c.Unreadable()}, c.Routes...) {
		if r.Name == route {
			d.Sink.completeFrom(&r.Sink)
			d.DeadLetter.completeFrom(r.DeadLetter)
		}
	}
}

func (s *Sink) completeFrom(now *Sink) {
	to, from := reflect.ValueOf(s.Options), reflect.ValueOf(now.Options)
	if s.Kind != now.Kind || to.Kind() != reflect.Pointer || to.Type() != from.Type() || to.Elem().Kind() != reflect.Struct {
		return
	}
	s.Calls = now.Calls
	for _, f := range fieldsOf(to.Elem().Type()) {
		if f.tag.Get("json") == "-" {
			to.Elem().Field(f.index).Set(from.Elem().Field(f.index))
		}
	}
}
