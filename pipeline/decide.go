package pipeline

import (
	"math/bits"
	"runtime"
	"sync"

	"sluice/logentry"
)

// question is one lane's part in deciding a block.
type question struct {
	decision *Decision
	key      func(dst []byte, e *logentry.Entry) []byte // the destination's partition
	reads    []logentry.Path                            // what key reads
}

// verdict is what a lane makes of one entry that its filter matched, or that is unreadable.
type verdict struct {
	msg       int32   // index of the message in the block
	index     int32   // of the entry in the message
	hidden    bool    // intercepted by a route above
	excluded  int32   // the first exclusion that takes it whatever the route's state, or −1
	when      uint64  // bits of the conditional exclusions before that one that take it when they are active
	source    int32   // 0: the route's own; else what another route makes of it, number in Diverted + 1, that diverts here
	charge    *charge // for the quotas
	key       []byte
	print     fingerprint // of what the revision's window is about
	printed   bool        // it has one
	duplicate bool        // it repeats another
	raw       []byte
	clean     []byte           // raw, redacted; nil: it is raw
	defect    *logentry.Defect // Unreadable lanes only
}

// court decides blocks for a fixed list of questions. It is one goroutine's own; what it returns is valid until the next call.
type court struct {
	questions  []question
	bench      *Bench
	parts      []part // by decision of the bench
	fields     *logentry.Fields
	keyFields  []*logentry.Fields // by question: what key reads, where entries are redacted first
	unreadable []int              // questions that want what cannot be read
	limits     logentry.Limits
	clerks     []*clerk
}

// part is whose a decision of the bench is: a question's own, or that of a route that diverts there.
type part struct{ question, source int32 }

// clerk judges a run of a block's messages. Several work on a block at the same time.
type clerk struct {
	court      *court
	judge      *Judge
	wanted     func(question int) bool
	wantedPart func(decision int) bool // made once: it escapes
	strangers  *strangers              // of the block

	entry    logentry.Entry
	redacted logentry.Entry
	keys     []byte
	clean    []byte
	verdicts [][]verdict // by question, in stream order
}

// runBytes is how many bytes of a block are worth a clerk of its own.
const runBytes = 128 << 10

// newCourt compiles the questions, all of which have the same limits. extra are fields that somebody else reads.
func newCourt(questions []question, limits logentry.Limits, extra []logentry.Path) *court {
	c := &court{questions: questions, limits: limits, keyFields: make([]*logentry.Fields, len(questions))}
	var decisions []*Decision
	for i, q := range questions {
		if q.decision != nil { // what is diverted is known before it is asked for
			for n, from := range q.decision.Diverted {
				decisions, c.parts = append(decisions, from.decision), append(c.parts, part{int32(i), int32(n + 1)})
			}
		}
		decisions, c.parts = append(decisions, q.decision), append(c.parts, part{int32(i), 0})
		if q.decision != nil && q.decision.Unreadable {
			c.unreadable = append(c.unreadable, i)
		}
		if q.decision != nil && q.decision.Redact != nil {
			c.keyFields[i] = logentry.NewFields(q.reads...)
		} else {
			extra = append(extra, q.reads...)
		}
	}
	c.bench = NewBench(decisions, extra)
	c.fields = c.bench.Fields()
	c.setClerks(runtime.GOMAXPROCS(0))
	return c
}

func (c *court) setClerks(n int) {
	c.clerks = make([]*clerk, n)
	for i := range c.clerks {
		k := &clerk{court: c, judge: c.bench.NewJudge(), verdicts: make([][]verdict, len(c.questions))}
		k.wantedPart = func(decision int) bool { return k.wanted(int(c.parts[decision].question)) }
		c.clerks[i] = k
	}
}

// decide judges every entry of the block: verdicts[i] are those of question i. It is a function of the block and the questions:
// each clerk takes a run of messages, and their verdicts are joined in the order of the runs.
func (c *court) decide(b *block, wanted func(question int) bool) [][]verdict {
	b.entries = make([]uint64, len(b.msgs))
	ends := b.runs(len(c.clerks), runBytes)
	var others sync.WaitGroup
	for i := 1; i < len(ends); i++ {
		others.Go(func() { c.clerks[i].judgeRun(b, ends[i-1], ends[i], wanted) })
	}
	first := c.clerks[0]
	first.judgeRun(b, 0, ends[0], wanted)
	others.Wait()
	for i := 1; i < len(ends); i++ {
		for q, more := range c.clerks[i].verdicts {
			first.verdicts[q] = append(first.verdicts[q], more...)
		}
		before := b.entries[ends[i-1]-1]
		for m := ends[i-1]; m < ends[i]; m++ {
			b.entries[m] += before
		}
	}
	return first.verdicts
}

// verdicts are those of the block decided last.
func (c *court) verdicts(question int) []verdict { return c.clerks[0].verdicts[question] }

// judgeRun judges the messages from from up to, but not including, to; b.entries counts from the run's first.
func (k *clerk) judgeRun(b *block, from, to int, wanted func(question int) bool) {
	for i := range k.verdicts {
		k.verdicts[i] = k.verdicts[i][:0]
	}
	k.keys, k.clean, k.wanted, k.strangers = k.keys[:0], k.clean[:0], wanted, b.strangers
	var total uint64
	for i := from; i < to; i++ {
		m := b.msgs[i]
		k.entry.Stream, k.entry.Seq, k.entry.Stored = b.stream, m.Seq, m.Stored
		logentry.Frame(m.Data, func(index int, raw []byte) bool {
			total++
			k.decide(int32(i), index, raw)
			return true
		})
		b.entries[i] = total
	}
}

func (k *clerk) decide(msg int32, index int, raw []byte) {
	c, e := k.court, &k.entry
	e.Raw, e.Index = raw, index
	if d := c.fields.Extract(e, c.limits); d != nil {
		for _, q := range c.unreadable {
			if k.wanted(q) {
				v := verdict{msg: msg, index: int32(index), excluded: -1, key: []byte(Unreadable), raw: raw, defect: d}
				k.verdicts[q] = append(k.verdicts[q], v)
			}
		}
		return
	}
	if k.strangers != nil {
		k.strangers.meet(e)
	}
	for _, f := range k.judge.Judge(e, k.wantedPart) {
		p := c.parts[f.Decision]
		q := &c.questions[p.question]
		q.decision.note(f.Err)
		v := verdict{msg: msg, index: int32(index), hidden: f.Interceptor >= 0, excluded: f.Excluded, when: f.When, source: p.source, raw: raw}
		if d := c.bench.decisions[f.Decision]; len(d.Quotas) > 0 && !v.hidden && v.excluded < 0 {
			var err error
			v.charge, err = d.chargeOf(e, f.matched)
			q.decision.note(err)
		}
		if v.kept() && q.decision.Window > 0 {
			v.print, v.printed = fingerprintOf(e)
		}
		if v.kept() {
			start, seen := len(k.keys), e
			if q.decision.Redact != nil {
				v.clean = k.redact(q.decision, raw)
				seen = k.see(int(p.question), &v)
			}
			k.keys = q.key(k.keys, seen)
			v.key = k.keys[start:len(k.keys):len(k.keys)]
		}
		k.verdicts[p.question] = append(k.verdicts[p.question], v)
	}
}

// redact gives the entry as the destination may see it; nil where nothing is to change.
func (k *clerk) redact(d *Decision, raw []byte) []byte {
	start, changed := len(k.clean), false
	if k.clean, changed = d.Redact.Redact(k.clean, raw); !changed {
		return nil
	}
	return k.clean[start:len(k.clean):len(k.clean)]
}

// see extracts what a key reads from what the destination will see: the names of objects give nothing away either.
func (k *clerk) see(question int, v *verdict) *logentry.Entry {
	e := &k.redacted
	e.Stream, e.Seq, e.Index, e.Stored, e.Raw = k.entry.Stream, k.entry.Seq, k.entry.Index, k.entry.Stored, v.outgoing()
	limits := logentry.Limits{Entry: max(len(e.Raw), 1), Depth: k.court.limits.Depth} // it was an entry, and still is one
	if d := k.court.keyFields[question].Extract(e, limits); d != nil {
		panic("a redacted entry is none: " + d.Error()) // fuzzed in package redact
	}
	return e
}

// outgoing is what the destination will see.
func (v *verdict) outgoing() []byte {
	if v.clean != nil {
		return v.clean
	}
	return v.raw
}

// kept says whether the entry is kept unless the route's state has it otherwise.
func (v *verdict) kept() bool { return !v.hidden && v.excluded < 0 && v.source == 0 }

// exclusion gives the first exclusion that takes the entry when some of the conditional ones are active; −1: none.
func (v *verdict) exclusion(active uint64) int32 {
	if when := v.when & active; when != 0 {
		return int32(bits.TrailingZeros64(when))
	}
	return v.excluded
}
