package gcs

import (
	"strings"
	"testing"

	"sluice/sinks/driver"
	"sluice/sinks/gcs/gcstest"
)

var gcstestBucket = gcstest.Bucket{}

func batchOf(keys ...string) *driver.Batch {
	b := &driver.Batch{Route: "r", Stream: "LOGS", Epoch: 1, First: 1, Last: 1}
	for _, key := range keys {
		b.Groups = append(b.Groups, driver.Group{Key: key, Refs: []driver.Ref{{Seq: 1, Raw: []byte("{}")}}})
	}
	return b
}

func TestAttest(t *testing.T) {
	const key, other = "projects/p/locations/l/keyRings/r/cryptoKeys/k", "projects/p/locations/l/keyRings/r/cryptoKeys/other"
	sixLocked := driver.Retention{AtLeast: driver.Period(6 * driver.Year), Locked: true}
	viewer := []string{"storage.objects.create", "storage.objects.get", "storage.buckets.get"}
	for name, c := range map[string]struct {
		bucket    gcstest.Bucket
		rights    []string
		retention driver.Retention
		key       string
		short     string // the findings that are not OK
	}{
		"locked, six years":           {gcstest.Bucket{Retention: 6 * driver.Year, Locked: true}, viewer, sixLocked, "", ""},
		"longer":                      {gcstest.Bucket{Retention: 7 * driver.Year, Locked: true}, viewer, sixLocked, "", ""},
		"not locked":                  {gcstest.Bucket{Retention: 6 * driver.Year}, viewer, sixLocked, "", "retention lock"},
		"shorter":                     {gcstest.Bucket{Retention: 6*driver.Year - driver.Day, Locked: true}, viewer, sixLocked, "", "retention period"},
		"no policy":                   {gcstest.Bucket{}, viewer, sixLocked, "", "retention period, retention lock"},
		"unlocked is enough":          {gcstest.Bucket{Retention: driver.Year, SoftDelete: 7 * driver.Day}, viewer, driver.Retention{AtLeast: driver.Period(driver.Year)}, "", ""},
		"unlocked, nothing undone":    {gcstest.Bucket{Retention: driver.Year}, viewer, driver.Retention{AtLeast: driver.Period(driver.Year)}, "", "soft delete"},
		"may delete":                  {gcstest.Bucket{Retention: 6 * driver.Year, Locked: true}, gcstest.AllRights, sixLocked, "", "storage.objects.delete"},
		"may delete, nobody minds":    {gcstest.Bucket{}, gcstest.AllRights, driver.Retention{}, "", ""},
		"may not create":              {gcstest.Bucket{}, []string{"storage.buckets.get"}, driver.Retention{}, "", "storage.objects.create"},
		"not to be seen":              {gcstest.Bucket{Retention: 6 * driver.Year, Locked: true}, gcstest.ObjectCreator, sixLocked, "", "bucket settings"},
		"not to be seen, nobody asks": {gcstest.Bucket{}, gcstest.ObjectCreator, driver.Retention{}, "", ""},
		"the key":                     {gcstest.Bucket{DefaultKey: key}, viewer, driver.Retention{}, key, ""},
		"another key":                 {gcstest.Bucket{DefaultKey: other}, viewer, driver.Retention{}, key, "default key"},
		"no key":                      {gcstest.Bucket{}, viewer, driver.Retention{}, key, "default key"},
		"no bucket":                   {gcstest.Bucket{Missing: true}, viewer, driver.Retention{}, "", "bucket"},
	} {
		server := start(t)
		server.CreateBucket(bucket, c.bucket)
		server.SetRights(c.rights...)
		o := Defaults()
		o.Bucket, o.Endpoint, o.Retention, o.KMSKey = bucket, server.URL, c.retention, c.key
		findings, err := o.Attest(t.Context())
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var short []string
		for _, f := range findings {
			if !f.OK {
				short = append(short, f.What)
			}
			if f.OK != (f.Remedy == "") || f.Have == "" || !f.OK && f.Want == "" {
				t.Errorf("%s: an unhelpful finding %+v", name, f)
			}
		}
		if got := strings.Join(short, ", "); got != c.short {
			t.Errorf("%s: short of %q, want %q", name, got, c.short)
		}
		if names := server.Names(bucket); names != nil {
			t.Errorf("%s: attesting wrote %v", name, names)
		}
	}
}

func TestAttestWithoutAnAnswer(t *testing.T) {
	server := start(t)
	server.Close()
	o := Defaults()
	o.Bucket, o.Endpoint = bucket, server.URL
	if findings, err := o.Attest(t.Context()); driver.CodeOf(err) != driver.Unavailable || findings != nil {
		t.Errorf("got %v, %v", findings, err)
	}
}
