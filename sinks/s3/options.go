// Package s3 delivers units as objects of Amazon S3, or of a store that speaks its protocol. An object is created once: each
// request that makes one visible carries `If-None-Match: *`, so a name that is taken answers 412, and what stands there is compared
// by the digest in its metadata. An object becomes visible whole or not at all, a multipart one at its CompleteMultipartUpload.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
//
// Stores that ignore the condition are found out by a probe (create.go). There a unit is written only after a look at its name, and
// a race of two writers is harmless because the plan fixes the bytes: both write the same.
//
// s3:PutObject suffices to deliver. With s3:GetObject what stands under a name is compared; without it, an existing name is taken
// for this sink's own only where this process, or the plan being redone, may have written it. docs/sinks.md says it for operators.
//
// Assumptions: the service is strongly consistent (https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel)
// and checks the CRC32C that is sent before an object is visible
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html); nobody else writes the metadata sluice-plan.
package s3

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

// Options are the S3 sink's part of the configuration. What is not pinned in plans has no JSON form.
type Options struct {
	Bucket       string            `json:"bucket" yaml:"bucket" required:"true" doc:"The bucket, which must exist."`
	Prefix       string            `json:"prefix" yaml:"prefix" doc:"Folders below which all objects stand; absent: the whole bucket."`
	Layout       layout.Spec       `json:"layout" yaml:"layout" doc:"How objects are named."`
	Compression  codec.Compression `json:"compression" yaml:"compression" doc:"How objects are compressed."`
	Format       codec.Format      `json:"format,omitempty" yaml:"format" enum:"json|csv|parquet" doc:"What objects hold; absent: json, entries as lines."`
	Columns      codec.Columns     `json:"columns,omitempty" yaml:"columns" doc:"Of csv and parquet: [timestamp, {actor: EXPRESSION}] chooses them, {actor: EXPRESSION} adds to the default ones."`
	StorageClass string            `json:"storageClass" yaml:"storageClass" enum:"STANDARD|STANDARD_IA|ONEZONE_IA|INTELLIGENT_TIERING|GLACIER_IR|GLACIER|DEEP_ARCHIVE|REDUCED_REDUNDANCY" doc:"The objects' storage class; absent: STANDARD."`
	SSE          string            `json:"sse" yaml:"sse" enum:"AES256|aws:kms|aws:kms:dsse" doc:"How the service encrypts the objects; absent: as the bucket does by default."`
	KMSKey       string            `json:"kmsKey" yaml:"kmsKey" doc:"The key of sse aws:kms, by its ARN, id or alias; absent: the account's own for S3."`

	Create              Create `json:"-" yaml:"create" enum:"probe|createOnly|overwrite" doc:"How a name is given only once: createOnly relies on If-None-Match, overwrite on the plan, for stores that lack it; probe finds out."`
	Region              string `json:"-" yaml:"region" doc:"The bucket's region; absent: the environment's, or us-east-1 with an endpoint."`
	Endpoint            string `json:"-" yaml:"endpoint" doc:"Another address: https://… of a private link or another store."`
	PathStyle           bool   `json:"-" yaml:"pathStyle" doc:"The bucket stands in the path and not in the host's name, as some stores need it."`
	ExpectedBucketOwner string `json:"-" yaml:"expectedBucketOwner" doc:"The account, 12 digits, that must own the bucket; else the service refuses."`
	ACL                 string `json:"-" yaml:"acl" enum:"bucket-owner-full-control" doc:"For a bucket of another account that does not own all its objects anyway."`
	Profile             string `json:"-" yaml:"profile" doc:"A profile of the shared configuration files; absent: AWS_PROFILE or default."`
	CredentialsFile     string `json:"-" yaml:"credentialsFile" doc:"A shared credentials file, which may change; absent: the credentials of the environment."`
	RoleARN             string `json:"-" yaml:"roleArn" doc:"A role to assume with those credentials, as of another account."`
	ExternalID          string `json:"-" yaml:"externalId" doc:"The external id that the role's trust policy asks for."`

	Retention driver.Retention `json:"-" yaml:"retention" doc:"What the bucket's Object Lock must guarantee; looked at when the daemon starts and by check --online."`

	Proxy string        `json:"-" yaml:"proxy" doc:"http://HOST:PORT of a proxy; absent: HTTPS_PROXY, HTTP_PROXY and NO_PROXY of the environment."`
	TLS   transport.TLS `json:"-" yaml:"tls" doc:"Whom to trust, and who we are."`

	wrap func(http.RoundTripper) http.RoundTripper // around every request, for tests
}

// Defaults are the options before the configuration is decoded into them.
func Defaults() *Options {
	return &Options{Layout: layout.Spec{Name: "hourly"}, Compression: codec.Gzip, Create: Probe}
}

var (
	// bucketName is the grammar of https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html, as far as a
	// program should know it; an ARN is an access point's.
	bucketName = regexp.MustCompile(`^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9]|arn:aws[a-z-]*:s3[a-z-]*:[^/]+[:/]accesspoint[:/].+)$`)
	roleARN    = regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$`)
	account    = regexp.MustCompile(`^[0-9]{12}$`)
)

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
		add("bucket", "is required", "the bucket's name, without s3://")
	case !bucketName.MatchString(o.Bucket):
		add("bucket", fmt.Sprintf("%q is no bucket's name", o.Bucket), "3 to 63 lower-case letters, digits, dashes and dots, without s3://")
	}
	if message := prefixMistake(o.Prefix); message != "" {
		add("prefix", message, "folders joined by /, for instance audit/prod")
	}
	problems = append(problems, o.Layout.Problems()...)
	problems = append(problems, codec.Problems(o.Format, o.Compression, o.Columns)...)
	for _, c := range []struct{ path, value, words string }{
		{"storageClass", o.StorageClass, "STANDARD STANDARD_IA ONEZONE_IA INTELLIGENT_TIERING GLACIER_IR GLACIER DEEP_ARCHIVE REDUCED_REDUNDANCY"},
		{"sse", o.SSE, "AES256 aws:kms aws:kms:dsse"},
		{"create", string(o.Create), "probe createOnly overwrite"},
		{"acl", o.ACL, "bucket-owner-full-control"},
	} {
		if c.value != "" && !oneOf(c.words, c.value) {
			add(c.path, fmt.Sprintf("unknown word %q", c.value), "one of "+strings.ReplaceAll(c.words, " ", ", "))
		}
	}
	if o.KMSKey != "" && !strings.HasPrefix(o.SSE, "aws:kms") {
		add("kmsKey", "is given without sse: aws:kms", "add sse: aws:kms")
	}
	if u, err := url.Parse(o.Endpoint); o.Endpoint != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil) {
		add("endpoint", "is not an address of the service", "https://HOST or http://HOST:PORT")
	}
	if o.ExpectedBucketOwner != "" && !account.MatchString(o.ExpectedBucketOwner) {
		add("expectedBucketOwner", "is not an account", "12 digits, in quotes")
	}
	if o.RoleARN != "" && !roleARN.MatchString(o.RoleARN) {
		add("roleArn", "is not the ARN of a role", "arn:aws:iam::123456789012:role/NAME")
	}
	if o.ExternalID != "" && o.RoleARN == "" {
		add("externalId", "is given without roleArn", "add roleArn")
	}
	return append(problems, o.way().Problems()...)
}

func (o *Options) way() transport.Way { return transport.Way{Proxy: o.Proxy, TLS: o.TLS} }

func oneOf(words, word string) bool {
	for w := range strings.FieldsSeq(words) {
		if w == word {
			return true
		}
	}
	return false
}

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
		case "", ".", "..", ownFolder:
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

// Destination is s3://bucket/prefix/.
func (o *Options) Destination() string {
	return (&url.URL{Scheme: "s3", Host: o.Bucket, Path: "/" + o.folder()}).String()
}

// Open makes a driver. Nothing is asked of the service, not even for credentials: that is Write's to find out.
func (o *Options) Open(_ context.Context, as driver.To) (driver.Driver, error) {
	return open(*o, as), nil
}
