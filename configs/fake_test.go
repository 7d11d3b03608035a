package configs

import (
	"context"
	"errors"
	"net/url"
	"path"
	"time"

	"sluice/sinks"
	"sluice/sinks/driver"
)

// fakeOptions has the keys of the file sink and one of every kind of option that a sink may have.
type fakeOptions struct {
	Dir         string            `yaml:"dir" json:"dir"`
	Layout      fakeLayout        `yaml:"layout" json:"layout"`
	Compression string            `yaml:"compression" json:"compression"`
	Token       driver.Secret     `yaml:"token" json:"-"`
	Timeout     time.Duration     `yaml:"timeout" json:"-" min:"1s"`
	Part        int64             `yaml:"part" json:"part" size:"true"`
	Ratio       float64           `yaml:"ratio" json:"ratio"`
	Level       int               `yaml:"level" json:"level" max:"9"`
	Small       uint8             `yaml:"small" json:"small"`
	Tags        map[string]string `yaml:"tags" json:"tags,omitempty"`
	Mode        fakeMode          `yaml:"mode" json:"mode"`
}

// fakeLayout reads its YAML itself.
type fakeLayout struct{ name string }

func (l *fakeLayout) UnmarshalYAML(decode func(any) error) error { return decode(&l.name) }
func (l fakeLayout) MarshalText() ([]byte, error)                { return []byte(l.name), nil }
func (l *fakeLayout) UnmarshalJSON(b []byte) error {
	l.name = string(b[1 : len(b)-1])
	return nil
}

// fakeMode reads text itself.
type fakeMode string

func (m *fakeMode) UnmarshalText(b []byte) error {
	if string(b) == "bad" {
		return errors.New("mode bad is bad")
	}
	*m = fakeMode(b)
	return nil
}

func newFake() driver.Options {
	return &fakeOptions{Layout: fakeLayout{"hourly"}, Compression: "none", Timeout: 30 * time.Second}
}

func (o *fakeOptions) Validate() []driver.Problem {
	var problems []driver.Problem
	if o.Dir == "" {
		problems = append(problems, driver.Problem{Path: "dir", Message: "is required", Hint: "the folder to write into"})
	}
	if o.Layout.name != "hourly" && o.Layout.name != "databricks" {
		problems = append(problems, driver.Problem{Path: "layout", Message: "unknown layout", Hint: "one of hourly, databricks"})
	}
	return problems
}

func (o *fakeOptions) Destination() string {
	if o.Dir == "" {
		return ""
	}
	return (&url.URL{Scheme: "fake", Path: path.Join("/cwd", o.Dir) + "/"}).String()
}

func (o *fakeOptions) Open(context.Context, driver.To) (driver.Driver, error) {
	return nil, errors.New("a fake opens nothing")
}

// fakeColumns reads its YAML itself, and takes anything.
type fakeColumns struct{ any }

func (c *fakeColumns) UnmarshalYAML(decode func(any) error) error { return decode(&c.any) }

// fakeBucket has the keys of the gcs sink; the options themselves are tested with it.
type fakeBucket struct {
	Bucket string `yaml:"bucket" json:"bucket" required:"true"`
	Prefix string `yaml:"prefix" json:"prefix"`
	Layout struct {
		Template string `yaml:"template"`
	} `yaml:"layout" json:"layout"`
	Compression  string      `yaml:"compression" json:"compression"`
	Format       string      `yaml:"format" json:"format"`
	Columns      fakeColumns `yaml:"columns" json:"columns"`
	StorageClass string      `yaml:"storageClass" json:"storageClass" enum:"STANDARD|ARCHIVE"`
	KMSKey       string      `yaml:"kmsKey" json:"kmsKey"`
	Retention    struct {
		AtLeast string `yaml:"atLeast"`
		Locked  bool   `yaml:"locked"`
	} `yaml:"retention" json:"-"`
}

func (o *fakeBucket) Validate() []driver.Problem { return nil }
func (o *fakeBucket) Destination() string        { return "fake://" + o.Bucket + "/" + o.Prefix + "/" }
func (o *fakeBucket) Open(context.Context, driver.To) (driver.Driver, error) {
	return nil, errors.New("a fake opens nothing")
}

// fakeReceiver has those keys of the http sink that examples use. Routes may share it.
type fakeReceiver struct {
	URL         string            `yaml:"url" json:"url" required:"true"`
	Query       map[string]string `yaml:"query" json:"query"`
	Body        string            `yaml:"body" json:"body"`
	Compression string            `yaml:"compression" json:"compression"`
	MaxBytes    int               `yaml:"maxBytes" json:"maxBytes" size:"true"`
	HeaderFiles map[string]string `yaml:"headerFiles" json:"-"`
	TLS         struct {
		CA string `yaml:"ca"`
	} `yaml:"tls" json:"-"`
}

func (o *fakeReceiver) Validate() []driver.Problem { return nil }
func (o *fakeReceiver) Destination() string        { return "" }
func (o *fakeReceiver) Open(context.Context, driver.To) (driver.Driver, error) {
	return nil, errors.New("a fake opens nothing")
}

// fakeS3 has the keys of the s3 sink that an example uses.
type fakeS3 struct {
	Bucket              string      `yaml:"bucket" json:"bucket" required:"true"`
	Prefix              string      `yaml:"prefix" json:"prefix"`
	Region              string      `yaml:"region" json:"-"`
	Layout              string      `yaml:"layout" json:"layout"`
	Compression         string      `yaml:"compression" json:"compression"`
	Format              string      `yaml:"format" json:"format"`
	Columns             fakeColumns `yaml:"columns" json:"columns"`
	ExpectedBucketOwner string      `yaml:"expectedBucketOwner" json:"-"`
	RoleARN             string      `yaml:"roleArn" json:"-"`
	ExternalID          string      `yaml:"externalId" json:"-"`
	SSE                 string      `yaml:"sse" json:"sse"`
	KMSKey              string      `yaml:"kmsKey" json:"kmsKey"`
	Endpoint            string      `yaml:"endpoint" json:"-"`
	PathStyle           bool        `yaml:"pathStyle" json:"-"`
	CredentialsFile     string      `yaml:"credentialsFile" json:"-"`
	Proxy               string      `yaml:"proxy" json:"-"`
	TLS                 struct {
		CA   string `yaml:"ca"`
		Cert string `yaml:"cert"`
		Key  string `yaml:"key"`
	} `yaml:"tls" json:"-"`
	Retention struct {
		AtLeast string `yaml:"atLeast"`
		Locked  bool   `yaml:"locked"`
	} `yaml:"retention" json:"-"`
}

func (o *fakeS3) Validate() []driver.Problem { return nil }
func (o *fakeS3) Destination() string        { return "fake://" + o.Bucket + "/" + o.Prefix + "/" }
func (o *fakeS3) Open(context.Context, driver.To) (driver.Driver, error) {
	return nil, errors.New("a fake opens nothing")
}

// fakeTable has those keys of the bigquery sink that an example uses.
type fakeTable struct {
	fakeTopic
	Project string                `yaml:"project" json:"project"`
	Dataset string                `yaml:"dataset" json:"dataset"`
	Table   string                `yaml:"table" json:"table"`
	Columns map[string]fakeColumn `yaml:"columns" json:"columns"`
}

// fakeColumn is a text or a mapping.
type fakeColumn struct{ any }

func (c *fakeColumn) UnmarshalYAML(decode func(any) error) error { return decode(&c.any) }

// fakeTopic has those keys of the pubsub sink that an example uses. Routes may share it.
type fakeTopic struct {
	Project     string `yaml:"project" json:"project" required:"true"`
	Topic       string `yaml:"topic" json:"topic" required:"true"`
	OrderingKey string `yaml:"orderingKey" json:"orderingKey"`
	Endpoint    string `yaml:"endpoint" json:"-"`
}

func (o *fakeTopic) Validate() []driver.Problem { return nil }
func (o *fakeTopic) Destination() string        { return "" }
func (o *fakeTopic) Open(context.Context, driver.To) (driver.Driver, error) {
	return nil, errors.New("a fake opens nothing")
}

// exampleFakes are for the examples, which use more kinds than the mistakes of testdata need.
var exampleFakes = sinks.Registry{"file": newFake, "gcs": func() driver.Options { return &fakeBucket{} },
	"http": func() driver.Options { return &fakeReceiver{} }, "pubsub": func() driver.Options { return &fakeTopic{} },
	"bigquery": func() driver.Options { return &fakeTable{} },
	"s3":       func() driver.Options { return &fakeS3{} }}

var fakes = sinks.Registry{"file": newFake}
