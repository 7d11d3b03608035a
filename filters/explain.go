package filters

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"sluice/logentry"
)

// Explanation says why a filter matches an entry or does not: the filter's tree with an answer at each node.
type Explanation struct {
	Term    string         // canonical text of a single term; AND, OR or NOT when there are Parts
	Holds   bool           // the term is true of the entry
	Decides bool           // the whole answer rests on it: with AND the first part that fails, with OR the first that holds, …
	Found   string         // of a single term: what the entry has in its field, in words
	Parts   []*Explanation // in the order of the query
}

// Explain says how the filter's answer to the entry comes about; the answer is Holds. Like Match it extracts the entry itself
// and is total.
func (f *Filter) Explain(e *logentry.Entry) *Explanation {
	a := f.alone()
	l := a.take(e)
	defer a.put(l)
	if d := a.set.Fields().Extract(&l.entry, logentry.Limits{}); d != nil {
		return &Explanation{Term: "readable entry", Decides: true, Found: d.Error()}
	}
	l.worker.begin(&l.entry)
	if f.root == nil {
		return &Explanation{Term: "every entry", Holds: true, Decides: true}
	}
	x := a.explain(l.worker, f.root)
	x.decide()
	return x
}

// Lines gives the tree as text, a line a node, indented: the answer, a star where the whole answer rests on the node, the term,
// and what was found.
func (x *Explanation) Lines() []string { return x.lines(nil, 0) }

func (x *Explanation) lines(list []string, depth int) []string {
	mark := ' '
	if x.Decides {
		mark = '*'
	}
	line := fmt.Sprintf("%-5t %c %s%s", x.Holds, mark, strings.Repeat("  ", depth), x.Term)
	if x.Found != "" {
		line += "    # " + x.Found
	}
	list = append(list, line)
	for _, p := range x.Parts {
		list = p.lines(list, depth+1)
	}
	return list
}

// decide marks the nodes on which the answer rests.
func (x *Explanation) decide() {
	x.Decides = true
	settled := x.Term == "OR" && x.Holds || x.Term == "AND" && !x.Holds
	for _, p := range x.Parts {
		if settled && p.Holds != x.Holds {
			continue
		}
		p.decide()
		if settled {
			return
		}
	}
}

var treeNames = [...]string{andOp: "AND", orOp: "OR", notOp: "NOT"}

func (a *alone) explain(w *Worker, n *node) *Explanation {
	if n.op == leafOp {
		return a.explainTerm(w, n.pred)
	}
	x := &Explanation{Term: treeNames[n.op], Holds: n.op == andOp}
	for _, k := range n.kids {
		part := a.explain(w, k)
		x.Parts = append(x.Parts, part)
		switch {
		case n.op == notOp:
			x.Holds = !part.Holds
		case part.Holds == (n.op == orOp):
			x.Holds = part.Holds
		}
	}
	return x
}

func (a *alone) explainTerm(w *Worker, p *predicate) *Explanation {
	x := &Explanation{Term: p.text}
	id, ok := a.preds[p.text]
	if !ok {
		x.Found = "it can hold for no entry"
		return x
	}
	x.Holds = w.holds(id)
	if at := a.set.preds[id].place; at >= 0 {
		x.Found = w.describe(at)
	}
	return x
}

// describe says what a place holds.
func (w *Worker) describe(at int32) string {
	f := w.set.places[at].field
	values := w.values(at)
	if len(values) == 0 {
		return f.name + " is missing"
	}
	if w.entry.First(w.set.places[at].slot) < 0 && len(w.set.places[at].detours) == 0 && f.defaulted {
		return f.name + " is absent, which counts as " + w.show(&values[0])
	}
	const most = 3
	var shown []string
	for i := range values {
		if i == most {
			shown = append(shown, fmt.Sprintf("and %d more", len(values)-most))
			break
		}
		shown = append(shown, w.show(&values[i]))
	}
	return f.name + " is " + strings.Join(shown, ", ")
}

// show gives a value in words.
func (w *Worker) show(d *datum) string {
	switch d.kind {
	case unfitDatum:
		return "not of its field's type"
	case nullDatum:
		return "null"
	case emptyDatum:
		return "empty"
	case objectDatum:
		return shortened(string(d.text))
	case textDatum:
		return shortened(quoteText(string(d.text)))
	}
	text, _ := w.canonical(d)
	return string(text)
}

func shortened(s string) string {
	const most = 80
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}
