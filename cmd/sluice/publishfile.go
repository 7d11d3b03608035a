package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"sluice/pipeline/stream/jetstream"
)

// published is the account of one source. Entries = Published + AlreadyThere + Refused.
type published struct {
	File         string `json:"file"`
	Entries      int64  `json:"entries"`      // read
	Published    int64  `json:"published"`    // stored by this run
	AlreadyThere int64  `json:"alreadyThere"` // acknowledged by an earlier run, or known to the stream by their id
	Refused      int64  `json:"refused"`      // longer than the server's largest message

	bytes, size int64 // acknowledged; size 0: unknown
}

// How many messages, and bytes of them, may be on their way.
const (
	windowMessages = 512
	windowBytes    = 16 << 20
)

const (
	saveEvery       = time.Second      // between two saves of a source's progress
	lastWords       = 5 * time.Second  // for what is on its way, and for the progress, at the end
	restartPatience = 60 * time.Second // with a server that is away
)

// filePublisher puts one source on a stream, in order, and keeps account of what was acknowledged.
type filePublisher struct {
	file   *os.File // nil: a source that cannot be read again, of which no progress is kept
	stream *jetstream.Stream
	to     *jetstream.Publisher
	store  *jetstream.ProgressStore
	tell   func(published) // after each acknowledgement

	account published
	at      jetstream.Progress
	sum     hash.Hash // of what is acknowledged
	saved   time.Time
	window  []sentPack
	waiting int // bytes in the window
}

type sentPack struct {
	*pack
	pending *jetstream.Pending // nil: nothing to publish
}

// publishFiles puts each file ("-" = in) on the stream, one after another, and gives the account of each that was begun. Of
// regular files it continues behind what an earlier call had acknowledged, if they still begin so. tell, which may be nil, is
// called with the account of the present file whenever more is acknowledged. When ctx ends, what was acknowledged is kept.
func publishFiles(ctx context.Context, bus *jetstream.Bus, s *jetstream.Stream, files []string, in io.Reader, tell func(published)) ([]published, error) {
	store, err := bus.Progress(ctx, s.Replicas())
	if err != nil {
		return nil, err
	}
	if tell == nil {
		tell = func(published) {}
	}
	var all []published
	for _, name := range files {
		p := &filePublisher{stream: s, to: s.Publisher(), store: store, tell: tell, account: published{File: name}, sum: sha256.New()}
		err := p.publish(ctx, name, in)
		all = append(all, p.account)
		if err != nil {
			return all, fmt.Errorf("publish %s: %w", name, err)
		}
	}
	return all, nil
}

func (p *filePublisher) publish(ctx context.Context, name string, in io.Reader) (err error) {
	if name == "-" {
		// Lines that come again on standard input are meant: nothing says that they are a resend.
		return p.copy(ctx, newPacker("-"+rand.Text(), in, 0, p.limit(), nil))
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return errors.New("it is a folder: name the files in it")
	case !info.Mode().IsRegular():
		return p.copy(ctx, newPacker("-"+rand.Text(), f, 0, p.limit(), nil))
	}
	p.file, p.account.size = f, info.Size()
	if err := p.resume(ctx, name); err != nil {
		return err
	}
	err = p.copy(ctx, newPacker(p.at.Source, f, p.at.Bytes, p.limit(), p.at.Cuts))
	// Perhaps ctx is over, before or behind the last pack. What is on its way is soon stored, and the next run must know of it.
	late, cancel := outlive(ctx)
	defer cancel()
	if err != nil {
		late, cancel = context.WithTimeout(late, lastWords)
		defer cancel()
		if cause := p.settle(late, 0, 0); cause != nil {
			slog.Debug("not all that was sent is acknowledged", "file", name, "error", cause)
		}
	}
	return errors.Join(err, p.save(late))
}

// outlive gives a context that ends lastWords after ctx.
func outlive(ctx context.Context) (context.Context, context.CancelFunc) {
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(lastWords, cancel) })
	return late, func() {
		stop()
		cancel()
	}
}

// limit leaves room for the headers, which count.
func (p *filePublisher) limit() int { return p.to.MaxPayload() - 1024 }

// resume finds how far the file was published, and leaves it there. A file that does not begin with what was acknowledged is
// another; so is every file for a stream that was re-created or lost its end.
func (p *filePublisher) resume(ctx context.Context, name string) error {
	path, err := filepath.Abs(name)
	if err != nil {
		return err
	}
	patient, cancel := context.WithTimeout(ctx, restartPatience)
	defer cancel()
	info, err := p.stream.Info(patient)
	if err != nil {
		return err
	}
	at, found, err := p.store.Load(ctx, info.Name, path)
	if err != nil {
		return err
	}
	p.at = jetstream.Progress{Source: path, Stream: info.Name, Created: info.Created}
	if !found {
		return nil
	}
	switch same, err := p.begins(at); {
	case err != nil:
		return err
	case !at.Created.Equal(info.Created) || at.Seq > info.Last:
		slog.Warn("the stream was re-created or stepped back: publishing the file anew", "file", name, "stream", info.Name)
	case !same:
		slog.Info("the file is not what was published before: publishing it anew", "file", name)
	default:
		p.at = at
		p.account.Entries, p.account.bytes = at.Entries, at.Bytes
		p.account.AlreadyThere, p.account.Refused = at.Entries-at.Refused, at.Refused
		return nil
	}
	p.sum.Reset()
	_, err = p.file.Seek(0, io.SeekStart)
	return err
}

// begins says whether the file begins with the acknowledged bytes, and reads them.
func (p *filePublisher) begins(at jetstream.Progress) (bool, error) {
	if n, err := io.CopyN(p.sum, p.file, at.Bytes); errors.Is(err, io.EOF) && n < at.Bytes {
		return false, nil
	} else if err != nil {
		return false, err
	}
	return hex.EncodeToString(p.sum.Sum(nil)) == at.SHA256, nil
}

// copy publishes all packs. On return without error all of them are acknowledged.
func (p *filePublisher) copy(ctx context.Context, packs *packer) error {
	for {
		k, err := packs.next()
		if errors.Is(err, io.EOF) {
			return p.settle(ctx, 0, 0)
		}
		if err != nil {
			return errors.Join(err, p.settle(ctx, 0, 0))
		}
		if err := p.settle(ctx, windowMessages-1, max(0, windowBytes-len(k.source))); err != nil {
			return err
		}
		if err := p.send(ctx, k); err != nil {
			return err
		}
	}
}

func (p *filePublisher) send(ctx context.Context, k *pack) error {
	if k.last && p.file != nil {
		// If the file grows before this pack is acknowledged, the next run must make the same one, not a longer one.
		p.at.Cuts = append(p.at.Cuts, k.end)
		if err := p.save(ctx); err != nil {
			return err
		}
	}
	sent := sentPack{pack: k}
	if len(k.data) > 0 {
		sent.pending = p.to.Start(k.subject, k.id, k.data)
	}
	p.window = append(p.window, sent)
	p.waiting += len(k.source)
	return nil
}

// settle waits until at most so much is on its way.
func (p *filePublisher) settle(ctx context.Context, messages, bytes int) error {
	for len(p.window) > 0 && (len(p.window) > messages || p.waiting > bytes) {
		k := p.window[0]
		var ack jetstream.Ack
		if k.pending != nil {
			var err error
			if ack, err = k.pending.Wait(ctx); err != nil {
				return err
			}
		}
		p.window = p.window[1:]
		p.waiting -= len(k.source)
		if err := p.enter(k.pack, ack); err != nil {
			return err
		}
		if time.Since(p.saved) >= saveEvery {
			if err := p.save(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// enter puts an acknowledged pack into the account.
func (p *filePublisher) enter(k *pack, ack jetstream.Ack) error {
	n := int64(k.entries)
	p.account.Entries += n
	switch {
	case k.refused:
		p.account.Refused += n
		slog.Warn("line is longer than the server's largest message: left out",
			"file", p.account.File, "offset", k.start, "bytes", k.end-k.start, "largest", p.limit())
	case ack.Duplicate:
		p.account.AlreadyThere += n
	default:
		p.account.Published += n
	}
	p.account.bytes = k.end
	p.tell(p.account)
	if p.file == nil {
		return nil
	}
	var acknowledged io.Reader = bytes.NewReader(k.source)
	if k.refused {
		acknowledged = io.NewSectionReader(p.file, k.start, k.end-k.start)
	}
	if _, err := io.Copy(p.sum, acknowledged); err != nil {
		return err
	}
	p.at.Bytes = k.end
	p.at.Entries += n
	p.at.Refused = p.account.Refused
	p.at.Seq = max(p.at.Seq, ack.Seq)
	return nil
}

// save stores the progress, if any was made.
func (p *filePublisher) save(ctx context.Context) error {
	if p.file == nil {
		return nil
	}
	p.saved = time.Now()
	p.at.SHA256 = hex.EncodeToString(p.sum.Sum(nil))
	var cuts []int64
	for _, c := range p.at.Cuts {
		if c > p.at.Bytes {
			cuts = append(cuts, c)
		}
	}
	p.at.Cuts = cuts
	return p.store.Save(ctx, p.at)
}
