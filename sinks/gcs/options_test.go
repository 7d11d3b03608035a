package gcs

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/sinks/codec"
	"sluice/sinks/driver"
	"sluice/sinks/layout"
)

func TestValidate(t *testing.T) {
	for name, c := range map[string]struct {
		change func(o *Options)
		want   []string
	}{
		"defaults": {func(*Options) {}, nil},
		"everything": {func(o *Options) {
			o.Prefix, o.StorageClass, o.KMSKey, o.Endpoint = "/a/b/", "ARCHIVE", "projects/p/locations/l/keyRings/r/cryptoKeys/k", "http://127.0.0.1:1"
		}, nil},
		"no bucket":       {func(o *Options) { o.Bucket = "" }, []string{"bucket"}},
		"a URL":           {func(o *Options) { o.Bucket = "gs://acme" }, []string{"bucket"}},
		"climbing prefix": {func(o *Options) { o.Prefix = "a/../b" }, []string{"prefix"}},
		"our own prefix":  {func(o *Options) { o.Prefix = "a/_sluice" }, []string{"prefix"}},
		"empty folder":    {func(o *Options) { o.Prefix = "a//b" }, []string{"prefix"}},
		"control":         {func(o *Options) { o.Prefix = "a\nb" }, []string{"prefix"}},
		"long prefix":     {func(o *Options) { o.Prefix = strings.Repeat("a", 257) }, []string{"prefix"}},
		"five mistakes": {func(o *Options) {
			*o = Options{Bucket: "A", StorageClass: "cold", KMSKey: "k", Endpoint: "ftp://x", Layout: layout.Spec{Template: "{"}, Compression: "lzma"}
		}, []string{"bucket", "storageClass", "kmsKey", "endpoint", "layout.template", "compression"}},
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

// TestOnlyDeliveryIsPinned: credentials, endpoint and what is only looked at are no part of a plan.
func TestOnlyDeliveryIsPinned(t *testing.T) {
	o := Options{Bucket: "b", Prefix: "p", Layout: layout.Spec{Template: "{yyyy}"}, Compression: codec.Gzip, StorageClass: "ARCHIVE", KMSKey: "k",
		Endpoint: "http://secret", CredentialsFile: "/secret", Retention: driver.Retention{AtLeast: driver.Period(driver.Year), Locked: true}}
	got, err := json.Marshal(&o)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"bucket":"b","prefix":"p","layout":{"template":"{yyyy}"},"compression":"gzip","storageClass":"ARCHIVE","kmsKey":"k"}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestDestination(t *testing.T) {
	for prefix, want := range map[string]string{"": "gs://acme/", "/": "gs://acme/", "a": "gs://acme/a/", "/a/b/": "gs://acme/a/b/"} {
		if got := (&Options{Bucket: "acme", Prefix: prefix}).Destination(); got != want {
			t.Errorf("%q gives %s, want %s", prefix, got, want)
		}
	}
}

func TestObjectsCarryWhatIsConfigured(t *testing.T) {
	server := start(t)
	server.CreateBucket(bucket, gcstestBucket)
	o := Defaults()
	o.Bucket, o.Endpoint, o.Prefix, o.StorageClass = bucket, server.URL, "/audit/", "COLDLINE"
	u := unit("a/S.json.gz", 3, 100)
	u.Codec = "json.gz"
	if _, err := open(*o, "sink").Write(t.Context(), &u); err != nil {
		t.Fatal(err)
	}
	got, err := server.Object(bucket, "audit/a/S.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	plan := `{"origin":{"route":"route","stream":"LOGS","epoch":1,"first":1,"last":3,"decision":"","units":1},"digest":"` + u.Digest + `","count":3}`
	want := []string{"application/gzip", "COLDLINE", plan}
	if diff := cmp.Diff(want, []string{got.ContentType, got.StorageClass, got.Metadata[planKey]}); diff != "" {
		t.Error(diff)
	}
}

// TestNamesFitTheService: whatever an entry says, its object can be created.
func TestNamesFitTheService(t *testing.T) {
	o := Defaults()
	o.Bucket, o.Prefix = bucket, strings.Repeat("p", maxPrefix)
	d := open(*o, "sink")
	key := strings.Repeat(strings.Repeat("%C3%A9", 30)+"/", 16) + "2026"
	p, err := d.Plan(nil, batchOf(key, key+"x"))
	if err != nil {
		t.Fatal(err)
	}
	a, b := d.name(&p.Units[0]), d.name(&p.Units[1])
	if len(a) > maxName || len(b) > maxName || a == b || !strings.HasSuffix(a, "SLOGS-e1-00000000000000000001.json.gz") {
		t.Errorf("%d bytes: %s\n%d bytes: %s", len(a), a, len(b), b)
	}
}
