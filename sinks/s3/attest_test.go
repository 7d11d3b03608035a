package s3

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"sluice/sinks/driver"
	"sluice/sinks/s3/s3test"
)

func TestAttest(t *testing.T) {
	sixLocked := driver.Retention{AtLeast: driver.Period(6 * driver.Year), Locked: true}
	for name, c := range map[string]struct {
		bucket    s3test.Bucket
		blind     bool
		retention driver.Retention
		short     string // the findings that are not OK
	}{
		"compliance, six years":  {s3test.Bucket{Lock: "COMPLIANCE", Years: 6}, false, sixLocked, ""},
		"longer":                 {s3test.Bucket{Lock: "COMPLIANCE", Days: 2192}, false, sixLocked, ""},
		"a day less":             {s3test.Bucket{Lock: "COMPLIANCE", Days: 2191}, false, sixLocked, "default retention"},
		"governance":             {s3test.Bucket{Lock: "GOVERNANCE", Years: 6}, false, sixLocked, "retention mode"},
		"governance is enough":   {s3test.Bucket{Lock: "GOVERNANCE", Years: 6}, false, driver.Retention{AtLeast: driver.Period(driver.Year)}, ""},
		"no default":             {s3test.Bucket{Lock: "enabled"}, false, sixLocked, "default retention, retention mode"},
		"no Object Lock":         {s3test.Bucket{}, false, sixLocked, "default retention, retention mode"},
		"only to be locked":      {s3test.Bucket{Lock: "COMPLIANCE", Days: 1}, false, driver.Retention{Locked: true}, ""},
		"nothing demanded":       {s3test.Bucket{}, false, driver.Retention{}, ""},
		"not to be seen":         {s3test.Bucket{Lock: "COMPLIANCE", Years: 6}, true, sixLocked, "object lock"},
		"not seen, nobody asks":  {s3test.Bucket{}, true, driver.Retention{}, ""},
		"no bucket":              {s3test.Bucket{Missing: true}, false, sixLocked, "bucket"},
		"somebody else's bucket": {s3test.Bucket{Owner: "444455556666", Lock: "COMPLIANCE", Years: 6}, false, sixLocked, "object lock"},
	} {
		server := start(t)
		server.CreateBucket(bucket, c.bucket)
		if c.blind {
			server.SetRights("s3:PutObject")
		}
		o := Defaults()
		o.Bucket, o.Endpoint, o.PathStyle, o.Retention, o.ExpectedBucketOwner = bucket, server.URL, true, c.retention, "111122223333"
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
		if got := strings.Join(short, ", "); got != c.short || len(findings) == 0 {
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
	o.Bucket, o.Endpoint, o.PathStyle = bucket, server.URL, true
	if findings, err := o.Attest(t.Context()); driver.CodeOf(err) != driver.Unavailable || findings != nil {
		t.Errorf("got %v, %v", findings, err)
	}
}

// TestRemedy: the command that is suggested demands what was demanded.
func TestRemedy(t *testing.T) {
	for want, r := range map[string]driver.Retention{
		"Mode=COMPLIANCE,Years=6}": {AtLeast: driver.Period(6 * driver.Year), Locked: true}, "Mode=GOVERNANCE,Days=90}": {AtLeast: driver.Period(90 * driver.Day)},
		"Mode=COMPLIANCE,Days=1}": {Locked: true},
	} {
		o := Options{Bucket: bucket, Retention: r}
		if got := o.settings(types.DefaultRetention{})[0].Remedy; !strings.Contains(got, want) {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
