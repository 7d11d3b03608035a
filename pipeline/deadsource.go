package pipeline

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"sluice/logentry"
	"sluice/pipeline/ledger"
	"sluice/pipeline/stream"
	"sluice/sinks/driver"
)

// deadSource is the source of a replay: entries that are dead letters, under the identity that they had.
type deadSource struct {
	replay ledger.Replay
	units  []ledger.DeadUnit
}

var _ source = (*deadSource)(nil)

const (
	replayEntries = rejectsMost // in a batch: any number of them may be refused again, and a record names each
	memoryShare   = 8           // and at most this share of the bound on memory
)

func (s *deadSource) prepare(ctx context.Context, l *lane) (err error) {
	s.units, err = ledger.ReplayedBy(ctx, l.chain.ledger, l.name, s.replay)
	if errors.Is(err, ledger.ErrDamaged) {
		err = &haltError{err}
	}
	return err
}

func (s *deadSource) before() uint64 { return 0 }

func (s *deadSource) end() uint64 { return s.replay.Total() }

func (s *deadSource) decision(route *Route) string { return hashOf(route.Decision) }

// gather takes entries of one epoch: it is part of their identity, and a batch has one.
func (s *deadSource) gather(ctx context.Context, l *lane, dest *destination, rev revision, first, last uint64) (*batch, error) {
	b := newBatch(l.router.memory, first, rev, l.current())
	b.named = first
	most := min(b.route.Batch.Bytes, l.router.memory.limit/memoryShare)
	fields := logentry.NewFields(dest.sink.Properties().Fields...)
	n := uint64(0) // of the entry before the unit
	for i := range s.units {
		u := &s.units[i]
		from := n
		n += uint64(len(u.Entries))
		if n < b.next {
			continue
		}
		if b.epoch != 0 && b.epoch != u.Epoch || last > 0 && b.next > last {
			break
		}
		b.epoch = u.Epoch
		refs, err := l.readDead(ctx, u)
		if err != nil {
			b.drop()
			return newBatch(l.router.memory, first, rev, l.current()), err
		}
		for _, ref := range refs[b.next-from-1:] {
			if last > 0 && b.next > last || last == 0 && b.entries > 0 && (b.bytes+int64(len(ref.Raw)) > most || b.entries >= replayEntries) {
				return b, nil
			}
			seen := ref
			clean := rev.decision.redacted(ref.Raw)
			if clean != nil {
				seen.Raw = clean
			}
			b.addDead(ref, clean, keyOf(dest, fields, l.readers.stream.Name(), seen))
		}
	}
	return b, nil
}

// keyOf asks the destination for the partition of an entry. Its limits are those of no configuration: it was readable once.
func keyOf(dest *destination, fields *logentry.Fields, streamName string, ref driver.Ref) []byte {
	e := logentry.Entry{Raw: ref.Raw, Stream: streamName, Seq: ref.Seq, Index: int(ref.Index), Stored: time.Unix(0, ref.Stored).UTC()}
	if fields.Extract(&e, logentry.Limits{Entry: 1<<31 - 1, Depth: 10_000}) != nil {
		return nil
	}
	return dest.sink.Key(nil, &e)
}

// addDead takes the next entry of a replay, and its redacted form.
func (b *batch) addDead(ref driver.Ref, clean, key []byte) {
	if b.entries == 0 {
		b.born = time.Now()
	}
	group := b.group(key)
	g := &b.groups[group]
	g.Refs = append(g.Refs, ref)
	if b.revision.decision.redacts() {
		b.addClean(group, clean)
	}
	b.entries++
	b.examined++
	b.messages++
	b.next++
	b.bytes += int64(len(ref.Raw))
	b.keep.take(refBytes + int64(len(ref.Raw)))
}

// readDead reads a unit's entries: from the dead letters themselves, which outlive the stream's retention, else from the stream.
// Either must give the very bytes that the ledger has the digest of: of a route that redacts, only the stream can.
func (l *lane) readDead(ctx context.Context, u *ledger.DeadUnit) ([]driver.Ref, error) {
	refs, err := l.readLetters(ctx, u)
	if err == nil || ctx.Err() != nil {
		return refs, err
	}
	if code := driver.CodeOf(err); code == driver.Unavailable && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	refs, other := l.readAgain(ctx, u)
	switch {
	case other == nil:
		return refs, nil
	case !errors.Is(other, errGone):
		return nil, other
	case driver.CodeOf(err) == driver.Misconfigured:
		return nil, err
	}
	return nil, &haltError{fmt.Errorf("%d entries of the dead letters %s can be read neither there (%w) nor in the stream (%w): put them back, and start the replay again",
		len(u.Entries), u.Unit.Name, err, other)}
}

var (
	errGone   = errors.New("gone")
	errOthers = errors.New("they hold other entries than the ledger says")
)

// readLetters reads the entries from the dead letters where they were put.
func (l *lane) readLetters(ctx context.Context, u *ledger.DeadUnit) ([]driver.Ref, error) {
	delivery := l.current().Delivery
	if hashOf(delivery) != u.Delivery {
		old, err := l.chain.config(ctx, u.Delivery)
		if err != nil {
			return nil, fmt.Errorf("read the delivery settings of %s: %w", u.Unit.Name, err)
		}
		delivery = old
	}
	dest, err := l.router.opened.get(ctx, l.routeName, delivery)
	if err != nil {
		return nil, err
	}
	in, err := dest.dead.ReadDead(ctx, u.Unit.Name)
	if err != nil {
		return nil, fmt.Errorf("read the dead letters %s: %w", u.Unit.Name, err)
	}
	defer in.Close()
	found := make(map[position]driver.Ref)
	for lines := bufio.NewReader(in); ; {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return settleDead(u, found)
		}
		if err != nil {
			return nil, fmt.Errorf("read the dead letters %s: %w", u.Unit.Name, err)
		}
		if ref, ok := unwrap(line, u); ok {
			found[position{ref.Seq, ref.Index}] = ref
		}
	}
}

// unwrap takes an entry out of its envelope; false for what is none of the unit's epoch.
func unwrap(line []byte, u *ledger.DeadUnit) (driver.Ref, bool) {
	var e Envelope
	if json.Unmarshal(line, &e) != nil || e.Epoch != u.Epoch {
		return driver.Ref{}, false
	}
	ref := driver.Ref{Seq: e.Seq, Index: e.Index, Stored: u.Stored}
	if !e.Stored.IsZero() {
		ref.Stored = e.Stored.UnixNano()
	}
	switch {
	case e.Raw != nil:
		ref.Raw = []byte(*e.Raw)
	case e.RawBase64 != nil:
		raw, err := base64.StdEncoding.DecodeString(*e.RawBase64)
		if err != nil {
			return driver.Ref{}, false
		}
		ref.Raw = raw
	}
	return ref, true
}

// readAgain reads the entries from the stream, if it holds them still; else errGone.
func (l *lane) readAgain(ctx context.Context, u *ledger.DeadUnit) ([]driver.Ref, error) {
	found := make(map[position]driver.Ref)
	for _, r := range u.Entries {
		if _, ok := found[position{r.Seq, r.Index}]; ok {
			continue
		}
		m, err := l.readers.stream.Get(ctx, r.Seq)
		if errors.Is(err, stream.ErrNotFound) {
			return nil, fmt.Errorf("sequence %d is %w", r.Seq, errGone)
		}
		if err != nil {
			return nil, fmt.Errorf("read sequence %d: %w", r.Seq, err)
		}
		logentry.Frame(m.Data, func(index int, raw []byte) bool {
			found[position{r.Seq, int32(index)}] = driver.Ref{Seq: r.Seq, Index: int32(index), Stored: m.Stored.UnixNano(), Raw: raw}
			return true
		})
	}
	refs, err := settleDead(u, found)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errGone, err)
	}
	return refs, nil
}

// settleDead puts the unit's entries in its order and holds them against its digest.
func settleDead(u *ledger.DeadUnit, found map[position]driver.Ref) ([]driver.Ref, error) {
	refs := make([]driver.Ref, 0, len(u.Entries))
	for _, r := range u.Entries {
		ref, ok := found[position{r.Seq, r.Index}]
		if !ok {
			return nil, fmt.Errorf("%s: %w: sequence %d.%d is missing", u.Unit.Name, errOthers, r.Seq, r.Index)
		}
		refs = append(refs, ref)
	}
	if driver.Digest(refs) != u.Unit.Digest {
		return nil, fmt.Errorf("%s: %w", u.Unit.Name, errOthers)
	}
	return refs, nil
}
