package configs

import (
	"fmt"
	"net"
	"reflect"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// decode reads a stream, whose short form is its name.
func (s *Stream) decode(d *decoder, n ast.Node, path string) {
	if _, short := n.(*ast.StringNode); short {
		name, _ := d.text(n, path)
		s.Name, _ = d.expand(path, name)
		return
	}
	d.structure(n, path, reflect.ValueOf(s).Elem())
}

// checkBus settles which bus it is and completes its streams.
func (d *decoder) checkBus(b *Bus) {
	switch {
	case b.URL != "" && b.Embedded != nil:
		d.problem("bus.url", "both url and embedded", "write one of them")
	case b.URL != "" && b.Listen != "":
		d.problem("bus.listen", "listen belongs to the embedded bus, not to a url", "remove it")
	case b.URL == "" && b.Embedded == nil:
		b.Embedded = &Embedded{Dir: "./sluice-data"}
	}
	d.checkServers(b.URL)
	d.checkLogin(b)
	d.checkListen("bus.listen", b.Listen)
	if e := b.Embedded; e != nil {
		d.checkListen("bus.embedded.listen", e.Listen)
		if b.Listen != "" && e.Listen != "" {
			d.problem("bus.listen", "listen twice", "keep bus.embedded.listen")
		} else if b.Listen != "" {
			e.Listen, b.Listen = b.Listen, ""
		}
		if e.Dir == "" {
			d.problem("bus.embedded.dir", "want a folder", "")
		}
	}
	d.checkStreams(b)
}

func (d *decoder) checkListen(path, listen string) {
	if listen == "" {
		return
	}
	_, port, err := net.SplitHostPort(listen)
	if n, bad := strconv.Atoi(port); err != nil || bad != nil || n < 0 || n > 65535 {
		d.problem(path, fmt.Sprintf("%q is not host:port", listen), "write 127.0.0.1:8080")
	}
}

func (d *decoder) checkStreams(b *Bus) {
	if len(b.Streams) == 0 {
		d.problem("bus.streams", "no stream", "write [LOGS]")
	}
	names := make(map[string]int)
	for i := range b.Streams {
		s, path := &b.Streams[i], fmt.Sprintf("bus.streams[%d]", i)
		if s.Name != "" {
			d.checkName(namePath(d, path), s.Name)
			if first, twice := names[s.Name]; twice {
				d.problem(namePath(d, path), fmt.Sprintf("stream %s is bus.streams[%d] already", s.Name, first), "")
			} else {
				names[s.Name] = i
			}
		}
		if len(s.Subjects) == 0 {
			if len(b.Streams) > 1 {
				d.problem(path+".subjects", "subjects are needed when there are several streams", fmt.Sprintf("write {name: %s, subjects: [\"logs.…\"]}", s.Name))
			} else {
				s.Subjects = []string{"logs.>"}
			}
		}
		if b.Embedded != nil && s.Replicas > 1 {
			d.problem(path+".replicas", "the embedded bus is one server and keeps one copy", "remove it, or use bus.url")
		}
		d.checkSubjects(b.Streams[:i+1], path)
	}
}

// namePath gives the path of a stream's name: its short form has none of its own.
func namePath(d *decoder, path string) string {
	if _, ok := d.places[path+".name"]; ok {
		return path + ".name"
	}
	return path
}

// checkSubjects holds the last stream's subjects against the grammar of NATS and against the subjects before them.
func (d *decoder) checkSubjects(streams []Stream, path string) {
	last := len(streams) - 1
	for i, subject := range streams[last].Subjects {
		at := fmt.Sprintf("%s.subjects[%d]", path, i)
		if !validSubject(subject) {
			d.problem(at, fmt.Sprintf("%q is not a subject", subject), `write logs.> or logs.*.pay.>`)
			continue
		}
		for j, s := range streams {
			for k, other := range s.Subjects {
				if (j < last || k < i) && overlap(subject, other) {
					d.problem(at, fmt.Sprintf("overlaps with %s of bus.streams[%d]", other, j), "a message belongs to one stream")
				}
			}
		}
	}
}

// validSubject knows NATS' rule: tokens between dots; * stands for a token, > for all that follow.
func validSubject(subject string) bool {
	tokens := strings.Split(subject, ".")
	for i, t := range tokens {
		wild := t == "*" || t == ">" && i == len(tokens)-1
		if t == "" || !wild && strings.ContainsAny(t, "*> \t\r\n") {
			return false
		}
	}
	return true
}

// overlap says whether some subject matches both patterns.
func overlap(a, b string) bool {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(as), len(bs)) {
		switch {
		case as[i] == ">" || bs[i] == ">":
			return true
		case as[i] != bs[i] && as[i] != "*" && bs[i] != "*":
			return false
		}
	}
	return len(as) == len(bs)
}
