package redact

import (
	"fmt"
	"sync"

	"sluice/logentry"
)

// Version names what rules and presets mean. Whoever stores rules stores it, too: another version may redact otherwise.
const Version = 1

// With says what takes the place of a field.
type With string

// What takes the place of a field, or of an address.
const (
	Drop With = "drop" // nothing: the key goes, too. Of an address inside a text, the text Dropped
	Hash With = "hash" // "hmac:" and 32 hexadecimal digits, the same for the same text under the same key
)

// Dropped stands where an address was dropped from a text.
const Dropped = "[redacted]"

// Rule says what becomes of some fields.
type Rule struct {
	Preset string   // PII, or empty
	Fields []string // paths: keys joined by dots, those with other characters in quotes; * is any key, ** any keys or none
	With   With
}

// PII is the preset for what identifies persons: W&B's anonymize, the caller's identity and address, and each e-mail and IP address
// in any key or text, also in one that is JSON or a URL itself.
const PII = "pii"

// Redactor redacts entries. It may be shared by any number of goroutines.
type Redactor struct {
	root      *pattern
	addresses With // what becomes of addresses in texts; empty: they stay
	hashes    bool
	keys      func() (Key, error)
	free      sync.Pool // of *pass

	mu  sync.Mutex
	key *Key
}

// New compiles rules. keys gives the key to hash with once it is needed; it may fail now and succeed later. The error is a *FieldError
// or tells of an unknown preset.
func New(rules []Rule, keys func() (Key, error)) (*Redactor, error) {
	r := &Redactor{root: &pattern{}, keys: keys}
	r.free.New = func() any { return &pass{redactor: r} }
	for i, rule := range rules {
		if rule.With != Drop && rule.With != Hash {
			return nil, fmt.Errorf("rule %d: %q is neither drop nor hash", i, rule.With)
		}
		fields := rule.Fields
		switch rule.Preset {
		case "":
		case PII:
			fields = append(fields[:len(fields):len(fields)], piiFields...)
			r.addresses = stronger(r.addresses, rule.With)
		default:
			return nil, fmt.Errorf("rule %d: unknown preset %q", i, rule.Preset)
		}
		for _, field := range fields {
			keys, err := parseField(field)
			if err != nil {
				return nil, err
			}
			r.root.add(keys, rule.With)
		}
		r.hashes = r.hashes || rule.With == Hash
	}
	return r, nil
}

// stronger gives what holds where two rules meet: to drop is more than to hash.
func stronger(a, b With) With {
	if a == Drop || b == "" {
		return a
	}
	return b
}

// Hashes says whether a key is needed.
func (r *Redactor) Hashes() bool { return r.hashes }

// Ready says whether Redact can do its work: an error that the key is not at hand. It is asked again each time until it is.
func (r *Redactor) Ready() error {
	if !r.hashes {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.key != nil {
		return nil
	}
	key, err := r.keys()
	if err == nil {
		r.key = &key
	}
	return err
}

// Redact appends to dst the entry raw, redacted, and says whether that differs from raw; where it does not, nothing is appended. raw
// is what logentry accepts as an entry. All that no rule is about stays byte for byte. Ready has given no error before.
func (r *Redactor) Redact(dst, raw []byte) (out []byte, changed bool) {
	p := r.free.Get().(*pass)
	defer r.free.Put(p)
	p.begin()
	return logentry.Rewrite(dst, raw, 0, p)
}

// pass is one entry being redacted. A level is an index of places.
type pass struct {
	redactor *Redactor
	hash     hasher
	places   []place
	active   []*pattern // of all places
	text     []byte     // unescaped
	folded   []byte
	clean    []byte
}

// place is where in the patterns a value stands.
type place struct {
	from, to int // of active
	hashed   bool
}

func (p *pass) begin() {
	p.active = p.redactor.root.reach(p.active[:0], 0)
	p.places = append(p.places[:0], place{0, len(p.active), false})
	if p.redactor.hashes {
		p.redactor.mu.Lock()
		p.hash.use(p.redactor.key)
		p.redactor.mu.Unlock()
	}
}

// Key implements logentry.Rewriter.
func (p *pass) Key(dst []byte, level int, key logentry.Value) (out []byte, below int, edit logentry.Edit) {
	p.text = key.AppendText(p.text[:0])
	p.folded = fold(p.folded[:0], p.text)
	above := p.places[level]
	here := place{from: len(p.active), hashed: above.hashed}
	var with With
	for _, n := range p.active[above.from:above.to] {
		p.active = n.follow(p.folded, p.active, here.from)
	}
	for _, n := range p.active[here.from:] {
		with = stronger(n.with, with)
	}
	if with == Drop {
		p.active = p.active[:here.from]
		return dst, 0, logentry.Drop
	}
	here.hashed = here.hashed || with == Hash
	here.to = len(p.active)
	p.places = append(p.places, here)
	if p.redactor.addresses != "" && p.cleanText() {
		if p.redactor.addresses == Drop {
			return dst, 0, logentry.Drop
		}
		return appendString(dst, p.clean), len(p.places) - 1, logentry.Change
	}
	return dst, len(p.places) - 1, logentry.Keep
}

// Scalar implements logentry.Rewriter.
func (p *pass) Scalar(dst []byte, level int, v logentry.Value) ([]byte, logentry.Edit) {
	switch {
	case p.places[level].hashed && v.Kind != logentry.Null:
		p.text = v.AppendText(p.text[:0])
		return append(p.hash.appendTo(append(dst, '"'), p.text), '"'), logentry.Change
	case v.Kind != logentry.String || p.redactor.addresses == "":
		return dst, logentry.Keep
	}
	p.text = v.AppendText(p.text[:0])
	if p.cleanText() {
		return appendString(dst, p.clean), logentry.Change
	}
	return dst, logentry.Keep
}

// cleanText makes p.clean of p.text where that holds an address.
func (p *pass) cleanText() bool {
	if !mayHoldAddress(p.text) {
		return false
	}
	p.clean = p.clean[:0]
	done := 0
	for from := 0; ; {
		start, end := nextAddress(p.text, from)
		if start < 0 {
			break
		}
		p.clean = append(p.clean, p.text[done:start]...)
		if p.redactor.addresses == Hash {
			p.clean = p.hash.appendTo(p.clean, p.text[start:end])
		} else {
			p.clean = append(p.clean, Dropped...)
		}
		from, done = end, end
	}
	p.clean = append(p.clean, p.text[done:]...)
	return done > 0
}
