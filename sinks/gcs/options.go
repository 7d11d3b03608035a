// Package gcs delivers units as objects of Google Cloud Storage. An object is created once, never replaced: every insert carries
// ifGenerationMatch=0, so a name that is taken answers 412, and what stands there is compared by the digest in its metadata.
// An insert becomes visible whole or not at all. https://docs.cloud.google.com/storage/docs/request-preconditions
//
// storage.objects.create (roles/storage.objectCreator) suffices to deliver. With storage.objects.get what stands under a name is
// compared; without it, an existing name is taken for this sink's own only where this process, or the plan being redone, may have
// written it. docs/sinks.md says it for operators.
//
// Assumptions: the service is strongly consistent, and checks the CRC32C that is sent with an upload before it is visible
// (https://docs.cloud.google.com/storage/docs/data-validation); nobody else changes the metadata sluice-plan.
package gcs

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"sluice/sinks/codec"
	"sluice/sinks/driver"
	"sluice/sinks/layout"
	"sluice/sinks/transport"
)

var (
	_ driver.Options  = (*Options)(nil)
	_ driver.Attester = (*Options)(nil)
)

// Options are the Cloud Storage sink's part of the configuration. What is not pinned in plans has no JSON form.
type Options struct {
	Bucket       string            `json:"bucket" yaml:"bucket" required:"true" doc:"The bucket, which must exist."`
	Prefix       string            `json:"prefix" yaml:"prefix" doc:"Folders below which all objects stand; absent: the whole bucket."`
	Layout       layout.Spec       `json:"layout" yaml:"layout" doc:"How objects are named."`
	Compression  codec.Compression `json:"compression" yaml:"compression" doc:"How objects are compressed."`
	Format       codec.Format      `json:"format,omitempty" yaml:"format" enum:"json|csv|parquet" doc:"What objects hold; absent: json, entries as lines."`
	Columns      codec.Columns     `json:"columns,omitempty" yaml:"columns" doc:"Of csv and parquet: [timestamp, {actor: EXPRESSION}] chooses them, {actor: EXPRESSION} adds to the default ones."`
	StorageClass string            `json:"storageClass" yaml:"storageClass" enum:"STANDARD|NEARLINE|COLDLINE|ARCHIVE" doc:"The objects' storage class; absent: the bucket's default."`
	KMSKey       string            `json:"kmsKey" yaml:"kmsKey" doc:"The key to encrypt with, projects/P/locations/L/keyRings/R/cryptoKeys/K; absent: the bucket's default."`

	Retention       driver.Retention `json:"-" yaml:"retention" doc:"What the bucket must guarantee; looked at when the daemon starts and by check --online."`
	Endpoint        string           `json:"-" yaml:"endpoint" doc:"Another address of the service: https://… (private, regional), or http://… of an emulator, which gets no credentials."`
	CredentialsFile string           `json:"-" yaml:"credentialsFile" doc:"A file of credentials; absent: those of the environment (workload identity, GOOGLE_APPLICATION_CREDENTIALS, gcloud)."`

	Proxy string        `json:"-" yaml:"proxy" doc:"http://HOST:PORT of a proxy; absent: HTTPS_PROXY, HTTP_PROXY and NO_PROXY of the environment."`
	TLS   transport.TLS `json:"-" yaml:"tls" doc:"Whom to trust, and who we are."`

	wrap func(http.RoundTripper) http.RoundTripper // around every request, for tests
}

// Defaults are the options before the configuration is decoded into them.
func Defaults() *Options {
	return &Options{Layout: layout.Spec{Name: "hourly"}, Compression: codec.Gzip}
}

// bucketName is the grammar of https://docs.cloud.google.com/storage/docs/buckets#naming, as far as a program should know it.
var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$`)

// kmsKey is the name of a key, without a version.
var kmsKey = regexp.MustCompile(`^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$`)

// maxPrefix leaves most of an object's name to the layout.
const maxPrefix = 256

// Validate judges each option.
func (o *Options) Validate() []driver.Problem {
	var problems []driver.Problem
	add := func(path, message, hint string) {
		problems = append(problems, driver.Problem{Path: path, Message: message, Hint: hint})
	}
	switch {
	case o.Bucket == "":
		add("bucket", "is required", "the bucket's name, without gs://")
	case !bucketName.MatchString(o.Bucket):
		add("bucket", fmt.Sprintf("%q is no bucket's name", o.Bucket), "3 to 222 lower-case letters, digits, - _ and dots, without gs://")
	}
	if message := prefixMistake(o.Prefix); message != "" {
		add("prefix", message, "folders joined by /, for instance audit/prod")
	}
	switch o.StorageClass {
	case "", "STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE":
	default:
		add("storageClass", fmt.Sprintf("unknown storage class %q", o.StorageClass), "one of STANDARD, NEARLINE, COLDLINE, ARCHIVE")
	}
	if o.KMSKey != "" && !kmsKey.MatchString(o.KMSKey) {
		add("kmsKey", "is not the name of a key", "projects/P/locations/L/keyRings/R/cryptoKeys/K, without a version")
	}
	if u, err := url.Parse(o.Endpoint); o.Endpoint != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil) {
		add("endpoint", "is not an address of the service", "https://HOST or http://HOST:PORT")
	}
	problems = append(problems, o.way().Problems()...)
	problems = append(problems, o.Layout.Problems()...)
	return append(problems, codec.Problems(o.Format, o.Compression, o.Columns)...)
}

func (o *Options) way() transport.Way { return transport.Way{Proxy: o.Proxy, TLS: o.TLS} }

func prefixMistake(prefix string) string {
	if len(prefix) > maxPrefix {
		return fmt.Sprintf("is longer than %d bytes", maxPrefix)
	}
	if !utf8.ValidString(prefix) || strings.ContainsFunc(prefix, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "holds control characters or is not UTF-8"
	}
	if strings.Trim(prefix, "/") == "" {
		return ""
	}
	for part := range strings.SplitSeq(strings.Trim(prefix, "/"), "/") {
		switch part {
		case "", ".", "..", manifestFolder:
			return fmt.Sprintf("holds a folder named %q", part)
		}
	}
	return ""
}

// folder is the prefix with its last "/", or nothing.
func (o *Options) folder() string {
	if p := strings.Trim(o.Prefix, "/"); p != "" {
		return p + "/"
	}
	return ""
}

// Destination is gs://bucket/prefix/.
func (o *Options) Destination() string {
	return (&url.URL{Scheme: "gs", Host: o.Bucket, Path: "/" + o.folder()}).String()
}

// Open makes a driver. Nothing is asked of the service, not even for credentials: that is Write's to find out.
func (o *Options) Open(_ context.Context, as driver.To) (driver.Driver, error) {
	return open(*o, as), nil
}
