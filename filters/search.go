package filters

import (
	"bytes"
	"slices"
	"strings"

	"sluice/logentry"
)

// query is the text of SEARCH: words, each a whole token, and phrases in backticks, each contiguous and ending at the borders
// of tokens. All of them must be found, in any order.
type query struct {
	words   map[string]int // to its place among the parts
	phrases [][]byte       // after the words
	parts   int            // words and phrases
}

// delimiters of BigQuery's LOG_ANALYZER. After folding, upper case need not be listed.
const delimiters = "[]<>(){}|!;,'\"*&?+/:=@.-$%\\_\n\r\t "

var delimiterSet = func() (set [256]bool) {
	for _, c := range []byte(delimiters) {
		set[c] = true
	}
	return set
}()

// delimiterEscapes are URL escapes that LOG_ANALYZER takes for delimiters, the longer ones first.
var delimiterEscapes = []string{"%2526", "%2520", "%21", "%26", "%3b", "%7c", "%20", "%2b", "%3d", "%5d", "%5b", "%3a", "%0a",
	"%2c", "%28", "%29"}

// newQuery reads the text of SEARCH; nil when it holds no token.
func newQuery(text string) *query {
	q := &query{words: map[string]int{}}
	folded := string(appendFolded(nil, []byte(text)))
	if strings.Count(folded, "`")%2 != 0 {
		q.addWords(folded)
	} else {
		for i, piece := range strings.Split(folded, "`") {
			if i%2 == 0 {
				q.addWords(piece)
			} else {
				q.addPhrase(piece)
			}
		}
	}
	if q.parts = len(q.words) + len(q.phrases); q.parts == 0 {
		return nil
	}
	return q
}

func (q *query) addWords(text string) {
	for t := (tokens{text: []byte(text)}); t.next(); {
		if _, ok := q.words[string(t.token)]; !ok {
			q.words[string(t.token)] = len(q.words)
		}
	}
}

// addPhrase takes a phrase in, if it holds a token at all.
func (q *query) addPhrase(text string) {
	if t := (tokens{text: []byte(text)}); t.next() {
		q.phrases = append(q.phrases, []byte(text))
	}
}

// tokens cuts folded text into tokens.
type tokens struct {
	text  []byte
	at    int
	token []byte
}

func (t *tokens) next() bool {
	for t.at < len(t.text) && delimiterSet[t.text[t.at]] {
		t.at += delimiterLength(t.text[t.at:])
	}
	start := t.at
	for t.at < len(t.text) && !delimiterSet[t.text[t.at]] {
		t.at++
	}
	t.token = t.text[start:t.at]
	return t.at > start
}

// delimiterLength is the length of the delimiter that text begins with.
func delimiterLength(text []byte) int {
	if text[0] == '%' {
		for _, e := range delimiterEscapes {
			if len(text) >= len(e) && string(text[:len(e)]) == e {
				return len(e)
			}
		}
	}
	return 1
}

// holds says whether every part is found in the texts among the values and, for objects, inside them.
func (q *query) holds(w *Worker, values []datum) bool {
	w.marks = slices.Grow(w.marks[:0], q.parts)[:q.parts]
	clear(w.marks)
	left := q.parts
	for i := range values {
		switch d := &values[i]; d.kind {
		case textDatum:
			left -= q.mark(w.fold(d), w.marks)
		case objectDatum:
			left -= w.markInside(q, d)
		}
		if left == 0 {
			return true
		}
	}
	return false
}

// markInside finds parts in the texts inside an object.
func (w *Worker) markInside(q *query, d *datum) (found int) {
	logentry.Walk(d.text, func(v logentry.Visit) bool {
		if v.Value.Kind == logentry.String {
			var text datum
			w.fill(&text, v.Value, dynamicType, nil)
			found += q.mark(w.fold(&text), w.marks)
		}
		return true
	})
	return found
}

// mark finds parts in one folded text and counts those that were not found before.
func (q *query) mark(text []byte, marks []bool) (found int) {
	if len(q.words) > 0 {
		for t := (tokens{text: text}); t.next(); {
			if part, ok := q.words[string(t.token)]; ok && !marks[part] {
				marks[part] = true
				found++
			}
		}
	}
	for i, phrase := range q.phrases {
		part := len(q.words) + i
		if !marks[part] && hasPhrase(text, phrase) {
			marks[part] = true
			found++
		}
	}
	return found
}

// hasPhrase finds a phrase that begins and ends at the borders of tokens.
func hasPhrase(text, phrase []byte) bool {
	for from := 0; ; from++ {
		i := bytes.Index(text[from:], phrase)
		if i < 0 {
			return false
		}
		from += i
		if border(text, from) && border(text, from+len(phrase)) {
			return true
		}
	}
}

// border says that no token goes on across position i.
func border(text []byte, i int) bool {
	if i == 0 || i == len(text) || delimiterSet[text[i]] || delimiterSet[text[i-1]] {
		return true
	}
	for _, e := range delimiterEscapes {
		if bytes.HasSuffix(text[:i], []byte(e)) {
			return true
		}
	}
	return false
}
