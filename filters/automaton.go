package filters

import (
	"bytes"
	"slices"
)

// automaton is an Aho–Corasick automaton with a full table: it finds all needles in one pass over a text, one step a byte.
// States are offsets into next.
type automaton struct {
	class       [256]uint8 // bytes that no needle tells apart share a class
	width       uint32     // of a row: the number of classes
	next        []uint32
	stay        [256]bool // bytes with which no needle begins: they leave the start, state 0, as it is
	first       int       // the only byte with which needles begin, or -1
	firstOutput uint32    // states from here on end a needle
	outputs     []output  // of those states, in order
}

// output is the needle that ends in a state and the state of the longest shorter one that ends there too.
type output struct {
	needle int32  // -1: none of its own
	link   uint32 // 0: no more
}

// newAutomaton makes the automaton for needles, which are not empty, with their numbers.
func newAutomaton(needles map[string]int) *automaton {
	a := &automaton{}
	words := make([]string, len(needles))
	for word, n := range needles {
		words[n] = word
	}
	a.classes(words)
	t := newACTrie(a, words)
	t.connect()
	a.number(t)
	a.first = -1
	firsts := 0
	for b := range 256 {
		if a.stay[b] = a.next[a.class[b]] == 0; !a.stay[b] {
			a.first = b
			firsts++
		}
	}
	if firsts > 1 {
		a.first = -1
	}
	return a
}

// skip gives the next position from i on where a needle may begin.
func (a *automaton) skip(text []byte, i int) int {
	if a.first >= 0 {
		if n := bytes.IndexByte(text[i:], byte(a.first)); n >= 0 {
			return i + n
		}
		return len(text)
	}
	for i < len(text) && a.stay[text[i]] {
		i++
	}
	return i
}

// classes gives each byte that occurs a class; class 0 is all others.
func (a *automaton) classes(words []string) {
	a.width = 1
	for _, w := range words {
		for i := 0; i < len(w); i++ {
			if a.class[w[i]] == 0 && a.width < 256 {
				a.class[w[i]] = uint8(a.width)
				a.width++
			}
		}
	}
}

// acTrie is the automaton while it is built; node 0 is the root.
type acTrie struct {
	width  int
	next   []int32 // row by row; -1: none yet
	needle []int32
	link   []int32 // the nearest state on the suffix path that ends a needle; 0: none
	order  []int32 // breadth first, without the root
}

func newACTrie(a *automaton, words []string) *acTrie {
	t := &acTrie{width: int(a.width)}
	t.add()
	for n, w := range words {
		at := int32(0)
		for i := 0; i < len(w); i++ {
			slot := int(at)*t.width + int(a.class[w[i]])
			if t.next[slot] < 0 {
				t.next[slot] = t.add()
			}
			at = t.next[slot]
		}
		t.needle[at] = int32(n)
	}
	return t
}

func (t *acTrie) add() int32 {
	t.next = append(t.next, slices.Repeat([]int32{-1}, t.width)...)
	t.needle = append(t.needle, -1)
	t.link = append(t.link, 0)
	return int32(len(t.needle) - 1)
}

// connect fills in the missing steps: those of the longest proper suffix.
func (t *acTrie) connect() {
	suffix := make([]int32, len(t.needle))
	for c := range t.width {
		if child := t.next[c]; child > 0 {
			t.order = append(t.order, child)
		} else {
			t.next[c] = 0
		}
	}
	for i := 0; i < len(t.order); i++ {
		at := t.order[i]
		s := suffix[at]
		if t.link[at] = t.link[s]; t.needle[s] >= 0 {
			t.link[at] = s
		}
		for c := range t.width {
			slot := int(at)*t.width + c
			through := t.next[int(s)*t.width+c]
			if child := t.next[slot]; child < 0 {
				t.next[slot] = through
			} else {
				suffix[child] = through
				t.order = append(t.order, child)
			}
		}
	}
}

// number lays the states out so that those that end a needle come last.
func (a *automaton) number(t *acTrie) {
	ends := func(s int32) bool { return t.needle[s] >= 0 || t.link[s] > 0 }
	place := make([]uint32, len(t.needle))
	rows := uint32(1)
	for _, last := range []bool{false, true} {
		if last {
			a.firstOutput = rows * a.width
		}
		for _, s := range t.order {
			if ends(s) == last {
				place[s] = rows * a.width
				rows++
			}
		}
	}
	a.next = make([]uint32, int(rows)*t.width)
	a.outputs = make([]output, rows-a.firstOutput/a.width)
	for s := range t.needle {
		for c := range t.width {
			a.next[int(place[s])+c] = place[t.next[s*t.width+c]]
		}
		if s > 0 && ends(int32(s)) {
			o := &a.outputs[(place[s]-a.firstOutput)/a.width]
			o.needle = t.needle[s]
			if t.link[s] > 0 {
				o.link = place[t.link[s]]
			}
		}
	}
}

// output gives what ends in a state from firstOutput on.
func (a *automaton) output(state uint32) output {
	return a.outputs[(state-a.firstOutput)/a.width]
}
