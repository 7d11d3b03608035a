package filters

import (
	"bytes"
	"math"
	"slices"
	"strings"

	"sluice/logentry"
)

// profiles are what the values of one field can do: for each kind of value, the predicates that it makes true.
type profiles struct {
	field  *field
	single bool  // an entry has at most one value there
	atoms  []int // of the solver, that look at the field
	list   []profile
}

// profile is a value, or a class of values that differ in what is left unknown.
type profile struct {
	is     []truth // by the field's atoms
	value  any     // what JSON has it; nil: none known, or absent
	text   bool    // a text of which nothing more is known
	absent bool
}

// auditFields are those of AuditLog that have one value. Below protoPayload nothing else is known of.
var auditFields = []string{
	"serviceName", "methodName", "resourceName", "numResponseItems", "status.code", "status.message",
	"authenticationInfo.principalEmail", "authenticationInfo.principalSubject", "authenticationInfo.serviceAccountKeyName",
	"requestMetadata.callerIp", "requestMetadata.callerSuppliedUserAgent", "requestMetadata.callerNetwork",
}

// hasOneValue says whether an entry can have but one value there: LogEntry's own fields that are not repeated, members of its maps
// of text, and those of AuditLog.
func hasOneValue(f *field) bool {
	if f.defaulted {
		return true
	}
	if name, ok := strings.CutPrefix(f.name, "protoPayload."); ok {
		return slices.Contains(auditFields, name)
	}
	for _, m := range []string{"labels.", "resource.labels.", "metadata.userLabels."} {
		if strings.HasPrefix(f.name, m) && len(f.path) == strings.Count(m, ".")+1 {
			return true
		}
	}
	return false
}

// complete makes the list once all atoms are known. Where a list is long, or a kind of value is forgotten, less can be shown.
func (p *profiles) complete(s *solver) {
	f := p.field
	p.add(s, datum{kind: unfitDatum}, nil)
	if f.defaulted {
		p.add(s, defaults[f.typ], nil)
	} else {
		p.list = append(p.list, profile{is: p.all(untrue), absent: true})
	}
	lits := p.literals(s)
	switch f.typ {
	case dynamicType:
		p.addTexts(s, lits)
		p.addNumbers(s, lits)
		p.addBools(s)
		p.add(s, datum{kind: nullDatum}, nil)
		p.add(s, datum{kind: emptyDatum}, nil)
		p.addObject(s)
	case stringType:
		p.addTexts(s, lits)
	case boolType:
		p.addBools(s)
	default:
		p.addSteps(s, lits)
	}
	if f.name == "logName" {
		p.addLogs(s)
	}
}

// literals are those that the field is compared with.
func (p *profiles) literals(s *solver) (lits []*literal) {
	for _, i := range p.atoms {
		if lit := s.atoms[i].pred.lit; lit != nil {
			lits = append(lits, lit)
		}
	}
	return lits
}

func (p *profiles) all(t truth) []truth {
	is := make([]truth, len(p.atoms))
	for i := range is {
		is[i] = t
	}
	return is
}

// add adds a value, of which the predicates themselves say what they make of it.
func (p *profiles) add(s *solver, d datum, value any) {
	is := p.all(untrue)
	for k, i := range p.atoms {
		if pred := s.atoms[i].pred; d.kind == textDatum && caseMatters(pred) {
			is[k] = matchInAnyCase(pred, d.text)
		} else if pred.kind == searchPredicate || pred.kind == samplePredicate {
			is[k] = unknown
		} else if pred.holdsFor(s.worker, &d) {
			is[k] = isTrue
		}
	}
	p.list = append(p.list, profile{is: is, value: value})
}

// caseMatters says whether a predicate tells texts apart that comparisons do not.
func caseMatters(p *predicate) bool {
	return p.kind == matchPredicate || p.kind == samplePredicate || p.kind == searchPredicate || p.kind == inNetPredicate
}

// matchInAnyCase is known only of a pattern that no spelling of the text matches.
func matchInAnyCase(p *predicate, text []byte) truth {
	if p.kind != matchPredicate || anyCase(p.pattern).Match(text) || anyCase(p.pattern).Match(bytes.ToUpper(text)) {
		return unknown
	}
	if p.op == opMatch {
		return untrue
	}
	return isTrue
}

// addTexts adds the texts that the field is compared with, and all others.
func (p *profiles) addTexts(s *solver, lits []*literal) {
	for _, lit := range lits {
		p.add(s, datum{kind: textDatum, text: []byte(lit.text)}, lit.text)
	}
	p.add(s, datum{kind: textDatum, text: []byte{}}, "")
	other := profile{is: p.all(unknown), text: true}
	for k, i := range p.atoms {
		switch pred := s.atoms[i].pred; {
		case pred.kind == presentPredicate, pred.kind == comparePredicate && pred.op == opNe:
			other.is[k] = isTrue
		case pred.kind == comparePredicate && pred.op == opEq:
			other.is[k] = untrue
		case pred.kind == nullPredicate:
			other.is[k] = isTrue
			if pred.op == opEq {
				other.is[k] = untrue
			}
		}
	}
	p.list = append(p.list, other)
}

// addLogs adds, for each log id that is asked for, the names of that log under any resource, and the names of all other logs.
func (p *profiles) addLogs(s *solver) {
	ids := map[string]bool{"": true}
	for _, i := range p.atoms {
		if pred := s.atoms[i].pred; pred.kind == logIDPredicate {
			ids[string(pred.name)] = true
		}
	}
	for id := range ids {
		log := profile{is: p.all(unknown), text: true}
		for k, i := range p.atoms {
			switch pred := s.atoms[i].pred; {
			case pred.kind == logIDPredicate:
				log.is[k] = known(string(pred.name) == id)
			case pred.kind == presentPredicate:
				log.is[k] = isTrue
			case pred.kind == comparePredicate && pred.op == opHas && id != "" &&
				strings.Contains("/logs/"+id, string(pred.lit.folded)) && strings.Contains("/logs/"+strings.ReplaceAll(id, "/", "%2f"), string(pred.lit.folded)):
				log.is[k] = isTrue
			case pred.kind == comparePredicate && (pred.op == opEq || pred.op == opNe):
				log.is[k] = known(pred.op == opNe) // the names that are asked for have profiles of their own
			}
		}
		if id != "" {
			log.value = "projects/example/logs/" + strings.ReplaceAll(id, "/", "%2F")
		}
		p.list = append(p.list, log)
	}
	p.list = slices.DeleteFunc(p.list, func(q profile) bool { return q.text && q.value == nil && p.isPlainOther(s, q) })
}

// isPlainOther says whether a profile is the one that addTexts made of all other texts: addLogs has said more of them.
func (p *profiles) isPlainOther(s *solver, q profile) bool {
	for k, i := range p.atoms {
		if s.atoms[i].pred.kind == logIDPredicate {
			return q.is[k] == unknown
		}
	}
	return false
}

func known(b bool) truth {
	if b {
		return isTrue
	}
	return untrue
}

func (p *profiles) addBools(s *solver) {
	p.add(s, datum{kind: boolDatum, integer: 0, text: []byte("false")}, false)
	p.add(s, datum{kind: boolDatum, integer: 1, text: []byte("true")}, true)
}

// addNumbers adds the numbers that the field is compared with, and one on each side.
func (p *profiles) addNumbers(s *solver, lits []*literal) {
	numbers := []float64{0.5}
	for _, lit := range lits {
		if n := lit.number; lit.isNumber && !math.IsNaN(n) && !math.IsInf(n, 0) {
			numbers = append(numbers, n, math.Nextafter(n, math.Inf(1)), math.Nextafter(n, math.Inf(-1)), math.Trunc(n)+1, math.Trunc(n)-1)
		}
	}
	for _, n := range numbers {
		p.add(s, datum{kind: numberDatum, number: n}, n)
	}
}

// addObject adds an object, in which anything may be found.
func (p *profiles) addObject(s *solver) {
	object := profile{is: p.all(untrue)}
	for k, i := range p.atoms {
		switch pred := s.atoms[i].pred; {
		case pred.kind == presentPredicate, pred.kind == nullPredicate && pred.op == opNe:
			object.is[k] = isTrue
		case pred.kind == comparePredicate && pred.op == opHas, pred.kind == searchPredicate, pred.kind == samplePredicate:
			object.is[k] = unknown
		}
	}
	p.list = append(p.list, object)
}

// addSteps adds values of a type whose values stand in a row: those that the field is compared with, and their neighbours.
func (p *profiles) addSteps(s *solver, lits []*literal) {
	if p.field.typ == severityType {
		for level := logentry.Default; level <= logentry.Emergency; level += 100 {
			p.add(s, datum{kind: severityDatum, integer: int64(level)}, level.String())
		}
	}
	for _, lit := range lits {
		for step := int64(-1); step <= 1; step++ {
			switch p.field.typ {
			case severityType:
				if n := lit.severity + step; n >= 0 {
					p.add(s, datum{kind: severityDatum, integer: n}, logentry.Severity(n).String())
				}
			case int64Type, int32Type:
				p.add(s, datum{kind: integerDatum, integer: lit.integer + step}, lit.integer+step)
			case durationType:
				p.add(s, datum{kind: durationDatum, integer: lit.duration + step}, nil)
			case timestampType:
				at := lit.instant
				if at.nano += int32(step); at.nano < 0 {
					at = instant{at.sec - 1, 999_999_999}
				} else if at.nano > 999_999_999 {
					at = instant{at.sec + 1, 0}
				}
				p.add(s, datum{kind: instantDatum, integer: at.sec, nano: at.nano}, nil)
			}
		}
	}
}

// possible says whether values of the field can bring about what its atoms are assigned. Where an entry has several, each atom that
// is true needs a value of its own, and no value makes true what is untrue.
func (p *profiles) possible(s *solver) bool {
	if p.single {
		return p.find(s, -1) != nil
	}
	anyTrue := false
	for k, i := range p.atoms {
		if s.atoms[i].is == isTrue {
			anyTrue = true
			if p.find(s, k) == nil {
				return false
			}
		}
	}
	return anyTrue || p.find(s, -1) != nil
}

// find gives a profile that agrees with what is assigned: in all, or, for several values, in what is untrue and in the k-th atom.
func (p *profiles) find(s *solver, k int) *profile {
	for at := range p.list {
		q, ok := &p.list[at], true
		for j, i := range p.atoms {
			assigned := s.atoms[i].is
			if k >= 0 && assigned == isTrue && j != k {
				continue
			}
			ok = ok && (assigned == unknown || q.is[j] == unknown || q.is[j] == assigned)
		}
		if ok && (!q.text || p.coherent(s, k)) {
			return q
		}
	}
	return nil
}

// coherent says whether a text can hold what it must and nothing that it must not, and be of one resource.
func (p *profiles) coherent(s *solver, only int) bool {
	var source []byte
	for k, i := range p.atoms {
		a := &s.atoms[i]
		if a.is != isTrue || only >= 0 && k != only {
			continue
		}
		switch {
		case a.pred.kind == sourcePredicate:
			if source != nil && !bytes.Equal(source, a.pred.name) {
				return false
			}
			source = a.pred.name
		case a.pred.kind == comparePredicate && a.pred.op == opHas:
			for _, j := range p.atoms {
				b := &s.atoms[j]
				if b.is == untrue && b.pred.kind == comparePredicate && b.pred.op == opHas && bytes.Contains(a.pred.lit.folded, b.pred.lit.folded) {
					return false
				}
			}
		}
	}
	return true
}
