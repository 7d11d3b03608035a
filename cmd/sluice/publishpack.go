package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"slices"
	"time"

	"sluice/logentry"
	"sluice/pipeline/stream/jetstream"
)

// Limits of a pack. They are part of its identity: another value makes other packs of the same source.
const (
	packEntries = 64
	packBytes   = 512 << 10
)

// pack is a run of a source's lines that becomes one message.
type pack struct {
	subject string
	id      string // Nats-Msg-Id: the same lines of the same source give the same
	source  []byte // the bytes of the source, from the end of the pack before; nil if refused
	data    []byte // those that are published: without white space around; empty: nothing is
	start   int64  // offsets in the source
	end     int64
	entries int
	refused bool // one line that the server would not take: it is too long
	last    bool // the source ended here, so that a longer source would have made a longer pack
}

// packer cuts a source into packs. A pack holds whole lines of one parent, at most 64 entries and 512 KiB (a longer line stands
// alone), and ends where an earlier run met the end of the source. So the packs after a pack's end depend on nothing before it:
// whoever continues there makes the same ones.
type packer struct {
	path   string // goes into the identity of entries without an insertId
	in     *bufio.Reader
	offset int64
	limit  int     // the longest message that the server takes
	cuts   []int64 // offsets at which a pack must end

	fields *logentry.Fields
	entry  logentry.Entry
	line   packLine // read but not packed yet
	ahead  bool
}

// packLine is a line of the source and what decides its pack.
type packLine struct {
	raw     []byte // with its line feed
	start   int64
	end     int64
	tooLong bool // raw is nil
	entry   bool // not blank
	log     logentry.LogName
	known   bool // whether log is
	key     []byte
}

func newPacker(path string, in io.Reader, offset int64, limit int, cuts []int64) *packer {
	return &packer{
		path: path, in: bufio.NewReaderSize(in, 256<<10), offset: offset, limit: limit, cuts: cuts,
		fields: logentry.NewFields(logentry.PathLogName, logentry.PathTimestamp, logentry.PathInsertID),
	}
}

// next gives the next pack, or io.EOF after the last.
func (p *packer) next() (*pack, error) {
	k := &pack{start: p.offset}
	if p.ahead {
		k.start = p.line.start
	}
	k.end = k.start
	var logs []logentry.LogName
	ids := sha256.New()
	for lines := 0; ; lines++ {
		err := p.peek()
		if errors.Is(err, io.EOF) && lines > 0 {
			k.last = true
			break
		}
		if err != nil {
			return nil, err
		}
		l := &p.line
		if lines > 0 && !k.takes(l, logs, min(packBytes, p.limit)) {
			break
		}
		p.ahead = false
		logs = k.add(l, logs, ids)
		if k.refused || slices.Contains(p.cuts, k.end) {
			break
		}
	}
	k.finish(logs, ids)
	return k, nil
}

// takes says whether the line may join the pack.
func (k *pack) takes(l *packLine, logs []logentry.LogName, most int) bool {
	if l.tooLong || k.entries == packEntries && l.entry || len(k.source)+len(l.raw) > most {
		return false
	}
	return !l.known || len(logs) == 0 || logs[0].Parent() == l.log.Parent()
}

func (k *pack) add(l *packLine, logs []logentry.LogName, ids hash.Hash) []logentry.LogName {
	k.end = l.end
	if l.tooLong {
		k.refused, k.entries = true, 1
		return logs
	}
	k.source = append(k.source, l.raw...)
	if !l.entry {
		return logs
	}
	k.entries++
	ids.Write(l.key)
	if l.known && !slices.Contains(logs, l.log) {
		logs = append(logs, l.log)
	}
	return logs
}

func (k *pack) finish(logs []logentry.LogName, ids hash.Hash) {
	k.data = bytes.Trim(k.source, blank)
	k.id = hex.EncodeToString(ids.Sum(nil)[:16])
	switch len(logs) {
	case 0:
		k.subject = jetstream.NoLog
	case 1:
		k.subject = jetstream.Subject(string(logs[0].ParentKind), logs[0].ParentID, logs[0].LogID)
	default:
		k.subject = jetstream.ManyLogs(string(logs[0].ParentKind), logs[0].ParentID)
	}
	if !k.refused { // lines that are not JSON may be one value together: the framing of messages decides
		k.entries = 0
		logentry.Frame(k.data, func(int, []byte) bool { k.entries++; return true })
	}
}

const blank = " \t\r\n"

// peek reads the next line unless one is read already.
func (p *packer) peek() error {
	if p.ahead {
		return nil
	}
	l := packLine{start: p.offset}
	for {
		part, err := p.in.ReadSlice('\n')
		p.offset += int64(len(part))
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) && !errors.Is(err, io.EOF) {
			return err
		}
		if len(l.raw)+len(part) > p.limit {
			l.raw, l.tooLong = nil, true
		}
		if !l.tooLong {
			l.raw = append(l.raw, part...)
		}
		if err == nil || errors.Is(err, io.EOF) {
			break
		}
	}
	if l.end = p.offset; l.end == l.start {
		return io.EOF
	}
	p.line, p.ahead = l, true
	p.identify(&p.line)
	return nil
}

// identify finds the line's log and makes its key.
func (p *packer) identify(l *packLine) {
	p.entry.Raw = bytes.Trim(l.raw, blank)
	if l.entry = len(p.entry.Raw) > 0; !l.entry {
		return
	}
	readable := p.fields.Extract(&p.entry, logentry.Limits{}) == nil
	if readable {
		l.log, l.known = logentry.ParseLogName(p.text(logentry.PathLogName))
	}
	if l.known {
		at, err := time.Parse(time.RFC3339Nano, p.text(logentry.PathTimestamp))
		if id := p.text(logentry.PathInsertID); err == nil && id != "" {
			l.key = appendKey(nil, 'k', []byte(l.log.Parent()), at.UTC().AppendFormat(nil, time.RFC3339Nano), []byte(id))
			return
		}
	}
	offset := binary.BigEndian.AppendUint64(nil, uint64(l.start))
	l.key = appendKey(nil, 'o', []byte(p.path), offset, p.entry.Raw)
}

func (p *packer) text(path logentry.Path) string {
	v := p.entry.Get(path)
	if v.Kind != logentry.String {
		return ""
	}
	return string(v.AppendText(nil))
}

// appendKey appends the identity of an entry. Entries with an insertId, a timestamp and a log are known by those, wherever they
// come from; others by their place in the source and their bytes, so that a new source at an old path is not taken for the old.
func appendKey(dst []byte, kind byte, parts ...[]byte) []byte {
	dst = append(dst, kind)
	for _, part := range parts {
		dst = binary.AppendUvarint(dst, uint64(len(part)))
		dst = append(dst, part...)
	}
	return dst
}
