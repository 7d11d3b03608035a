package jetstream

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// What is too little to be meant: a destination may be away for an hour, and a batch needs room.
const (
	tinyAge      = time.Hour
	tinyBytes    = 256 << 20
	tinyMessages = 100_000
	usualEntry   = 1 << 20
)

// survey looks at the settings of a stream that exists.
type survey struct {
	wanted StreamConfig
	have   jetstream.StreamConfig
	server serverFacts
}

// serverFacts is what can be known of the servers from outside. Their sync_interval cannot.
type serverFacts struct {
	embedded   bool
	cluster    string // its name; empty: a single server
	maxPayload int
}

func (b *Bus) facts(info *jetstream.StreamInfo) serverFacts {
	f := serverFacts{embedded: b.dir != "", cluster: b.conn.ConnectedClusterName(), maxPayload: int(b.conn.MaxPayload())}
	if f.cluster == "" && info.Cluster != nil {
		f.cluster = info.Cluster.Name
	}
	return f
}

// unfit says which settings break the promise: each entry is there until every route has read it, as it was published.
func (s survey) unfit() error {
	var all []error
	unfit := func(what, remedy string) { all = append(all, fmt.Errorf("%s (%s)", what, remedy)) }
	edit := func(flags string) string { return "run: nats stream edit " + s.wanted.Name + " " + flags }
	replace := "make another stream with retention limits for bus.streams; this one cannot be changed into it"
	switch s.have.Retention {
	case jetstream.WorkQueuePolicy:
		unfit("its retention is workqueue: a message goes as soon as anyone acknowledges it, read by all routes or not", replace)
	case jetstream.InterestPolicy:
		unfit("its retention is interest: a message goes, or is never kept, when no consumer waits for it", edit("--retention=limits"))
	}
	if s.have.PersistMode == jetstream.AsyncPersistMode {
		unfit("its persist mode is async: publishers are told that messages are stored which are not yet", "make another stream without --persist-mode=async for bus.streams")
	}
	if m := s.have.Mirror; m != nil && (m.FilterSubject != "" || len(m.SubjectTransforms) > 0) {
		unfit("it mirrors only a part of stream "+m.Name+", or changes its subjects", "mirror the whole of it, without filters and transforms, or read it itself")
	}
	for _, from := range s.have.Sources {
		if len(from.SubjectTransforms) > 0 {
			unfit("it takes messages from stream "+from.Name+" with transforms", "source it without transforms, or read it itself")
		}
	}
	return errors.Join(all...)
}

// differences says where a stream is not as asked for.
func (s survey) differences() []string {
	var all []string
	c, have := s.wanted, s.have
	differ := func(what string, want, have any, flag string) {
		all = append(all, fmt.Sprintf("stream %s has %s %v where %v is configured; it was left as it is (run: nats stream edit %s %s; or change the configuration)",
			c.Name, what, have, want, c.Name, flag))
	}
	if len(c.Subjects) > 0 && have.Mirror == nil && !equalSubjects(c.Subjects, have.Subjects) {
		differ("subjects", c.Subjects, have.Subjects, "--subjects="+strings.Join(c.Subjects, ","))
	}
	if c.MaxAge != 0 && c.MaxAge != have.MaxAge {
		differ("maxAge", c.MaxAge, have.MaxAge, fmt.Sprintf("--max-age=%s", c.MaxAge))
	}
	if c.MaxBytes != 0 && c.MaxBytes != have.MaxBytes {
		differ("maxBytes", c.MaxBytes, have.MaxBytes, fmt.Sprintf("--max-bytes=%d", c.MaxBytes))
	}
	if c.Replicas != 0 && c.Replicas != have.Replicas {
		differ("replicas", c.Replicas, have.Replicas, fmt.Sprintf("--replicas=%d", c.Replicas))
	}
	return all
}

// risks says what may lose entries although the stream is as it should be for reading.
func (s survey) risks() []string {
	all := slices.Concat(s.copies(), s.room(), s.intake())
	for i, risk := range all {
		all[i] = "stream " + s.wanted.Name + " " + risk
	}
	return all
}

// risk words one, with the flags of `nats stream edit` that end it.
func (s survey) risk(what, flags string) string {
	return fmt.Sprintf("%s (run: nats stream edit %s %s)", what, s.wanted.Name, flags)
}

// copies looks at what a broken server or a power cut takes away.
func (s survey) copies() []string {
	var all []string
	switch {
	case s.have.Storage != jetstream.FileStorage:
		all = append(all, "is kept in memory: a restart of its server loses it (make another one with storage file for bus.streams)")
	case s.server.embedded:
	case s.server.cluster != "" && s.have.Replicas < 3:
		all = append(all, s.risk(fmt.Sprintf("has %d of the cluster's servers: while one of them is down it stands still, and with its disk it may be lost", max(s.have.Replicas, 1)), "--replicas=3"))
	case s.server.cluster == "" && s.wanted.Replicas == 0 && !s.wanted.MustExist:
		all = append(all, "stands on one server, which tells publishers that a message is stored before it is synced to disk, by default for up to 2 minutes: "+
			"a power cut loses these (set sync_interval: always in the server's jetstream {}, or use three servers; replicas: 1 in bus.streams says that you know)")
	}
	if len(s.have.Sources) > 0 && s.unfit() == nil {
		all = append(all, "gathers from other streams and numbers anew: a copy with a position of its own (read it or what it gathers from, not both in turn)")
	}
	return all
}

// room looks at what makes messages go before they were read.
func (s survey) room() []string {
	have := s.have
	var all []string
	add := func(what, flags string) { all = append(all, s.risk(what, flags)) }
	if have.Discard == jetstream.DiscardNew {
		add("refuses new messages when it is full: what publishers do not send again is not recorded anywhere", "--discard=old")
	}
	if have.MaxMsgsPerSubject > 0 {
		add(fmt.Sprintf("keeps only %d messages a subject: busy logs lose entries while quiet ones keep theirs", have.MaxMsgsPerSubject), "--max-msgs-per-subject=-1")
	}
	if have.MaxAge <= 0 && have.MaxBytes <= 0 && have.MaxMsgs <= 0 {
		add("has no limit: it grows until the disk is full, and then takes nothing", "--max-age=7d --max-bytes=50GiB")
	}
	if have.MaxAge > 0 && have.MaxAge < tinyAge {
		add(fmt.Sprintf("keeps messages for %s only: a destination that is away for longer loses entries", have.MaxAge), "--max-age=7d")
	}
	if have.MaxBytes > 0 && have.MaxBytes < tinyBytes {
		add(fmt.Sprintf("keeps %d bytes only: a route that lags a little loses entries", have.MaxBytes), "--max-bytes=50GiB")
	}
	if have.MaxMsgs > 0 && have.MaxMsgs < tinyMessages {
		add(fmt.Sprintf("keeps %d messages only: a route that lags a little loses entries", have.MaxMsgs), "--max-msgs=-1")
	}
	if have.AllowRollup {
		add("lets publishers delete what is stored, by rollup headers", "--no-allow-rollup")
	}
	if have.AllowMsgTTL {
		all = append(all, "lets publishers say that a message goes early: routes that lag lose it (see that nobody sets Nats-TTL, or make a stream without)")
	}
	return all
}

// intake looks at what publishers meet.
func (s survey) intake() []string {
	have := s.have
	var all []string
	add := func(what, flags string) { all = append(all, s.risk(what, flags)) }
	if have.Mirror != nil {
		return nil // nobody publishes to it
	}
	if have.Duplicates < duplicateWindow && (have.MaxAge <= 0 || have.Duplicates < have.MaxAge) {
		add(fmt.Sprintf("knows duplicates for %s only: what a publisher sends again after a restart of the server may be stored twice", have.Duplicates), "--dupe-window=2m")
	}
	if have.NoAck {
		add("acknowledges nothing: publishers never learn what is stored", "--ack")
	}
	if have.Sealed {
		all = append(all, "is sealed: it takes nothing more (make another one for bus.streams)")
	}
	entry := s.wanted.MaxEntry
	if entry == 0 {
		entry = usualEntry
	}
	if s.server.maxPayload < entry {
		all = append(all, fmt.Sprintf("is on a server that takes messages of %d bytes, less than an entry of %d bytes (set max_payload: 8MB in the server's configuration, or lower limits.entry)", s.server.maxPayload, entry))
	}
	if have.MaxMsgSize > 0 && int(have.MaxMsgSize) < entry {
		add(fmt.Sprintf("takes messages of %d bytes, less than an entry of %d bytes", have.MaxMsgSize, entry), "--max-msg-size=-1")
	}
	return all
}

func equalSubjects(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
