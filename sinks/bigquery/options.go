// Package bigquery delivers units as rows of BigQuery tables, exactly once, by the Storage Write API: rows are appended to a
// committed stream that this sink created, each request at an offset that the plan holds. A request that arrives twice meets
// ALREADY_EXISTS; one that arrives early meets OUT_OF_RANGE. https://cloud.google.com/bigquery/docs/write-api
//
// The name of the write stream and the next offset are the driver's state, which the ledger keeps. A stream that cannot be
// appended to any more, or that holds a request which is refused, is finalized: then nobody can append to it, the service tells
// how many rows it holds, and the rest of the plan goes to another stream (driver.Moved). docs/sinks.md says it for operators.
//
// Assumptions: the service applies offsets as documented; nobody else appends to the streams of this sink; the ledger does not
// step back behind the creation of a stream (a plan that is new for the ledger and old for the stream is a Conflict).
package bigquery

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"google.golang.org/grpc"

	"sluice/sinks/driver"
	"sluice/sinks/transport"
)

var _ driver.Options = (*Options)(nil)

// The schemas.
const (
	schemaNative  = "native"
	schemaLogging = "cloud-logging"
)

// Options are the BigQuery sink's part of the configuration. What is not pinned in plans has no JSON form.
type Options struct {
	Project              string            `json:"project" yaml:"project" required:"true" doc:"The project of the dataset."`
	Dataset              string            `json:"dataset" yaml:"dataset" required:"true" doc:"The dataset, which must exist."`
	Table                string            `json:"table,omitempty" yaml:"table" doc:"Of native: the table, created at the first delivery."`
	Schema               string            `json:"schema" yaml:"schema" enum:"native|cloud-logging" doc:"native: one table, LogEntry's own fields typed, payloads and labels as JSON. cloud-logging: tables and columns as Google's sinks make them."`
	UsePartitionedTables bool              `json:"usePartitionedTables" yaml:"usePartitionedTables" doc:"Of cloud-logging: a table for each log, partitioned by day; false: a table for each log and day, whose names end in _YYYYMMDD."`
	Columns              map[string]Column `json:"columns,omitempty" yaml:"columns" doc:"More columns, each by an expression: {actor: 'protoPayload.authenticationInfo.principalEmail'}. What is absent is NULL."`

	Endpoint        string `json:"-" yaml:"endpoint" doc:"Another address of the tables API: https://… (private, regional), or http://… of a test server, which gets no credentials."`
	WriteEndpoint   string `json:"-" yaml:"writeEndpoint" doc:"Another address of the Storage Write API, likewise."`
	CredentialsFile string `json:"-" yaml:"credentialsFile" doc:"A file of credentials; absent: those of the environment (workload identity, GOOGLE_APPLICATION_CREDENTIALS, gcloud)."`

	Proxy string        `json:"-" yaml:"proxy" doc:"http://HOST:PORT of a proxy; absent: HTTPS_PROXY, HTTP_PROXY and NO_PROXY of the environment."`
	TLS   transport.TLS `json:"-" yaml:"tls" doc:"Whom to trust, and who we are."`

	wrap func(http.RoundTripper) http.RoundTripper // around every request of the tables API, for tests
	dial []grpc.DialOption                         // likewise of the Write API
}

// Defaults are the options before the configuration is decoded into them.
func Defaults() *Options { return &Options{Schema: schemaNative, UsePartitionedTables: true} }

// The grammars, as far as a program should know them: https://cloud.google.com/resource-manager/docs/creating-managing-projects,
// https://cloud.google.com/bigquery/docs/datasets#dataset-naming, https://cloud.google.com/bigquery/docs/tables#table_naming
var (
	projectName = regexp.MustCompile(`^([a-z0-9.-]{1,100}:)?[a-z][a-z0-9-]{4,61}[a-z0-9]$`)
	datasetName = regexp.MustCompile(`^[A-Za-z0-9_]+$`)
	tableID     = regexp.MustCompile(`^[\p{L}\p{M}\p{N}\p{Pc}\p{Pd} ]{1,256}$`)
)

// Validate judges each option.
func (o *Options) Validate() []driver.Problem {
	var problems []driver.Problem
	add := func(path, message, hint string) {
		problems = append(problems, driver.Problem{Path: path, Message: message, Hint: hint})
	}
	if !projectName.MatchString(o.Project) {
		add("project", fmt.Sprintf("%q is no project's id", o.Project), "6 to 63 lower-case letters, digits and -; not its number")
	}
	if !datasetName.MatchString(o.Dataset) || len(o.Dataset) > 1024 {
		add("dataset", fmt.Sprintf("%q is no dataset's name", o.Dataset), "letters, digits and _, without the project")
	}
	switch {
	case o.Schema == schemaLogging && o.Table != "":
		add("table", "schema cloud-logging has a table for each log", "leave table out")
	case o.Schema == schemaLogging:
	case o.Schema != schemaNative:
		add("schema", fmt.Sprintf("unknown schema %q", o.Schema), "one of native, cloud-logging")
	case !tableID.MatchString(o.Table):
		add("table", fmt.Sprintf("%q is no table's name", o.Table), "letters, digits, - and _, without the dataset")
	}
	for path, endpoint := range map[string]string{"endpoint": o.Endpoint, "writeEndpoint": o.WriteEndpoint} {
		if endpoint != "" && !isAddress(endpoint) {
			add(path, "is not an address of the service", "https://HOST, or http://HOST:PORT of a test server")
		}
	}
	problems = append(problems, o.way().Problems()...)
	return append(problems, columnProblems(o.Columns, o.taken())...)
}

func (o *Options) way() transport.Way { return transport.Way{Proxy: o.Proxy, TLS: o.TLS} }

func isAddress(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil || u.User != nil || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && u.Port() != ""
}

// taken are the columns that tables have anyway.
func (o *Options) taken() []column { return entryColumns }

// Destination is bigquery://project/dataset/table/, or of cloud-logging bigquery://project/dataset/: the rows of two routes in one
// table could not be told apart.
func (o *Options) Destination() string {
	d := (&url.URL{Scheme: "bigquery", Host: o.Project, Path: "/" + o.Dataset + "/"})
	if o.Table != "" {
		d.Path += o.Table + "/"
	}
	return d.String()
}

// Open makes a driver; nothing is asked of the service. Dead letters are refused: they belong where a person can read them.
func (o *Options) Open(_ context.Context, as driver.To) (driver.Driver, error) {
	if as == driver.ToDeadLetter {
		return nil, errors.New("a bigquery sink takes no dead letters: use file or gcs")
	}
	return open(*o)
}
