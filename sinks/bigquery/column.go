package bigquery

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/api/bigquery/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
)

// kind is what a column takes of an entry, and its type in the table.
type kind uint8

const (
	text     kind = iota // STRING
	level                // STRING: a severity's name
	integer              // INTEGER, 64 bits
	double               // FLOAT
	seconds              // FLOAT: of a duration
	truth                // BOOLEAN
	instant              // TIMESTAMP, microseconds
	document             // JSON
	record               // RECORD
	jsonText             // STRING: any value, as JSON; a column of text
)

// tableTypes are the kinds in the words of the tables API, and wireTypes in those of protocol buffers, by which rows are sent.
// https://cloud.google.com/bigquery/docs/supported-data-types
var (
	tableTypes = [...]string{"STRING", "STRING", "INTEGER", "FLOAT", "FLOAT", "BOOLEAN", "TIMESTAMP", "JSON", "RECORD", "STRING"}
	wireTypes  = [...]descriptorpb.FieldDescriptorProto_Type{
		descriptorpb.FieldDescriptorProto_TYPE_STRING, descriptorpb.FieldDescriptorProto_TYPE_STRING,
		descriptorpb.FieldDescriptorProto_TYPE_INT64, descriptorpb.FieldDescriptorProto_TYPE_DOUBLE,
		descriptorpb.FieldDescriptorProto_TYPE_DOUBLE, descriptorpb.FieldDescriptorProto_TYPE_BOOL,
		descriptorpb.FieldDescriptorProto_TYPE_INT64, descriptorpb.FieldDescriptorProto_TYPE_STRING,
		descriptorpb.FieldDescriptorProto_TYPE_MESSAGE, descriptorpb.FieldDescriptorProto_TYPE_STRING,
	}
)

// column is one of a table, or of a record in it. Its number on the wire is its place among its siblings, from 1.
type column struct {
	name   string
	kind   kind
	list   bool // REPEATED
	fields []column
}

// tableFields describes columns to the tables API. All are NULLABLE, so that columns may be added later.
func tableFields(columns []column) []*bigquery.TableFieldSchema {
	fields := make([]*bigquery.TableFieldSchema, len(columns))
	for i, c := range columns {
		fields[i] = &bigquery.TableFieldSchema{Name: c.name, Type: tableTypes[c.kind], Mode: "NULLABLE", Fields: tableFields(c.fields)}
		if c.list {
			fields[i].Mode = "REPEATED"
		}
	}
	return fields
}

// typeOf is a table's type by the name that the tables API gives it: it knows two for some.
func typeOf(f *bigquery.TableFieldSchema) string {
	switch name := strings.ToUpper(f.Type); name {
	case "INT64":
		return "INTEGER"
	case "FLOAT64":
		return "FLOAT"
	case "BOOL":
		return "BOOLEAN"
	case "STRUCT":
		return "RECORD"
	default:
		return name
	}
}

// extend compares the fields of a table with the columns that are wanted: it gives the fields with those added that are missing,
// and how many, or says which has another type. Names of columns do not differ by case.
func extend(fields []*bigquery.TableFieldSchema, columns []column, path string) (all []*bigquery.TableFieldSchema, added int, err error) {
	byName := make(map[string]*bigquery.TableFieldSchema, len(fields))
	for _, f := range fields {
		byName[strings.ToLower(f.Name)] = f
	}
	all = fields[:len(fields):len(fields)]
	for i := range columns {
		c := &columns[i]
		f := byName[strings.ToLower(c.name)]
		if f == nil {
			all = append(all, tableFields(columns[i : i+1])[0])
			added++
			continue
		}
		if typeOf(f) != tableTypes[c.kind] || (strings.EqualFold(f.Mode, "REPEATED")) != c.list {
			return nil, 0, fmt.Errorf("column %s%s is %s, and %s is needed", path, f.Name, worded(typeOf(f), strings.EqualFold(f.Mode, "REPEATED")), worded(tableTypes[c.kind], c.list))
		}
		if c.kind == record {
			inner, n, err := extend(f.Fields, c.fields, path+f.Name+".")
			if err != nil {
				return nil, 0, err
			}
			f.Fields, added = inner, added+n
		}
	}
	return all, added, nil
}

// extendFreely gives the fields of a table with those columns added that are missing; of others the types do not matter.
func extendFreely(fields []*bigquery.TableFieldSchema, columns []column) (all []*bigquery.TableFieldSchema, added int) {
	all = slices.Clone(fields)
	for i := range columns {
		c := &columns[i]
		at := slices.IndexFunc(all, func(f *bigquery.TableFieldSchema) bool { return strings.EqualFold(f.Name, c.name) })
		if at < 0 {
			all = append(all, tableFields(columns[i : i+1])[0])
			added++
		} else if c.kind == record && typeOf(all[at]) == tableTypes[record] {
			wider := *all[at]
			inner, n := extendFreely(wider.Fields, c.fields)
			wider.Fields = inner
			all[at], added = &wider, added+n
		}
	}
	return all, added
}

func worded(name string, list bool) string {
	if list {
		return "REPEATED " + name
	}
	return name
}

// descriptor describes columns to the Write API, self-contained as it wants it.
// https://cloud.google.com/bigquery/docs/write-api#protocol_buffer_formats
func descriptor(columns []column) *descriptorpb.DescriptorProto {
	root := &descriptorpb.DescriptorProto{Name: proto.String("Row")}
	describe(root, root, columns)
	return root
}

// describe fills in the fields of d; the types of records stand in the root, under names of their own.
func describe(root, d *descriptorpb.DescriptorProto, columns []column) {
	for i, c := range columns {
		f := &descriptorpb.FieldDescriptorProto{
			Name: proto.String(c.name), Number: proto.Int32(int32(i + 1)), Type: wireTypes[c.kind].Enum(),
			Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
		}
		if c.list {
			f.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
		}
		if c.kind == record {
			inner := &descriptorpb.DescriptorProto{Name: proto.String(fmt.Sprintf("R%d", len(root.NestedType)+1))}
			root.NestedType = append(root.NestedType, inner)
			f.TypeName = inner.Name
			describe(root, inner, c.fields)
		}
		d.Field = append(d.Field, f)
	}
}

// hashOf names columns: plans carry it.
func hashOf(columns []column) string {
	sum := sha256.Sum256([]byte(fmt.Sprint(columns)))
	return hex.EncodeToString(sum[:8])
}
