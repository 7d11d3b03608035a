package main

import (
	"fmt"
	"strings"

	"sluice/filters"
	"sluice/logentry"
)

// explainedLines is how large an explanation may be before what decides nothing is left out.
const explainedLines = 40

// filterExplainer says of each entry why the query matches it or does not.
type filterExplainer struct {
	filter *filters.Filter
	fields *logentry.Fields // of nothing: to find lines that are no entries
	entry  logentry.Entry
}

func (j *filterExplainer) judge(b *lineBlock) {
	if b.tooLong > 0 {
		b.complain(b.first, tooLongDefect(b.tooLong))
		return
	}
	b.lines(func(number int, _, entry []byte) {
		j.entry.Raw = entry
		if defect := j.fields.Extract(&j.entry, logentry.Limits{Entry: defaultEntryLimit}); defect != nil {
			b.complain(number, defect)
			return
		}
		x := j.filter.Explain(&j.entry)
		answer := "no match"
		if x.Holds {
			answer = "match"
			b.matched++
		}
		b.out = fmt.Appendf(b.out, "%s:%d: %s\n", b.source.name, number, answer)
		for _, line := range decisive(x.Lines()) {
			b.out = append(append(append(b.out, "  "...), line...), '\n')
		}
	})
}

// decisive leaves out of a long explanation what the answer does not rest on.
func decisive(lines []string) []string {
	if len(lines) <= explainedLines {
		return lines
	}
	var kept []string
	for _, line := range lines {
		if _, rest, _ := strings.Cut(line, " "); strings.HasPrefix(strings.TrimLeft(rest, " "), "* ") {
			kept = append(kept, line)
		}
	}
	if left := len(lines) - len(kept); left > 0 {
		kept = append(kept, fmt.Sprintf("(%d more, on which the answer does not rest)", left))
	}
	return kept
}
