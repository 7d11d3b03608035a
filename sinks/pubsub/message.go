package pubsub

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"sluice/exprs"
	"sluice/logentry"
	"sluice/sinks/driver"
)

// The attributes of a message. The first is the one that Cloud Logging's own sinks set.
const (
	timestampAttribute = "logging.googleapis.com/timestamp"
	insertIDAttribute  = "insertId"
	idAttribute        = "sluice-id"
)

// reader finds in an entry's bytes what its attributes say.
type reader struct {
	key    *exprs.Column
	fields *logentry.Fields
}

func newReader(key *exprs.Column) *reader {
	paths := []logentry.Path{logentry.PathTimestamp, logentry.PathInsertID}
	if key != nil {
		paths = append(paths, key.Fields()...)
	}
	return &reader{key, logentry.NewFields(paths...)}
}

// loosest are the limits that any configuration keeps.
var loosest = logentry.Limits{Entry: 64 << 20, Depth: 1000}

// messages makes the messages of a request, all of one ordering key. They hold on to the entries' bytes.
func (r *reader) messages(origin *driver.Origin, refs []driver.Ref) []*pubsubpb.PubsubMessage {
	prefix := fmt.Sprintf("%s/%s/%d/", origin.Route, origin.Stream, origin.Epoch)
	all := make([]*pubsubpb.PubsubMessage, len(refs))
	e := logentry.Entry{Stream: origin.Stream}
	key := ""
	for i := range refs {
		ref := &refs[i]
		e.Raw, e.Seq, e.Index, e.Stored = ref.Raw, ref.Seq, int(ref.Index), time.Unix(0, ref.Stored).UTC()
		readable := r.fields.Extract(&e, loosest) == nil
		if i == 0 && readable {
			key = string(appendKey(nil, r.key, &e))
		}
		id := append(strconv.AppendUint([]byte(prefix), ref.Seq, 10), '.')
		attributes := map[string]string{
			idAttribute:        string(strconv.AppendInt(id, int64(ref.Index), 10)),
			timestampAttribute: moment(&e, readable).Format(time.RFC3339Nano),
		}
		if v := insertID(&e, readable); v != "" && len(v) <= maxValue {
			attributes[insertIDAttribute] = v
		}
		all[i] = &pubsubpb.PubsubMessage{Data: ref.Raw, Attributes: attributes, OrderingKey: key}
	}
	return all
}

// moment is the entry's timestamp, else when it was stored, in UTC.
func moment(e *logentry.Entry, readable bool) time.Time {
	if readable {
		if v := e.Get(logentry.PathTimestamp); v.Kind == logentry.String {
			if t, err := time.Parse(time.RFC3339Nano, string(v.AppendText(nil))); err == nil {
				return t.UTC()
			}
		}
	}
	return e.Stored
}

// insertID is the entry's insertId, derived from its position where it has none.
func insertID(e *logentry.Entry, readable bool) string {
	if readable {
		if v := e.Get(logentry.PathInsertID); v.Kind == logentry.String {
			return strings.ToValidUTF8(string(v.AppendText(nil)), "\ufffd")
		}
	}
	return ""
}
