package exprs

import (
	"maps"
	"slices"
	"time"

	"github.com/expr-lang/expr/types"

	"sluice/logentry"
)

// kind is what a name holds.
type kind uint8

const (
	open     kind = iota // any JSON value, with any keys below it; nil when absent
	text                 // a string; "" when absent
	whole                // an integer, in JSON a number or a text; 0 when absent
	truth                // true or false; false when absent
	instant              // a time.Time in UTC; 1970 when absent
	span                 // a time.Duration; 0 when absent
	level                // a severity's name; DEFAULT when absent
	presence             // a message: not nil when it stands in the entry
)

// absent is what a name of the kind is read as when the entry does not have it: its type's default, as in the Logging query
// language and in protocol buffers, where a default and nothing are the same.
var absent = [...]any{
	text: "", whole: 0, truth: false, instant: time.Unix(0, 0).UTC(), span: time.Duration(0), level: logentry.Default.String(), presence: nil,
}

// exprTypes are the kinds in the checker's words.
var exprTypes = [...]types.Type{
	open: types.Any, text: types.String, whole: types.Int, truth: types.Bool, instant: types.TypeOf(time.Time{}),
	span: types.TypeOf(time.Duration(0)), level: types.String,
}

// field is a field of LogEntry: a value of its kind, or a message with fields of its own.
type field struct {
	kind   kind
	fields map[string]field
}

func message(fields map[string]field) field { return field{kind: presence, fields: fields} }

// logEntry is google.logging.v2.LogEntry.
var logEntry = map[string]field{
	"logName":          {kind: text},
	"resource":         message(map[string]field{"type": {kind: text}, "labels": {}}),
	"protoPayload":     {},
	"textPayload":      {kind: text},
	"jsonPayload":      {},
	"timestamp":        {kind: instant},
	"receiveTimestamp": {kind: instant},
	"severity":         {kind: level},
	"insertId":         {kind: text},
	"httpRequest": message(map[string]field{
		"requestMethod": {kind: text}, "requestUrl": {kind: text}, "requestSize": {kind: whole}, "status": {kind: whole},
		"responseSize": {kind: whole}, "userAgent": {kind: text}, "remoteIp": {kind: text}, "serverIp": {kind: text},
		"referer": {kind: text}, "latency": {kind: span}, "cacheLookup": {kind: truth}, "cacheHit": {kind: truth},
		"cacheValidatedWithOriginServer": {kind: truth}, "cacheFillBytes": {kind: whole}, "protocol": {kind: text},
	}),
	"labels":   {},
	"metadata": message(map[string]field{"systemLabels": {}, "userLabels": {}}),
	"operation": message(map[string]field{
		"id": {kind: text}, "producer": {kind: text}, "first": {kind: truth}, "last": {kind: truth},
	}),
	"trace":             {kind: text},
	"spanId":            {kind: text},
	"traceSampled":      {kind: truth},
	"sourceLocation":    message(map[string]field{"file": {kind: text}, "line": {kind: whole}, "function": {kind: text}}),
	"split":             message(map[string]field{"uid": {kind: text}, "index": {kind: whole}, "totalSplits": {kind: whole}}),
	"errorGroups":       {},
	"apphub":            {},
	"apphubDestination": {},
	"apphubSource":      {},
}

// environment is LogEntry as the checker sees it.
var environment = typed(logEntry)

func typed(fields map[string]field) types.Map {
	m := types.Map{}
	for name, f := range fields {
		if f.kind == presence {
			m[name] = typed(f.fields)
		} else {
			m[name] = exprTypes[f.kind]
		}
	}
	return m
}

// The words of "did you mean".
var (
	topNames   = append(slices.Sorted(maps.Keys(logEntry)), allowedFunctions...)
	fieldNames = namesBelow(logEntry)
)

func namesBelow(fields map[string]field) (names []string) {
	for _, top := range slices.Sorted(maps.Keys(fields)) {
		names = append(names, slices.Sorted(maps.Keys(fields[top].fields))...)
	}
	return names
}
