package bigquerytest

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/api/bigquery/v2"
)

// Row is one row of a table, and where it was appended.
type Row struct {
	Stream string
	Offset int64
	Values map[string]any // by column: string, int64, float64, bool, time.Time, json.RawMessage, []any, map[string]any; absent: NULL
}

// table is one table.
type table struct {
	path    string // projects/P/datasets/D/tables/T
	meta    *bigquery.Table
	known   []*bigquery.TableFieldSchema // to the Write API
	rows    []Row
	version int
}

// stream is one committed write stream.
type stream struct {
	name      string
	table     *table
	end       int64 // the number of rows, and the offset of the next
	finalized bool
	gone      bool
}

func pathOf(project, dataset, id string) string {
	return "projects/" + project + "/datasets/" + dataset + "/tables/" + id
}

// CreateDataset makes a dataset, which no client does.
func (s *Server) CreateDataset(project, dataset string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.datasets["projects/"+project+"/datasets/"+dataset] = true
}

// CreateTable makes a table, as the foreign hand of a test.
func (s *Server) CreateTable(project, dataset, id string, fields ...*bigquery.TableFieldSchema) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.datasets["projects/"+project+"/datasets/"+dataset] = true
	s.addTable(pathOf(project, dataset, id), &bigquery.Table{Schema: &bigquery.TableSchema{Fields: fields}})
}

func (s *Server) addTable(path string, meta *bigquery.Table) *table {
	t := &table{path: path, meta: meta, known: meta.Schema.Fields}
	s.tables[path] = t
	t.stamp()
	return t
}

func (t *table) stamp() {
	t.version++
	t.meta.Etag = fmt.Sprintf("etag-%d", t.version)
}

// DropTable deletes a table with its rows; its streams are not found any more.
func (s *Server) DropTable(project, dataset, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := pathOf(project, dataset, id)
	delete(s.tables, path)
	for _, stream := range s.streams {
		stream.gone = stream.gone || stream.table.path == path
	}
}

// Tables gives the ids of a dataset's tables, in order.
func (s *Server) Tables(project, dataset string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []string
	for path := range s.tables {
		if id, ok := strings.CutPrefix(path, pathOf(project, dataset, "")); ok {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// Table gives a table as the API describes it; nil when there is none.
func (s *Server) Table(project, dataset, id string) *bigquery.Table {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.tables[pathOf(project, dataset, id)]; t != nil {
		return t.meta
	}
	return nil
}

// Rows gives the rows of a table, in the order in which they were appended.
func (s *Server) Rows(project, dataset, id string) []Row {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.tables[pathOf(project, dataset, id)]; t != nil {
		return slices.Clone(t.rows)
	}
	return nil
}

// Streams gives the names of the streams that a table ever had, in the order of their creation.
func (s *Server) Streams(project, dataset, id string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for name, stream := range s.streams {
		if stream.table.path == pathOf(project, dataset, id) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// EndStream finalizes a stream, as the service does with one that was idle for days.
func (s *Server) EndStream(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.streams[name].finalized = true
}

// ForgetStream makes a stream unknown, as the service does later. Its rows stay.
func (s *Server) ForgetStream(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.streams[name].gone = true
}

// ShortenStream lets the service forget rows that it has acknowledged, which it promises not to.
func (s *Server) ShortenStream(name string, rows int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.streams[name]
	st.end -= rows
	st.table.rows = slices.DeleteFunc(st.table.rows, func(r Row) bool { return r.Stream == name && r.Offset >= st.end })
}

// RefuseRows lets every row be refused of which refusal gives a text; nil: none.
func (s *Server) RefuseRows(refusal func(Row) string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusal = refusal
}

// HideNewColumns says whether the Write API does not yet know the columns that tables gain: it takes minutes to.
// https://cloud.google.com/bigquery/docs/write-api#schema_updates
func (s *Server) HideNewColumns(hide bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stale = hide
	for _, t := range s.tables {
		if !hide {
			t.known = t.meta.Schema.Fields
		}
	}
}
