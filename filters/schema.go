package filters

import "strings"

// fieldType is what a field holds, by the protocol buffers of google.logging.v2. Below payloads and maps a value's own JSON
// kind decides: dynamic.
type fieldType uint8

const (
	dynamicType fieldType = iota
	stringType
	int64Type
	int32Type
	boolType
	severityType
	durationType
	timestampType
	messageType // has subfields of its own
	mapType     // text by exact keys
	structType  // a JSON object with exact keys
	anyType     // a typed payload seen as JSON: keys in any spelling
)

var typeNames = [...]string{"value", "string", "int64", "int32", "bool", "severity", "duration", "timestamp", "message", "map",
	"struct", "message"}

func (t fieldType) String() string { return typeNames[t] }

// container says that the type has members instead of a value.
func (t fieldType) container() bool { return t >= messageType }

// schema is a node of LogEntry's definition.
type schema struct {
	name     string // as in JSON
	typ      fieldType
	repeated bool
	fields   []schema
	byName   map[string]*schema // by folded name
}

func object(name string, fields ...schema) schema {
	return schema{name: name, typ: messageType, fields: fields}
}

func leaf(name string, typ fieldType) schema { return schema{name: name, typ: typ} }

// logEntry is google.logging.v2.LogEntry.
var logEntry = indexed(object("",
	leaf("logName", stringType),
	object("resource", leaf("type", stringType), leaf("labels", mapType)),
	leaf("protoPayload", anyType),
	leaf("textPayload", stringType),
	leaf("jsonPayload", structType),
	leaf("timestamp", timestampType),
	leaf("receiveTimestamp", timestampType),
	leaf("severity", severityType),
	leaf("insertId", stringType),
	object("httpRequest",
		leaf("requestMethod", stringType), leaf("requestUrl", stringType), leaf("requestSize", int64Type),
		leaf("status", int32Type), leaf("responseSize", int64Type), leaf("userAgent", stringType),
		leaf("remoteIp", stringType), leaf("serverIp", stringType), leaf("referer", stringType),
		leaf("latency", durationType), leaf("cacheLookup", boolType), leaf("cacheHit", boolType),
		leaf("cacheValidatedWithOriginServer", boolType), leaf("cacheFillBytes", int64Type), leaf("protocol", stringType)),
	leaf("labels", mapType),
	object("metadata", leaf("systemLabels", structType), leaf("userLabels", mapType)),
	object("operation",
		leaf("id", stringType), leaf("producer", stringType), leaf("first", boolType), leaf("last", boolType)),
	leaf("trace", stringType),
	leaf("spanId", stringType),
	leaf("traceSampled", boolType),
	object("sourceLocation", leaf("file", stringType), leaf("line", int64Type), leaf("function", stringType)),
	object("split", leaf("uid", stringType), leaf("index", int32Type), leaf("totalSplits", int32Type)),
	schema{name: "errorGroups", typ: messageType, repeated: true, fields: []schema{leaf("id", stringType)}},
	leaf("apphub", anyType),
	leaf("apphubDestination", anyType),
	leaf("apphubSource", anyType),
))

// indexed fills in byName, at all levels.
func indexed(s schema) *schema {
	s.byName = map[string]*schema{}
	for _, f := range s.fields {
		s.byName[foldName(f.name)] = indexed(f)
	}
	return &s
}

// child finds a subfield in any spelling; nil when there is none.
func (s *schema) child(name string) *schema { return s.byName[foldName(name)] }

// names lists the subfields, for "did you mean".
func (s *schema) names() []string {
	names := make([]string, len(s.fields))
	for i := range s.fields {
		names[i] = s.fields[i].name
	}
	return names
}

// foldName gives the text that all spellings of a field name share: lower case, no underscores.
func foldName(name string) string {
	return strings.ReplaceAll(strings.ToLower(name), "_", "")
}
