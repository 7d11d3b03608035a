package main

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// demoDice is a small generator of its own (splitmix64), so that no version of Go changes the demo's bytes.
type demoDice struct{ state uint64 }

func (d *demoDice) next() uint64 {
	d.state += 0x9e3779b97f4a7c15
	z := d.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (d *demoDice) below(n int) int { return int(d.next() % uint64(n)) }

func (d *demoDice) chance(percent int) bool { return d.below(100) < percent }

func (d *demoDice) hex(digits int) string {
	var b []byte
	for len(b)*2 < digits {
		b = binary.BigEndian.AppendUint64(b, d.next())
	}
	return hex.EncodeToString(b)[:digits]
}

func (d *demoDice) uuid() string {
	h := d.hex(32)
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:]
}

// demoHours is how busy each hour of the day is (UTC): quiet nights, a dip at noon.
var demoHours = [24]int{2, 2, 2, 3, 2, 3, 5, 9, 14, 16, 15, 13, 9, 14, 16, 15, 13, 10, 7, 6, 5, 4, 3, 2}

// instant picks a moment of the demo's two days, more often a busy one.
func (d *demoDice) instant() time.Time {
	for {
		at := time.Duration(d.next() % uint64(demoSpan))
		if d.below(16) < demoHours[int(at.Hours())%24] {
			return demoStart.Add(at)
		}
	}
}

// demoScene is what one entry's templates speak of: a word once chosen stays the same in all of the entry's templates.
type demoScene struct {
	*demoDice
	at, received time.Time
	words        map[string]string
}

func newDemoScene(dice *demoDice, at time.Time) *demoScene {
	delay := time.Duration(40+dice.below(1960)) * time.Millisecond
	return &demoScene{demoDice: dice, at: at, received: at.Add(delay), words: map[string]string{}}
}

// text fills in a template: each $word is chosen from demoWords, or made by its kind.
func (s *demoScene) text(template string) string { return os.Expand(template, s.word) }

// json fills in a template that is JSON.
func (s *demoScene) json(template string) json.RawMessage { return json.RawMessage(s.text(template)) }

// object fills in a template that is a JSON object.
func (s *demoScene) object(template string) demoObject {
	var o demoObject
	dec := json.NewDecoder(strings.NewReader(s.text(template)))
	dec.UseNumber()
	if err := dec.Decode(&o); err != nil {
		panic(fmt.Sprintf("demo template %s: %v", template, err)) // demoentries_test.go builds every one
	}
	return o
}

// word chooses a word. A digit at the end asks for another word of the same kind: $uuid and $uuid2 differ.
func (s *demoScene) word(name string) string {
	if w, ok := s.words[name]; ok {
		return w
	}
	kind := strings.TrimRight(name, "23")
	var w string
	switch kind {
	case "uuid":
		w = s.uuid()
	case "hex":
		w = s.hex(32)
	case "span":
		w = s.hex(16)
	case "number":
		w = strconv.FormatUint(1e18+s.next()%8e18, 10)
	case "count":
		w = strconv.Itoa(1 + s.below(900))
	case "millis":
		w = strconv.Itoa(3 + s.below(2200))
	default:
		choice, ok := demoWords[kind]
		if !ok {
			panic("demo template: unknown word $" + name) // demoentries_test.go builds every one
		}
		w = choice[s.below(len(choice))]
	}
	s.words[name] = w
	return w
}

// set fixes a word before the templates are filled in.
func (s *demoScene) set(name, value string) { s.words[name] = value }

// stamp writes a time as Cloud Logging does.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// sortedKeys gives a table's keys in order, so that the dice fall alike each time.
func sortedKeys(table map[string]string) []string { return slices.Sorted(maps.Keys(table)) }
