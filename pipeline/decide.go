package pipeline

import (
	"sluice/filters"
	"sluice/logentry"
)

// question is one lane's part in deciding a block.
type question struct {
	decision *Decision
	key      func(dst []byte, e *logentry.Entry) []byte // the destination's partition
}

// verdict is what a lane makes of one entry that its filter matched, or that is unreadable.
type verdict struct {
	msg      int32 // index of the message in the block
	index    int32 // of the entry in the message
	excluded int32 // the first exclusion that took it, or −1: kept
	key      []byte
	raw      []byte
	defect   *logentry.Defect // Unreadable lanes only
}

// court decides blocks for a fixed list of questions. It is one goroutine's own; what it returns is valid until the next call.
type court struct {
	questions  []question
	set        *filters.Set
	worker     *filters.Worker
	fields     *logentry.Fields
	rules      []int // rule of the set → question
	unreadable []int // questions that want what cannot be read
	limits     logentry.Limits

	entry    logentry.Entry
	hits     []filters.Hit
	keys     []byte
	verdicts [][]verdict // by question, in stream order
}

// newCourt compiles the questions, all of which have the same limits. extra are the fields that the keys read.
func newCourt(questions []question, limits logentry.Limits, extra []logentry.Path) *court {
	c := &court{questions: questions, limits: limits, verdicts: make([][]verdict, len(questions))}
	var rules []filters.Rule
	for i, q := range questions {
		switch {
		case q.decision == nil:
		case q.decision.Unreadable:
			c.unreadable = append(c.unreadable, i)
		default:
			rules = append(rules, q.decision.Rule)
			c.rules = append(c.rules, i)
		}
	}
	for _, q := range questions {
		if q.decision != nil {
			extra = append(extra, q.decision.Fields()...)
		}
	}
	c.set = filters.NewSet(extra, rules...)
	c.fields = c.set.Fields()
	c.worker = c.set.NewWorker()
	return c
}

// decide judges every entry of the block: verdicts[i] are those of question i. It is a function of the block and the questions.
func (c *court) decide(b *block, wanted func(question int) bool) [][]verdict {
	for i := range c.verdicts {
		c.verdicts[i] = c.verdicts[i][:0]
	}
	c.keys = c.keys[:0]
	b.entries = make([]uint64, len(b.msgs))
	var total uint64
	for i, m := range b.msgs {
		c.entry.Stream, c.entry.Seq, c.entry.Stored = b.stream, m.Seq, m.Stored
		logentry.Frame(m.Data, func(index int, raw []byte) bool {
			total++
			c.judge(int32(i), index, raw, wanted)
			return true
		})
		b.entries[i] = total
	}
	return c.verdicts
}

func (c *court) judge(msg int32, index int, raw []byte, wanted func(int) bool) {
	e := &c.entry
	e.Raw, e.Index = raw, index
	if d := c.fields.Extract(e, c.limits); d != nil {
		for _, q := range c.unreadable {
			if wanted(q) {
				v := verdict{msg: msg, index: int32(index), excluded: -1, key: []byte(Unreadable), raw: raw, defect: d}
				c.verdicts[q] = append(c.verdicts[q], v)
			}
		}
		return
	}
	c.hits = c.set.Match(e, c.worker, c.hits[:0])
	for _, h := range c.hits {
		i := c.rules[h.Rule]
		if !wanted(i) {
			continue
		}
		d := c.questions[i].decision
		exclusion, matched, err := d.Judge(e, h.Excluded)
		d.note(err)
		if !matched {
			continue
		}
		v := verdict{msg: msg, index: int32(index), excluded: int32(exclusion), raw: raw}
		if exclusion < 0 {
			start := len(c.keys)
			c.keys = c.questions[i].key(c.keys, e)
			v.key = c.keys[start:len(c.keys):len(c.keys)]
		}
		c.verdicts[i] = append(c.verdicts[i], v)
	}
}
