package gcs

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"sluice/sinks/driver"
	"sluice/sinks/gcs/gcstest"
)

// TestWithoutTheRightToRead: with create-only rights an existing name is our own only where it may be.
func TestWithoutTheRightToRead(t *testing.T) {
	for _, refusal := range []bool{false, true} {
		t.Run(fmt.Sprintf("taken answers 403: %v", refusal), func(t *testing.T) {
			server := start(t)
			server.CreateBucket(bucket, gcstest.Bucket{})
			server.SetRights(gcstest.ObjectCreator...)
			server.SetTakenAnswers403(refusal)
			u := unit("a/S.json", 3, 100)
			first := newDriver(t, server, usual)
			receipt, err := first.Write(t.Context(), &u)
			if err != nil || receipt.Existed {
				t.Fatalf("the first write: %+v, %v", receipt, err)
			}
			receipt.Existed = true
			if again, err := first.Write(t.Context(), &u); err != nil || again != receipt {
				t.Errorf("the same process: %+v, %v", again, err)
			}
			other := unit("a/S.json", 4, 100)
			if _, err := first.Write(t.Context(), &other); driver.CodeOf(err) != driver.Conflict {
				t.Errorf("other content of the same process: %v, want a conflict", err)
			}
			second := newDriver(t, server, usual)
			if _, err := second.Write(t.Context(), &u); driver.CodeOf(err) != driver.Conflict || !strings.Contains(err.Error(), "grant storage.objects.get") {
				t.Errorf("a fresh plan of another process: %v, want a conflict that says what to do", err)
			}
			u.Redo = true
			if again, err := newDriver(t, server, usual).Write(t.Context(), &u); err != nil || again != receipt {
				t.Errorf("a redo: %+v, %v", again, err)
			}
		})
	}
}

// TestReadableObjectsAreComparedAlways: also on a redo, and where the service says 403 for a name that is taken.
func TestReadableObjectsAreComparedAlways(t *testing.T) {
	server := start(t)
	server.CreateBucket(bucket, gcstest.Bucket{})
	server.SetRights("storage.objects.create", "storage.objects.get")
	server.SetTakenAnswers403(true)
	u, other := unit("a/S.json", 3, 100), unit("a/S.json", 4, 100)
	if _, err := newDriver(t, server, usual).Write(t.Context(), &u); err != nil {
		t.Fatal(err)
	}
	other.Redo = true
	if _, err := newDriver(t, server, usual).Write(t.Context(), &other); driver.CodeOf(err) != driver.Conflict {
		t.Errorf("other content at a redo: %v, want a conflict", err)
	}
	if receipt, err := newDriver(t, server, usual).Write(t.Context(), &u); err != nil || !receipt.Existed {
		t.Errorf("equal content: %+v, %v", receipt, err)
	}
}

// TestEqualBytesOfOtherEntries: the same text under other sequences is another unit.
func TestEqualBytesOfOtherEntries(t *testing.T) {
	server := start(t)
	server.CreateBucket(bucket, gcstest.Bucket{})
	u := unit("a/S.json", 3, 100)
	d := newDriver(t, server, usual)
	if _, err := d.Write(t.Context(), &u); err != nil {
		t.Fatal(err)
	}
	u.Refs[2].Seq++
	u.Digest = driver.Digest(u.Refs)
	if _, err := d.Write(t.Context(), &u); driver.CodeOf(err) != driver.Conflict {
		t.Errorf("got %v, want a conflict", err)
	}
}

// TestReportedChecksumIsCompared: an answer that tells of other bytes is no success; the retry looks at what stands there.
func TestReportedChecksumIsCompared(t *testing.T) {
	server := start(t)
	server.CreateBucket(bucket, gcstest.Bucket{})
	d := newDriver(t, server, usual)
	d.client.options.wrap = func(next http.RoundTripper) http.RoundTripper { return forger{next} }
	u := unit("a/S.json", 3, 100)
	if _, err := d.Write(t.Context(), &u); driver.CodeOf(err) != driver.Unavailable || !strings.Contains(err.Error(), "with CRC32C") {
		t.Errorf("got %v", err)
	}
	if receipt, err := d.Write(t.Context(), &u); err != nil || !receipt.Existed {
		t.Errorf("the retry: %+v, %v", receipt, err)
	}
}

// forger answers inserts with the checksum of nothing.
type forger struct{ next http.RoundTripper }

var checksum = regexp.MustCompile(`"crc32c":"[^"]*"`)

func (f forger) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := f.next.RoundTrip(req)
	if err != nil || req.Method != http.MethodPost {
		return resp, err
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(checksum.ReplaceAll(body, []byte(`"crc32c":"AAAAAA=="`))))
	resp.ContentLength = -1
	return resp, err
}

// TestWhatStandsThere: objects that this version did not write so.
func TestWhatStandsThere(t *testing.T) {
	u := unit("a/S.json", 3, 100)
	u.Codec = "json.gz"
	var lines, squeezed bytes.Buffer
	for _, ref := range u.Refs {
		lines.Write(append(ref.Raw, '\n'))
	}
	z, err := gzip.NewWriterLevel(&squeezed, gzip.BestCompression)
	if err == nil {
		_, err = z.Write(lines.Bytes())
	}
	if err = errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	plan, err := json.Marshal(driver.Found{Origin: u.Origin, Digest: u.Digest, Count: u.Count})
	if err != nil {
		t.Fatal(err)
	}
	ours := map[string]string{planKey: string(plan)}
	for name, c := range map[string]struct {
		object gcstest.Object
		code   driver.Code
		found  string
	}{
		"compressed by another version": {gcstest.Object{Content: squeezed.Bytes(), Metadata: ours}, -1, ""},
		"our plan, other content":       {gcstest.Object{Content: []byte("x"), Metadata: ours}, driver.Conflict, string(plan)},
		"foreign":                       {gcstest.Object{Content: squeezed.Bytes()}, driver.Conflict, ""},
		"a foreign plan":                {gcstest.Object{Content: squeezed.Bytes(), Metadata: map[string]string{planKey: "{"}}, driver.Conflict, ""},
	} {
		server := start(t)
		server.CreateBucket(bucket, gcstest.Bucket{})
		server.Place(bucket, "a/S.json", c.object)
		receipt, err := newDriver(t, server, usual).Write(t.Context(), &u)
		if c.code < 0 {
			if err != nil || !receipt.Existed || receipt.Bytes != int64(squeezed.Len()) {
				t.Errorf("%s: %+v, %v", name, receipt, err)
			}
			continue
		}
		var e *driver.Error
		if !errors.As(err, &e) || e.Code != c.code || string(e.Found) != c.found {
			t.Errorf("%s: %v, found %s", name, err, e.Found)
		}
	}
}

// TestErrorsSayWhatToDo: the code decides, the text helps.
func TestErrorsSayWhatToDo(t *testing.T) {
	u := unit("a/S.json", 3, 100)
	for name, c := range map[string]struct {
		fault gcstest.Fault
		code  driver.Code
		text  string
	}{
		"no rights":       {gcstest.Fault{Status: 403, Message: "does not have storage.objects.create access"}, driver.Misconfigured, "grant roles/storage.objectCreator on gs://bucket"},
		"no credentials":  {gcstest.Fault{Status: 401}, driver.Misconfigured, "give Sluice credentials"},
		"no bucket":       {gcstest.Fault{Status: 404, Message: "The specified bucket does not exist."}, driver.Misconfigured, "there is no bucket bucket"},
		"a bad name":      {gcstest.Fault{Status: 400, Message: "Invalid bucket name"}, driver.Misconfigured, "look at bucket"},
		"too large":       {gcstest.Fault{Status: 413}, driver.Misconfigured, "lower batch.bytes"},
		"bad checksum":    {gcstest.Fault{Status: 400, Message: "Provided CRC32C doesn't match calculated CRC32C"}, driver.Unavailable, ""},
		"rate limit":      {gcstest.Fault{Status: 403, Reason: "userRateLimitExceeded"}, driver.Unavailable, ""},
		"timeout":         {gcstest.Fault{Status: 408}, driver.Unavailable, ""},
		"too many":        {gcstest.Fault{Status: 429}, driver.Unavailable, ""},
		"broken":          {gcstest.Fault{Status: 502}, driver.Unavailable, ""},
		"a strange reply": {gcstest.Fault{Status: 418}, driver.Unknown, ""},
	} {
		for _, l := range []limits{usual, {memory: 10, chunk: 256 << 10}} {
			server := start(t)
			server.CreateBucket(bucket, gcstest.Bucket{})
			server.SetFault(func(gcstest.Call) gcstest.Fault { c.fault.Kind = gcstest.Status; return c.fault })
			_, err := newDriver(t, server, l).Write(t.Context(), &u)
			if driver.CodeOf(err) != c.code || !strings.Contains(fmt.Sprint(err), c.text) {
				t.Errorf("%s: %v, want %v with %q", name, err, c.code, c.text)
			}
			if calls := server.Calls(); len(calls) != 1 {
				t.Errorf("%s: %d calls: a driver does not retry", name, len(calls))
			}
		}
	}
}

func TestNobodyThere(t *testing.T) {
	server := start(t)
	server.Close()
	u := unit("a/S.json", 3, 100)
	if _, err := newDriver(t, server, usual).Write(t.Context(), &u); driver.CodeOf(err) != driver.Unavailable {
		t.Errorf("a closed port gives %v", err)
	}
}

// TestMissingCredentials: found out at Write, and again at the next one.
func TestMissingCredentials(t *testing.T) {
	t.Setenv("STORAGE_EMULATOR_HOST", "")
	o := Defaults()
	o.Bucket, o.CredentialsFile = bucket, "/does/not/exist.json"
	d, err := o.Open(t.Context(), driver.ToSink)
	if err != nil {
		t.Fatal(err)
	}
	u := unit("a/S.json", 1, 10)
	for range 2 {
		if _, err := d.Write(t.Context(), &u); driver.CodeOf(err) != driver.Misconfigured || !strings.Contains(err.Error(), "give Sluice credentials") {
			t.Errorf("got %v", err)
		}
	}
}
