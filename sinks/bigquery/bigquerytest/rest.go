package bigquerytest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"google.golang.org/api/bigquery/v2"
)

// serve lets a call of the REST API pass, or what its fault makes of it.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // the caller gave up: half a request has no effect
	}
	c, path := parse(r, body)
	fault, due := s.note(c)
	if !s.wait(r.Context(), due) {
		panic(http.ErrAbortHandler)
	}
	switch fault.Kind {
	case Refuse:
		panic(http.ErrAbortHandler)
	case Hang:
		s.hang(r.Context())
		panic(http.ErrAbortHandler)
	case Status, InBand:
		fail(w, fault.Status, fault.Reason, fault.Message)
		return
	}
	answer := httptest.NewRecorder()
	s.do(answer, c, path, r, body)
	if fault.Kind == Duplicate {
		s.do(httptest.NewRecorder(), c, path, r, body)
	}
	if fault.Kind == DropReply {
		panic(http.ErrAbortHandler)
	}
	for key, values := range answer.Header() {
		w.Header()[key] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes()) // the caller may have gone
}

// parse finds out what a request asks for, and of which table.
func parse(r *http.Request, body []byte) (Call, string) {
	path := strings.TrimPrefix(r.URL.Path, "/bigquery/v2/")
	parts := strings.Split(path, "/")
	switch {
	case len(parts) == 3 && parts[2] == "queries" && r.Method == http.MethodPost:
		return Call{Op: Query}, path
	case len(parts) < 5 || parts[0] != "projects" || parts[2] != "datasets" || parts[4] != "tables":
		return Call{Op: Other}, path
	case len(parts) == 5 && r.Method == http.MethodPost:
		var t bigquery.Table
		if json.Unmarshal(body, &t) != nil || t.TableReference == nil {
			return Call{Op: Other}, path
		}
		return Call{Op: InsertTable, Table: t.TableReference.TableId}, path + "/" + t.TableReference.TableId
	case len(parts) == 6 && r.Method == http.MethodGet:
		return Call{Op: GetTable, Table: parts[5]}, path
	case len(parts) == 6 && r.Method == http.MethodPatch:
		return Call{Op: PatchTable, Table: parts[5]}, path
	}
	return Call{Op: Other}, path
}

func (s *Server) do(w http.ResponseWriter, c Call, path string, r *http.Request, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	dataset, _, _ := strings.Cut(path, "/tables")
	t := s.tables[path]
	switch {
	case c.Op == Other:
		fail(w, http.StatusNotImplemented, "notImplemented", "the test server does not know "+r.Method+" "+r.URL.Path)
	case c.Op == Query:
		s.query(w, body)
	case !s.datasets[dataset]:
		fail(w, http.StatusNotFound, "notFound", "Not found: Dataset "+dataset)
	case c.Op == InsertTable && t != nil:
		fail(w, http.StatusConflict, "duplicate", "Already Exists: Table "+path)
	case c.Op == InsertTable:
		s.insert(w, path, body)
	case t == nil:
		fail(w, http.StatusNotFound, "notFound", "Not found: Table "+path)
	case c.Op == PatchTable:
		s.patch(w, t, r.Header.Get("If-Match"), body)
	default:
		reply(w, http.StatusOK, t.meta)
	}
}

func (s *Server) insert(w http.ResponseWriter, path string, body []byte) {
	var meta bigquery.Table
	if err := strict(body, &meta); err != nil || meta.Schema == nil {
		fail(w, http.StatusBadRequest, "invalid", fmt.Sprint("no table: ", err))
		return
	}
	if n := columnsIn(meta.Schema.Fields); n > maxColumns {
		fail(w, http.StatusBadRequest, "invalid", tooMany(n))
		return
	}
	reply(w, http.StatusOK, s.addTable(path, &meta).meta)
}

// patch replaces a table's schema by one that has more columns. A column may not go, nor change its type.
// https://cloud.google.com/bigquery/docs/managing-table-schemas
func (s *Server) patch(w http.ResponseWriter, t *table, etag string, body []byte) {
	var meta bigquery.Table
	if err := strict(body, &meta); err != nil || meta.Schema == nil {
		fail(w, http.StatusBadRequest, "invalid", fmt.Sprint("no schema: ", err))
		return
	}
	if etag != "" && etag != t.meta.Etag {
		fail(w, http.StatusPreconditionFailed, "conditionNotMet", "the table has changed")
		return
	}
	if message := narrowed(t.meta.Schema.Fields, meta.Schema.Fields); message != "" {
		fail(w, http.StatusBadRequest, "invalid", "Provided Schema does not match Table "+t.path+". "+message)
		return
	}
	if n := columnsIn(meta.Schema.Fields); n > maxColumns {
		fail(w, http.StatusBadRequest, "invalid", tooMany(n))
		return
	}
	t.meta.Schema = meta.Schema
	if !s.stale {
		t.known = meta.Schema.Fields
	}
	t.stamp()
	reply(w, http.StatusOK, t.meta)
}

// maxColumns is what a table takes, nested ones among them. https://cloud.google.com/bigquery/quotas#standard_tables
const maxColumns = 10_000

func columnsIn(fields []*bigquery.TableFieldSchema) int {
	n := len(fields)
	for _, f := range fields {
		n += columnsIn(f.Fields)
	}
	return n
}

func tooMany(n int) string {
	return fmt.Sprintf("Too many columns: %d, maximum allowed: %d", n, maxColumns)
}

// narrowed says how a schema takes something away from another one.
func narrowed(old, fresh []*bigquery.TableFieldSchema) string {
	for _, o := range old {
		f := fieldOf(fresh, o.Name)
		if f == nil {
			return "Field " + o.Name + " is missing in new schema"
		}
		if typeOf(f) != typeOf(o) || strings.EqualFold(f.Mode, "REPEATED") != strings.EqualFold(o.Mode, "REPEATED") {
			return "Field " + o.Name + " has changed type from " + o.Type + " to " + f.Type
		}
		if message := narrowed(o.Fields, f.Fields); message != "" {
			return message
		}
	}
	for _, f := range fresh {
		if fieldOf(old, f.Name) == nil && strings.EqualFold(f.Mode, "REQUIRED") {
			return "Cannot add required field " + f.Name
		}
	}
	return ""
}

func fieldOf(fields []*bigquery.TableFieldSchema, name string) *bigquery.TableFieldSchema {
	for _, f := range fields {
		if strings.EqualFold(f.Name, name) {
			return f
		}
	}
	return nil
}

// typeOf gives one of the two names that some types have.
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

func strict(body []byte, to any) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	return dec.Decode(to)
}

// fail answers with an error as the REST API words it. https://cloud.google.com/bigquery/docs/error-messages
func fail(w http.ResponseWriter, status int, reason, message string) {
	if message == "" {
		message = http.StatusText(status)
	}
	reply(w, status, map[string]any{"error": map[string]any{
		"code": status, "message": message,
		"errors": []any{map[string]any{"domain": "global", "reason": reason, "message": message}},
	}})
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
