package pipeline

import (
	"sluice/logentry"
)

// panel decides the blocks of one regime: a range of sequences in which no revision changes. One goroutine's own.
type panel struct {
	from, to  uint64
	version   int
	routes    []*Route   // by lane ordinal, as they were when it was made; nil: as courtOf
	revisions []revision // by lane ordinal; zero: the lane has none here
	courts    []*court   // one for each set of limits that lanes have here
	courtOf   []*court   // by lane ordinal; nil: the lane has no revision or no destination here
	wanted    []bool     // by lane ordinal: aboard now
}

// newPanel compiles what is in force at pos for all lanes of the stream, whether aboard or not, so that getting on and off
// costs nothing.
func (rs *readers) newPanel(pos uint64, version int) *panel {
	lanes := rs.all()
	n := len(lanes)
	p := &panel{
		from: pos, to: rs.control.regimeEnd(pos), version: version, routes: make([]*Route, n),
		revisions: make([]revision, n), courtOf: make([]*court, n), wanted: make([]bool, n),
	}
	byLimits := make(map[logentry.Limits][]question)
	extra := make(map[logentry.Limits][]logentry.Path)
	for i, l := range lanes {
		route := l.current()
		rev, ok := rs.control.at(l.routeName, pos)
		if !ok || l.isFinished() {
			continue
		}
		p.revisions[i] = rev
		dest := rs.router.opened.facts(l.routeName, route.Delivery)
		if dest == nil || rev.decision.ready() != nil {
			continue // the lane opens it when it boards, and says it when it cannot; the others do not wait for that
		}
		p.routes[i] = route
		limits := rev.decision.Limits
		if byLimits[limits] == nil {
			byLimits[limits] = make([]question, n)
		}
		byLimits[limits][i] = question{decision: rev.decision, key: dest.sink.Key, reads: dest.sink.Properties().Fields}
		if known := rs.router.hierarchy.Load(); known != nil && len(*known) > 0 {
			extra[limits] = append(extra[limits], logentry.PathLogName) // strangers are counted by it
		}
	}
	for limits, questions := range byLimits {
		c := newCourt(questions, limits, extra[limits])
		p.courts = append(p.courts, c)
		for i := range questions {
			if questions[i].decision != nil {
				p.courtOf[i] = c
			}
		}
	}
	return p
}

// holds says whether the panel's regime covers a sequence.
func (p *panel) holds(seq uint64) bool { return seq >= p.from && seq <= p.to }

// serves says whether the panel can decide for the lanes aboard.
func (p *panel) serves(aboard []*lane) bool {
	for _, l := range aboard {
		if p.routes[l.ordinal] == nil {
			return false
		}
	}
	return true
}

// decide judges the block for the lanes aboard.
func (p *panel) decide(blk *block, aboard []*lane) {
	clear(p.wanted)
	for _, l := range aboard {
		p.wanted[l.ordinal] = true
	}
	for _, c := range p.courts {
		c.decide(blk, func(q int) bool { return p.wanted[q] })
		blk.strangers = nil
	}
}

// verdicts are those of a lane on the block decided last.
func (p *panel) verdicts(ordinal int) []verdict {
	if c := p.courtOf[ordinal]; c != nil {
		return c.verdicts(ordinal)
	}
	return nil
}
