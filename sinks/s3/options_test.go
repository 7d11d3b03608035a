package s3

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/sinks/codec"
	"sluice/sinks/driver"
	"sluice/sinks/layout"
	"sluice/sinks/s3/s3test"
)

func TestValidate(t *testing.T) {
	for name, c := range map[string]struct {
		change func(o *Options)
		want   []string
	}{
		"defaults": {func(*Options) {}, nil},
		"everything": {func(o *Options) {
			o.Prefix, o.StorageClass, o.SSE, o.KMSKey, o.Endpoint = "/a/b/", "GLACIER_IR", "aws:kms", "alias/audit", "http://127.0.0.1:1"
			o.Create, o.ExpectedBucketOwner, o.ACL = Overwrite, "111122223333", "bucket-owner-full-control"
			o.RoleARN, o.ExternalID = "arn:aws:iam::111122223333:role/writer", "x"
		}, nil},
		"access point":    {func(o *Options) { o.Bucket = "arn:aws:s3:eu-west-1:111122223333:accesspoint/audit" }, nil},
		"no bucket":       {func(o *Options) { o.Bucket = "" }, []string{"bucket"}},
		"a URL":           {func(o *Options) { o.Bucket = "s3://acme" }, []string{"bucket"}},
		"climbing prefix": {func(o *Options) { o.Prefix = "a/../b" }, []string{"prefix"}},
		"our own prefix":  {func(o *Options) { o.Prefix = "a/_sluice" }, []string{"prefix"}},
		"empty folder":    {func(o *Options) { o.Prefix = "a//b" }, []string{"prefix"}},
		"control":         {func(o *Options) { o.Prefix = "a\nb" }, []string{"prefix"}},
		"long prefix":     {func(o *Options) { o.Prefix = strings.Repeat("a", 257) }, []string{"prefix"}},
		"all mistakes": {func(o *Options) {
			*o = Options{Bucket: "A", StorageClass: "cold", KMSKey: "k", SSE: "rot13", Endpoint: "ftp://x", Create: "maybe", ACL: "public-read",
				ExpectedBucketOwner: "me", RoleARN: "role", Layout: layout.Spec{Template: "{"}, Compression: "lzma"}
		}, []string{"bucket", "layout.template", "compression", "storageClass", "sse", "create", "acl", "kmsKey", "endpoint", "expectedBucketOwner", "roleArn"}},
		"external id alone": {func(o *Options) { o.ExternalID = "x" }, []string{"externalId"}},
	} {
		o := Defaults()
		o.Bucket = "acme-audit"
		c.change(o)
		var got []string
		for _, p := range o.Validate() {
			got = append(got, p.Path)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestOnlyDeliveryIsPinned: who writes, over which address and how a name is guarded are no part of a plan.
func TestOnlyDeliveryIsPinned(t *testing.T) {
	o := Options{Bucket: "b", Prefix: "p", Layout: layout.Spec{Template: "{yyyy}"}, Compression: codec.Gzip, StorageClass: "GLACIER", SSE: "aws:kms", KMSKey: "k",
		Create: Overwrite, Region: "r", Endpoint: "http://secret", PathStyle: true, ExpectedBucketOwner: "1", ACL: "a", Profile: "p", CredentialsFile: "/secret",
		RoleARN: "secret", ExternalID: "secret", Retention: driver.Retention{Locked: true}}
	got, err := json.Marshal(&o)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"bucket":"b","prefix":"p","layout":{"template":"{yyyy}"},"compression":"gzip","storageClass":"GLACIER","sse":"aws:kms","kmsKey":"k"}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestDestination(t *testing.T) {
	for prefix, want := range map[string]string{"": "s3://acme/", "/": "s3://acme/", "a": "s3://acme/a/", "/a/b/": "s3://acme/a/b/"} {
		if got := (&Options{Bucket: "acme", Prefix: prefix}).Destination(); got != want {
			t.Errorf("%q gives %s, want %s", prefix, got, want)
		}
	}
}

// TestObjectsCarryWhatIsConfigured: in one request and in parts; what a header cannot hold is escaped.
func TestObjectsCarryWhatIsConfigured(t *testing.T) {
	for _, l := range []limits{usual, {memory: 10, part: 1000}} {
		server := start(t)
		server.CreateBucket(bucket, s3test.Bucket{})
		d := newDriver(t, server, l, func(o *Options) {
			o.Prefix, o.StorageClass, o.SSE, o.KMSKey, o.ACL = "/audit/", "GLACIER_IR", "aws:kms", "alias/audit", "bucket-owner-full-control"
		})
		u := unit("a/S.json.gz", 3, 100)
		u.Codec, u.Origin.Route = "json.gz", "straße 🚀"
		if _, err := d.Write(t.Context(), &u); err != nil {
			t.Fatal(err)
		}
		got, err := server.Object(bucket, "audit/a/S.json.gz")
		if err != nil {
			t.Fatal(err)
		}
		plan := `{"origin":{"route":"stra\u00dfe \ud83d\ude80","stream":"LOGS","epoch":1,"first":1,"last":3,"decision":"","units":1},"digest":"` + u.Digest + `","count":3}`
		var have []string
		for _, key := range []string{"Content-Type", "X-Amz-Storage-Class", "X-Amz-Server-Side-Encryption", "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id", "X-Amz-Acl"} {
			have = append(have, got.Header.Get(key))
		}
		want := []string{"application/gzip", "GLACIER_IR", "aws:kms", "alias/audit", "bucket-owner-full-control", plan}
		if diff := cmp.Diff(want, append(have, got.Metadata[planKey])); diff != "" {
			t.Error(diff)
		}
	}
}

// TestNamesFitTheService: whatever an entry says, its object can be created.
func TestNamesFitTheService(t *testing.T) {
	o := Defaults()
	o.Bucket, o.Prefix = bucket, strings.Repeat("p", maxPrefix)
	d := open(*o, driver.ToSink)
	key := strings.Repeat(strings.Repeat("%C3%A9", 30)+"/", 16) + "2026"
	b := &driver.Batch{Route: "r", Stream: "LOGS", Epoch: 1, First: 1, Last: 1}
	for _, key := range []string{key, key + "x"} {
		b.Groups = append(b.Groups, driver.Group{Key: key, Refs: []driver.Ref{{Seq: 1, Raw: []byte("{}")}}})
	}
	p, err := d.Plan(nil, b)
	if err != nil {
		t.Fatal(err)
	}
	one, two := *d.key(d.name(&p.Units[0])), *d.key(d.name(&p.Units[1]))
	if len(one) > maxName || len(two) > maxName || one == two || !strings.HasSuffix(one, "SLOGS-e1-00000000000000000001.json.gz") {
		t.Errorf("%d bytes: %s\n%d bytes: %s", len(one), one, len(two), two)
	}
}
