package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"sluice/configs"
	"sluice/pipeline"
	"sluice/pipeline/stream/jetstream"
)

const (
	sinkErrorQueue = 64               // that wait to be published; more are dropped, as those are that come too often
	awayPatience   = time.Minute      // an unavailable destination is told of after this long,
	awayForgotten  = 3 * time.Minute  // unless it was not heard of for this long in between
	detailLimit    = 4 << 10          // bytes of an error's text
	publishLimit   = 30 * time.Second // for one entry
)

// sinkErrors puts the troubles of routes on the bus, seldom: one for each route and kind in a while.
type sinkErrors struct {
	cfg     *atomic.Pointer[configs.Config]
	streams []*jetstream.Stream
	queue   chan pipeline.Trouble
	seen    map[troubled]*recurrence // run's own
	refused map[string]bool          // subjects that no stream takes, which was said
}

// troubled is what troubles are told apart by.
type troubled struct{ route, stream, code string }

// recurrence is how a trouble has come and gone.
type recurrence struct {
	began, last, told time.Time
	detail            string // when it was told
}

func newSinkErrors(cfg *atomic.Pointer[configs.Config]) *sinkErrors {
	return &sinkErrors{cfg: cfg, queue: make(chan pipeline.Trouble, sinkErrorQueue), seen: make(map[troubled]*recurrence), refused: make(map[string]bool)}
}

// tell takes a trouble; it never waits.
func (s *sinkErrors) tell(t pipeline.Trouble) {
	select {
	case s.queue <- t:
	default:
	}
}

// run publishes until ctx ends. That an entry could not be published is only logged.
func (s *sinkErrors) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case t := <-s.queue:
			cfg := s.cfg.Load()
			if cfg.SinkErrors.Disabled || !s.due(t, cfg.SinkErrors.Every) {
				continue
			}
			err := s.publish(ctx, cfg, t)
			if err == nil {
				s.noteTold(t)
			} else if ctx.Err() == nil {
				slog.Warn("an error of a route is not put on the bus", "route", t.Route, "error", err)
				if t.Code == pipeline.TroubleHalted { // it does not come again by itself
					time.AfterFunc(awayPatience, func() { s.tell(t) })
				}
			}
		}
	}
}

// due says whether it is time to tell of a trouble. That a destination does not answer is told only once it lasts: most often it is a
// restart. Another reason to halt is told at once: the lane stands still, and says it once.
func (s *sinkErrors) due(t pipeline.Trouble, every time.Duration) bool {
	key := keyOfTrouble(t)
	r := s.seen[key]
	if r == nil {
		r = &recurrence{began: t.At}
		s.seen[key] = r
	}
	if t.At.Sub(r.last) > awayForgotten {
		r.began = t.At
	}
	r.last = t.At
	if t.Code == pipeline.TroubleHalted && t.Detail != r.detail {
		return true
	}
	return (t.Code != "unavailable" || t.At.Sub(r.began) >= awayPatience) && (r.told.IsZero() || t.At.Sub(r.told) >= every)
}

// noteTold remembers that a trouble stands on the bus.
func (s *sinkErrors) noteTold(t pipeline.Trouble) {
	r := s.seen[keyOfTrouble(t)]
	r.told, r.detail = t.At, t.Detail
}

func keyOfTrouble(t pipeline.Trouble) troubled { return troubled{t.Route, t.Stream, t.Code} }

// publish puts the entry on the first stream that takes its subject. None does: that is said once.
func (s *sinkErrors) publish(ctx context.Context, cfg *configs.Config, t pipeline.Trouble) error {
	parent, destination := sinkOf(cfg, t.Route)
	kind, name, _ := strings.Cut(parent, "/")
	subject := jetstream.Subject(kind, name, "logging.googleapis.com/sink_error")
	id := fmt.Sprintf("%s-%s-%s-%d", t.Route, t.Stream, t.Code, t.At.UnixNano())
	entry, err := sinkErrorEntry(t, id, parent, destination)
	if err != nil {
		return err
	}
	for _, stream := range s.streams {
		if !stream.Takes(subject) {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, publishLimit)
		defer cancel()
		_, err := stream.Publisher().Publish(ctx, subject, id, entry)
		return err
	}
	if !s.refused[subject] {
		s.refused[subject] = true
		slog.Warn("errors of routes are not put on the bus: no stream takes their subject (add it to a stream, or set sinkErrors: {disabled: true})", "subject", subject)
	}
	return nil
}

// sinkOf gives the resource in whose log the errors of a route are, and where the route delivers.
func sinkOf(cfg *configs.Config, name string) (parent, destination string) {
	parent = cfg.SinkErrors.Parent
	for _, r := range append(append([]configs.Route(nil), cfg.Routes...), cfg.Unreadable()) {
		if r.Name == name && r.Parent != "" {
			parent = r.Parent
		}
		if r.Name == name {
			destination = cmp.Or(r.Sink.Options.Destination(), r.Sink.Kind)
		}
	}
	return parent, destination
}

// sinkError is a LogEntry as Google's router writes it: the same log id, resource type, labels and words.
type sinkError struct {
	LogName     string            `json:"logName"`
	Resource    sinkErrorResource `json:"resource"`
	Timestamp   time.Time         `json:"timestamp"`
	InsertID    string            `json:"insertId"`
	Severity    string            `json:"severity"`
	Labels      map[string]string `json:"labels"`
	TextPayload string            `json:"textPayload"`
}

type sinkErrorResource struct {
	Type   string            `json:"type"`
	Labels map[string]string `json:"labels"`
}

func sinkErrorEntry(t pipeline.Trouble, insertID, parent, destination string) ([]byte, error) {
	detail := strings.ToValidUTF8(t.Detail[:min(len(t.Detail), detailLimit)], "")
	resource := map[string]string{"name": t.Route, "destination": destination}
	if kind, id, _ := strings.Cut(parent, "/"); kind == "projects" {
		resource["project_id"] = id
	}
	entry, err := json.Marshal(sinkError{
		LogName: parent + "/logs/" + pipeline.SinkErrorLog, Resource: sinkErrorResource{"logging_sink", resource},
		Timestamp: t.At.UTC(), InsertID: insertID, Severity: "ERROR",
		Labels:      map[string]string{"error_code": t.Code, "error_detail": detail, "sink_id": t.Route, "stream": t.Stream},
		TextPayload: fmt.Sprintf("Cloud Logging sink configuration error in %s, sink %s: %s (%s)", parent, t.Route, t.Code, detail),
	})
	if err != nil {
		return nil, fmt.Errorf("encode the entry: %w", err)
	}
	return entry, nil
}
