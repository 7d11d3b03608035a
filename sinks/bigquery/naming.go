package bigquery

import (
	"strings"
	"time"

	"sluice/logentry"
)

// The names of schema cloud-logging are those of Google's sinks: https://cloud.google.com/logging/docs/export/bigquery

const (
	errorTable = "export_errors" // takes the entries that a table's columns do not
	namelessID = "none"          // the table of entries whose logName is none
	maxName    = 128             // characters of a column's name
)

// tableName gives a log's table: what is no letter, digit or _ becomes _. Two logs may share one; logName tells them apart. No log's
// table begins as those of errors do.
func tableName(logName string) string {
	name, ok := logentry.ParseLogName(logName)
	if !ok {
		return namelessID
	}
	id := safe(name.LogID)
	if strings.HasPrefix(id, errorTable) {
		id = "log_" + id
	}
	return id
}

// shardOf is the suffix of a table a day: the day of the entry in UTC.
func shardOf(timestamp string) string {
	at, err := time.Parse(time.RFC3339Nano, timestamp)
	if err != nil {
		at = time.Unix(0, 0)
	}
	return at.UTC().Format("_20060102")
}

// columnNameOf gives the column of a key that a user chose: lower case, what is no letter, digit or _ becomes _, and it begins with
// a letter or digit. Keys that LogEntry or AuditLog define (defined) keep their case.
func columnNameOf(key string, defined bool) string {
	name := strings.TrimLeft(safe(key), "_")
	if !defined {
		name = strings.ToLower(name)
	}
	if name == "" {
		name = "unnamed"
	}
	return name[:min(len(name), maxName)]
}

func safe(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' {
			return r
		}
		return '_'
	}, s)
}

// payloadName gives the column of a payload: its field's name, and behind it the type of its @type, if it has one.
func payloadName(field, url string) string {
	if url == "" {
		return field
	}
	kind := url[strings.LastIndexByte(url, '/')+1:]
	if kind == "google.cloud.audit.AuditLog" {
		kind = "auditlog"
	}
	return columnNameOf(strings.ToLower(field)+"_"+kind, false)
}

// auditJSON are the fields of an AuditLog that are kept as JSON in a STRING, so that they never conflict.
var auditJSON = map[string]string{
	"request": "requestJson", "response": "responseJson", "metadata": "metadataJson", "resourceOriginalState": "resourceOriginalStateJson",
}

// serviceData are the columns of AuditLog.serviceData by its type; that of any other type is kept as JSON.
var serviceData = map[string]string{
	"google.cloud.bigquery.logging.v1.AuditData": "servicedata_v1_bigquery",
	"google.iam.v1.logging.AuditData":            "servicedata_v1_iam",
	"google.iam.admin.v1.AuditData":              "servicedata_v1_iam_admin",
}

// auditIntegers are the integers of an AuditLog; other numbers are FLOAT.
var auditIntegers = map[string]bool{"status.code": true, "numResponseItems": true}
