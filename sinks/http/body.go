package http

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"sluice/logentry"
	"sluice/sinks/codec"
	"sluice/sinks/driver"
)

// framing makes the body of a request. Whatever it holds, an entry leaves as it came but for raw line feeds between its tokens,
// which become blanks.
type framing struct {
	body   Body
	wrap   bool
	most   int    // bytes of a request
	prefix []byte // of a sluice-id, as the beginning of a JSON string: "route/stream/epoch/
}

// timestamp is the field that Splunk's events are dated by.
var timestamp = logentry.NewFields(logentry.PathTimestamp)

// loosest are the limits that any configuration keeps.
var loosest = logentry.Limits{Entry: 64 << 20, Depth: 1000}

func newFraming(o *Options, route, stream string, epoch uint32) *framing {
	prefix, err := json.Marshal(fmt.Sprintf("%s/%s/%d/", route, stream, epoch))
	if err != nil {
		panic(err) // text always has a JSON form
	}
	return &framing{body: o.Body, wrap: o.Wrap, most: o.MaxBytes, prefix: prefix[:len(prefix)-1]}
}

// around bounds what stands around an entry beside its sluice-id. Plans depend on it: it never changes.
const around = 64

// size bounds the bytes of an entry in the body. Plans depend on it: it never changes.
func (f *framing) size(ref *driver.Ref) int {
	if f.body == NDJSON && !f.wrap {
		return len(ref.Raw) + 1
	}
	return len(ref.Raw) + around + len(f.prefix) + 32
}

// refuse says why an entry cannot be sent; "" when it can.
func (f *framing) refuse(ref *driver.Ref, size int) string {
	if size > f.most {
		return fmt.Sprintf("larger than a request of %d bytes", f.most)
	}
	if f.body == NDJSON && !f.wrap {
		return "" // a line of its own: it harms no other
	}
	if defect := timestamp.Extract(&logentry.Entry{Raw: ref.Raw}, loosest); defect != nil {
		return "body " + string(f.body) + " takes JSON objects only: " + defect.Error()
	}
	return ""
}

// encode writes the unit's body. The receipt tells of the bytes that w got.
func (f *framing) encode(ctx context.Context, w io.Writer, u *driver.Unit) (driver.Receipt, error) {
	if f.body == NDJSON && !f.wrap {
		return codec.Encode(ctx, w, codec.Codec(u.Codec), u.Refs)
	}
	enc, err := codec.NewWriter(w, codec.Codec(u.Codec))
	if err != nil {
		return driver.Receipt{}, err
	}
	defer enc.Release()
	var line []byte
	for i := range u.Refs {
		if ctx.Err() != nil {
			return driver.Receipt{}, context.Cause(ctx)
		}
		if f.body == Elastic {
			line = append(f.id(append(line[:0], `{"create":{"_id":`...), &u.Refs[i]), `}}`...)
			if err := enc.Write(line); err != nil {
				return driver.Receipt{}, err
			}
		}
		line = f.entry(line[:0], i, &u.Refs[i])
		if err := enc.Write(line); err != nil {
			return driver.Receipt{}, err
		}
	}
	if f.body == Array {
		if err := enc.Write([]byte{']'}); err != nil {
			return driver.Receipt{}, err
		}
	}
	return enc.Finish()
}

// entry appends the line that holds the i-th entry.
func (f *framing) entry(line []byte, i int, ref *driver.Ref) []byte {
	switch {
	case f.body == Array && i == 0:
		line = append(line, '[')
	case f.body == Array:
		line = append(line, ',')
	}
	switch {
	case f.wrap:
		line = f.id(append(line, `{"id":`...), ref)
		line = append(append(append(line, `,"entry":`...), ref.Raw...), '}')
	case f.body == Splunk:
		line = appendMillis(append(line, `{"time":`...), moment(ref))
		line = append(append(line, `,"event":`...), ref.Raw...)
		line = append(f.id(append(line, `,"fields":{"sluice_id":`...), ref), `}}`...)
	default:
		line = append(line, ref.Raw...)
	}
	return line
}

// id appends the entry's sluice-id as a JSON string: route/stream/epoch/sequence.index.
func (f *framing) id(dst []byte, ref *driver.Ref) []byte {
	dst = strconv.AppendUint(append(dst, f.prefix...), ref.Seq, 10)
	dst = strconv.AppendInt(append(dst, '.'), int64(ref.Index), 10)
	return append(dst, '"')
}

// moment is the entry's timestamp, else when it was stored.
func moment(ref *driver.Ref) time.Time {
	e := logentry.Entry{Raw: ref.Raw}
	if timestamp.Extract(&e, loosest) == nil {
		if v := e.Get(logentry.PathTimestamp); v.Kind == logentry.String {
			if t, err := time.Parse(time.RFC3339Nano, string(v.Text)); err == nil {
				return t
			}
		}
	}
	return time.Unix(0, ref.Stored)
}

// appendMillis writes seconds since 1970 with three decimals; what is before that is 0.
func appendMillis(dst []byte, t time.Time) []byte {
	return fmt.Appendf(dst, "%.3f", float64(max(0, t.UnixMilli()))/1000)
}

// contentType is the body's.
func (f *framing) contentType() string {
	switch f.body {
	case Array, Splunk:
		return "application/json"
	}
	return "application/x-ndjson"
}
