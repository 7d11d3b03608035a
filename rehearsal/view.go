package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"math"

	"sluice/pipeline/stream"
)

// View is a stream as it stood at one moment: what came later is not shown. Of the messages it may show a share only, each chosen
// by its sequence alone, so that every reading sees the same.
type View struct {
	stream.Stream
	last  uint64
	share uint64 // a message is shown when its sequence's hash is at most this
}

// NewView looks at a stream: share is that of the messages that are shown, above 0 and at most 1.
func NewView(ctx context.Context, s stream.Stream, share float64) (*View, error) {
	info, err := s.Info(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask for the state of stream %s: %w", s.Name(), err)
	}
	v := &View{Stream: s, last: info.Last, share: math.MaxUint64}
	for v.last >= max(info.First, 1) { // the end must be a message, or nobody would know that it is reached
		_, err := s.Get(ctx, v.last)
		if err == nil {
			break
		}
		if !errors.Is(err, stream.ErrNotFound) {
			return nil, fmt.Errorf("read the last message of stream %s: %w", s.Name(), err)
		}
		v.last--
	}
	if share < 1 {
		v.share = uint64(share * math.MaxUint64)
	}
	return v, nil
}

// Info is the stream's, up to the view's end.
func (v *View) Info(ctx context.Context) (stream.Info, error) {
	info, err := v.Stream.Info(ctx)
	info.Last = min(info.Last, v.last)
	info.First = min(info.First, v.last+1)
	return info, err
}

// Read reads the stream up to the view's end; there Next waits until its context ends.
func (v *View) Read(ctx context.Context, from uint64) (stream.Reader, error) {
	r, err := v.Stream.Read(ctx, from)
	return &viewReader{Reader: r, view: v}, err
}

func (v *View) shows(seq uint64) bool {
	return seq == v.last || mix(seq) <= v.share // the last one always, so that the end is reached
}

// mix scatters sequences evenly over 64 bits (the finalizer of SplitMix64, https://prng.di.unimi.it/splitmix64.c).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

type viewReader struct {
	stream.Reader
	view *View
	end  bool
}

// Next gives the next messages that the view shows.
func (r *viewReader) Next(ctx context.Context, most int) ([]stream.Message, error) {
	for !r.end {
		msgs, err := r.Reader.Next(ctx, most)
		if err != nil {
			return nil, err
		}
		shown := msgs[:0:0]
		for i := range msgs {
			if msgs[i].Seq <= r.view.last && r.view.shows(msgs[i].Seq) {
				shown = append(shown, msgs[i])
			}
			r.end = r.end || msgs[i].Seq >= r.view.last
		}
		if len(shown) > 0 {
			return shown, nil
		}
	}
	<-ctx.Done()
	return nil, context.Cause(ctx)
}
