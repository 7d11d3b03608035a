package bigquerytest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"google.golang.org/api/bigquery/v2"
)

// counting is the one query that the server knows: COUNT(*) of a table under conditions on columns, joined by AND and OR, in
// parentheses, each a comparison of a column with a named parameter.
var counting = regexp.MustCompile("^SELECT COUNT\\(\\*\\) FROM `([^.`]+)\\.([^.`]+)\\.([^`]+)` WHERE (.+)$")

// query answers a query. https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/query
func (s *Server) query(w http.ResponseWriter, body []byte) {
	var q bigquery.QueryRequest
	if err := json.Unmarshal(body, &q); err != nil {
		fail(w, http.StatusBadRequest, "invalid", err.Error())
		return
	}
	m := counting.FindStringSubmatch(q.Query)
	if m == nil {
		fail(w, http.StatusBadRequest, "invalidQuery", "the test server does not know this query")
		return
	}
	t := s.tables[pathOf(m[1], m[2], m[3])]
	if t == nil {
		fail(w, http.StatusNotFound, "notFound", "Not found: Table "+m[1]+":"+m[2]+"."+m[3])
		return
	}
	parameters := make(map[string]string)
	for _, p := range q.QueryParameters {
		parameters["@"+p.Name] = p.ParameterValue.Value
	}
	n := 0
	for _, row := range t.rows {
		c := condition{words: words(m[4]), row: row.Values, parameters: parameters}
		holds := c.or()
		if c.wrong != "" || len(c.words) > 0 {
			fail(w, http.StatusBadRequest, "invalidQuery", "unexpected "+c.wrong)
			return
		}
		if holds {
			n++
		}
	}
	reply(w, http.StatusOK, map[string]any{"jobComplete": true, "totalRows": "1", "rows": []any{map[string]any{"f": []any{map[string]any{"v": strconv.Itoa(n)}}}}})
}

func words(text string) []string {
	return strings.Fields(strings.NewReplacer("(", " ( ", ")", " ) ").Replace(text))
}

// condition evaluates what stands behind WHERE.
type condition struct {
	words      []string
	row        map[string]any
	parameters map[string]string
	wrong      string
}

func (c *condition) next(word string) bool {
	if len(c.words) == 0 || c.words[0] != word {
		return false
	}
	c.words = c.words[1:]
	return true
}

func (c *condition) or() bool {
	holds := c.and()
	for c.next("OR") {
		holds = c.and() || holds
	}
	return holds
}

func (c *condition) and() bool {
	holds := c.one()
	for c.next("AND") {
		holds = c.one() && holds
	}
	return holds
}

func (c *condition) one() bool {
	if c.next("(") {
		holds := c.or()
		if !c.next(")") {
			c.wrong = "end"
		}
		return holds
	}
	if len(c.words) < 3 {
		c.wrong, c.words = "end", nil
		return false
	}
	column, op, parameter := c.words[0], c.words[1], c.words[2]
	c.words = c.words[3:]
	want, ok := c.parameters[parameter]
	if !ok {
		c.wrong = parameter
	}
	got := fmt.Sprint(c.row[column])
	sign := strings.Compare(got, want)
	if n, isNumber := c.row[column].(int64); isNumber {
		m, err := strconv.ParseInt(want, 10, 64)
		if err != nil {
			c.wrong = want
		}
		sign = int(max(-1, min(1, n-m)))
	}
	switch op {
	case "=":
		return sign == 0
	case "<":
		return sign < 0
	case ">":
		return sign > 0
	case "<=":
		return sign <= 0
	case ">=":
		return sign >= 0
	}
	c.wrong = op
	return false
}
