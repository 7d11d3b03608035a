package bigquerytest

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	"google.golang.org/api/bigquery/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// connection is what the first request of a connection says for those behind it.
type connection struct {
	stream string
	schema protoreflect.MessageDescriptor
}

// begin takes in what a request says of the connection.
func (c *connection) begin(r *storagepb.AppendRowsRequest) error {
	if size := proto.Size(r); size > maxRequest {
		return status.Errorf(codes.InvalidArgument, "AppendRows request too large: %d limit %d", size, maxRequest)
	}
	if r.GetWriteStream() != "" {
		c.stream = r.GetWriteStream()
	}
	if c.stream == "" {
		return status.Error(codes.InvalidArgument, "the first request must name the stream")
	}
	if d := r.GetProtoRows().GetWriterSchema().GetProtoDescriptor(); d != nil && c.schema == nil {
		file := &descriptorpb.FileDescriptorProto{Name: proto.String("row.proto"), Syntax: proto.String("proto2"), MessageType: []*descriptorpb.DescriptorProto{d}}
		f, err := protodesc.NewFile(file, nil)
		if err != nil {
			return status.Errorf(codes.InvalidArgument, "Invalid proto schema: %v", err)
		}
		c.schema = f.Messages().Get(0)
	}
	if c.schema == nil {
		return status.Error(codes.InvalidArgument, "the first request must have a writer schema")
	}
	return nil
}

// wireKinds are the types of protocol buffers that a column takes, of those that the service takes.
// https://cloud.google.com/bigquery/docs/supported-data-types
var wireKinds = map[string]protoreflect.Kind{
	"STRING": protoreflect.StringKind, "JSON": protoreflect.StringKind, "INTEGER": protoreflect.Int64Kind, "TIMESTAMP": protoreflect.Int64Kind,
	"FLOAT": protoreflect.DoubleKind, "BOOLEAN": protoreflect.BoolKind, "RECORD": protoreflect.MessageKind,
}

// fits compares the writer's schema with the table's.
func fits(d protoreflect.MessageDescriptor, fields []*bigquery.TableFieldSchema, path string) error {
	for i := range d.Fields().Len() {
		f := d.Fields().Get(i)
		column := fieldOf(fields, string(f.Name()))
		if column == nil {
			return failure(codes.InvalidArgument, storagepb.StorageError_SCHEMA_MISMATCH_EXTRA_FIELDS, path,
				"Input schema has more fields than BigQuery schema, extra fields: '%s%s'", path, f.Name())
		}
		if f.Kind() != wireKinds[typeOf(column)] || f.IsList() != strings.EqualFold(column.Mode, "REPEATED") {
			return status.Errorf(codes.InvalidArgument, "The proto field mismatched with BigQuery field at %s%s, the proto field type %v, BigQuery field type %s",
				path, f.Name(), f.Kind(), column.Type)
		}
		if f.Message() != nil {
			if err := fits(f.Message(), column.Fields, path+string(f.Name())+"."); err != nil {
				return err
			}
		}
	}
	return nil
}

// decode reads rows by the writer's schema and checks them against the table's.
func (c *connection) decode(st *stream, serialized [][]byte, refusal func(Row) string) (rows []Row, bad []*storagepb.RowError, err error) {
	if err := fits(c.schema, st.table.known, ""); err != nil {
		return nil, nil, err
	}
	for i, b := range serialized {
		m := dynamicpb.NewMessage(c.schema)
		row := Row{Stream: st.name, Offset: st.end + int64(i)}
		err := proto.Unmarshal(b, m)
		if err == nil {
			row.Values, err = values(m, st.table.known)
		}
		message := ""
		if err != nil {
			message = err.Error()
		} else if refusal != nil {
			message = refusal(row)
		}
		if message != "" {
			bad = append(bad, &storagepb.RowError{Index: int64(i), Code: storagepb.RowError_FIELDS_ERROR, Message: message})
		}
		rows = append(rows, row)
	}
	return rows, bad, nil
}

func values(m protoreflect.Message, fields []*bigquery.TableFieldSchema) (map[string]any, error) {
	all := make(map[string]any)
	for _, column := range fields {
		f := m.Descriptor().Fields().ByName(protoreflect.Name(column.Name))
		if f == nil || !m.Has(f) {
			if strings.EqualFold(column.Mode, "REQUIRED") {
				return nil, fmt.Errorf("field %s: missing required", column.Name)
			}
			continue
		}
		var err error
		if f.IsList() {
			list := m.Get(f).List()
			items := make([]any, list.Len())
			for i := range items {
				if items[i], err = value(list.Get(i), column); err != nil {
					return nil, err
				}
			}
			all[column.Name] = items
			continue
		}
		if all[column.Name], err = value(m.Get(f), column); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// The bounds of a TIMESTAMP, in microseconds. https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#timestamp_type
var (
	earliest = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	latest   = time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC).UnixMicro()
)

func value(v protoreflect.Value, column *bigquery.TableFieldSchema) (any, error) {
	switch typeOf(column) {
	case "RECORD":
		return values(v.Message(), column.Fields)
	case "TIMESTAMP":
		if v.Int() < earliest || v.Int() > latest {
			return nil, fmt.Errorf("field %s: timestamp %d is out of range", column.Name, v.Int())
		}
		return time.UnixMicro(v.Int()).UTC(), nil
	case "JSON":
		if !json.Valid([]byte(v.String())) {
			return nil, fmt.Errorf("field %s: invalid JSON", column.Name)
		}
		return json.RawMessage(v.String()), nil
	}
	return v.Interface(), nil
}

// describe is the stream as the API gives it.
func (st *stream) describe(full bool) *storagepb.WriteStream {
	w := &storagepb.WriteStream{Name: st.name, Type: storagepb.WriteStream_COMMITTED, WriteMode: storagepb.WriteStream_INSERT}
	if full {
		w.TableSchema = &storagepb.TableSchema{Fields: storageFields(st.table.known)}
	}
	return w
}

func storageFields(fields []*bigquery.TableFieldSchema) []*storagepb.TableFieldSchema {
	types := map[string]storagepb.TableFieldSchema_Type{
		"STRING": storagepb.TableFieldSchema_STRING, "JSON": storagepb.TableFieldSchema_JSON, "INTEGER": storagepb.TableFieldSchema_INT64,
		"TIMESTAMP": storagepb.TableFieldSchema_TIMESTAMP, "FLOAT": storagepb.TableFieldSchema_DOUBLE, "BOOLEAN": storagepb.TableFieldSchema_BOOL,
		"RECORD": storagepb.TableFieldSchema_STRUCT,
	}
	all := make([]*storagepb.TableFieldSchema, len(fields))
	for i, f := range fields {
		all[i] = &storagepb.TableFieldSchema{Name: f.Name, Type: types[typeOf(f)], Fields: storageFields(f.Fields), Mode: storagepb.TableFieldSchema_NULLABLE}
		if strings.EqualFold(f.Mode, "REPEATED") {
			all[i].Mode = storagepb.TableFieldSchema_REPEATED
		}
	}
	return all
}
