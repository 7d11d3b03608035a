package s3

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/sinks/driver"
	"sluice/sinks/s3/s3test"
)

// TestWithoutTheRightToRead: with the right to put only, an existing name is our own only where it may be.
func TestWithoutTheRightToRead(t *testing.T) {
	for kind, l := range map[string]limits{"one request": usual, "parts": {memory: 10, part: 1000}} {
		t.Run(kind, func(t *testing.T) {
			server := start(t)
			server.CreateBucket(bucket, s3test.Bucket{})
			server.SetRights("s3:PutObject")
			u := unit("a/S.json", 30, 100)
			first := newDriver(t, server, l)
			receipt, err := first.Write(t.Context(), &u)
			if err != nil || receipt.Existed {
				t.Fatalf("the first write: %+v, %v", receipt, err)
			}
			receipt.Existed = true
			if again, err := first.Write(t.Context(), &u); err != nil || again != receipt {
				t.Errorf("the same process: %+v, %v", again, err)
			}
			other := unit("a/S.json", 31, 100)
			if _, err := first.Write(t.Context(), &other); driver.CodeOf(err) != driver.Conflict {
				t.Errorf("other content of the same process: %v, want a conflict", err)
			}
			if _, err := newDriver(t, server, l).Write(t.Context(), &u); driver.CodeOf(err) != driver.Conflict || !strings.Contains(err.Error(), "grant s3:GetObject") {
				t.Errorf("a fresh plan of another process: %v, want a conflict that says what to do", err)
			}
			u.Redo = true
			if again, err := newDriver(t, server, l).Write(t.Context(), &u); err != nil || again != receipt {
				t.Errorf("a redo: %+v, %v", again, err)
			}
		})
	}
}

// TestReadableObjectsAreComparedAlways: also on a redo; and equal text under other sequences is another unit.
func TestReadableObjectsAreComparedAlways(t *testing.T) {
	server := start(t)
	server.CreateBucket(bucket, s3test.Bucket{})
	u, other, shifted := unit("a/S.json", 3, 100), unit("a/S.json", 4, 100), unit("a/S.json", 3, 100)
	if _, err := newDriver(t, server, usual).Write(t.Context(), &u); err != nil {
		t.Fatal(err)
	}
	shifted.Refs[2].Seq++
	shifted.Digest = driver.Digest(shifted.Refs)
	for _, u := range []driver.Unit{other, shifted} {
		u.Redo = true
		if _, err := newDriver(t, server, usual).Write(t.Context(), &u); driver.CodeOf(err) != driver.Conflict {
			t.Errorf("other content at a redo: %v, want a conflict", err)
		}
	}
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
		object s3test.Object
		code   driver.Code
		found  string
	}{
		"compressed by another version": {s3test.Object{Content: squeezed.Bytes(), Metadata: ours}, -1, ""},
		"our plan, other content":       {s3test.Object{Content: []byte("x"), Metadata: ours}, driver.Conflict, string(plan)},
		"foreign":                       {s3test.Object{Content: squeezed.Bytes()}, driver.Conflict, ""},
		"a foreign plan":                {s3test.Object{Content: squeezed.Bytes(), Metadata: map[string]string{planKey: "{"}}, driver.Conflict, ""},
	} {
		server := start(t)
		server.CreateBucket(bucket, s3test.Bucket{})
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
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestErrorsSayWhatToDo: the code decides, the text helps.
func TestErrorsSayWhatToDo(t *testing.T) {
	u := unit("a/S.json", 30, 100)
	for _, c := range []struct {
		status int
		error  string
		code   driver.Code
		text   string
	}{
		{403, "AccessDenied", driver.Misconfigured, "grant s3:PutObject on s3://bucket/*"},
		{403, "AccessDenied", driver.Misconfigured, "s3:PutObjectAcl for acl, kms:GenerateDataKey"},
		{403, "InvalidAccessKeyId", driver.Misconfigured, "give Sluice credentials"},
		{400, "ExpiredToken", driver.Misconfigured, "give Sluice credentials"},
		{403, "RequestTimeTooSkewed", driver.Misconfigured, "clock"},
		{404, "NoSuchBucket", driver.Misconfigured, "there is no bucket bucket"},
		{301, "PermanentRedirect", driver.Misconfigured, "correct region"},
		{400, "AuthorizationHeaderMalformed", driver.Misconfigured, "correct region"},
		{400, "KMS.NotFoundException", driver.Misconfigured, "look at bucket"},
		{400, "EntityTooLarge", driver.Misconfigured, "lower batch.bytes"},
		{400, "BadDigest", driver.Unavailable, ""},
		{400, "RequestTimeout", driver.Unavailable, ""},
		{409, "ConditionalRequestConflict", driver.Unavailable, ""},
		{409, "OperationAborted", driver.Unavailable, ""},
		{404, "NoSuchUpload", driver.Unavailable, ""},
		{429, "TooManyRequests", driver.Unavailable, ""},
		{503, "SlowDown", driver.Unavailable, ""},
		{502, "", driver.Unavailable, ""},
		{418, "Teapot", driver.Unknown, ""},
	} {
		for _, l := range []limits{usual, {memory: 10, part: 1000}} {
			server := start(t)
			server.CreateBucket(bucket, s3test.Bucket{})
			server.SetFault(func(s3test.Call) s3test.Fault {
				return s3test.Fault{Kind: s3test.Status, Status: c.status, Code: c.error}
			})
			d := newDriver(t, server, l, func(o *Options) { o.Create, o.ACL, o.SSE = CreateOnly, "bucket-owner-full-control", "aws:kms" })
			_, err := d.Write(t.Context(), &u)
			if driver.CodeOf(err) != c.code || !strings.Contains(fmt.Sprint(err), c.text) {
				t.Errorf("%d %s: %v, want %v with %q", c.status, c.error, err, c.code, c.text)
			}
			if calls := server.Calls(); len(calls) != 1 {
				t.Errorf("%d %s: %d calls: a driver does not retry", c.status, c.error, len(calls))
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

// TestAnotherOwner: a bucket of the expected name and another account gets nothing.
func TestAnotherOwner(t *testing.T) {
	server := start(t)
	server.CreateBucket(bucket, s3test.Bucket{Owner: "111122223333"})
	u := unit("a/S.json", 30, 100)
	for _, l := range []limits{usual, {memory: 10, part: 1000}} {
		for _, create := range []Create{Probe, CreateOnly, Overwrite} {
			d := newDriver(t, server, l, func(o *Options) { o.ExpectedBucketOwner, o.Create = "444455556666", create })
			if _, err := d.Write(t.Context(), &u); driver.CodeOf(err) != driver.Misconfigured || !strings.Contains(err.Error(), "444455556666 owns the bucket") {
				t.Errorf("%s: %v", create, err)
			}
		}
	}
	if names := server.Names(bucket); names != nil || server.Uploads() != 0 {
		t.Errorf("the bucket got %v and %d uploads", names, server.Uploads())
	}
	ours := newDriver(t, server, limits{memory: 10, part: 1000}, func(o *Options) { o.ExpectedBucketOwner = "111122223333" })
	if _, err := ours.Write(t.Context(), &u); err != nil {
		t.Error(err)
	}
}

// TestCredentialsFileMayComeLateAndChange: found out at Write, again at the next one, and read anew once they are refused.
func TestCredentialsFileMayComeLateAndChange(t *testing.T) {
	server := start(t)
	server.CreateBucket(bucket, s3test.Bucket{})
	file := filepath.Join(t.TempDir(), "credentials")
	d := newDriver(t, server, usual, func(o *Options) { o.CredentialsFile = file })
	u := unit("a/S.json", 1, 10)
	for range 2 {
		if _, err := d.Write(t.Context(), &u); driver.CodeOf(err) != driver.Misconfigured || !strings.Contains(err.Error(), "give Sluice credentials") {
			t.Errorf("without the file: %v", err)
		}
	}
	write := func(key string) {
		if err := os.WriteFile(file, []byte("[default]\naws_access_key_id = "+key+"\naws_secret_access_key = secret-words\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("old")
	server.SetFault(func(c s3test.Call) s3test.Fault {
		if c.AccessKey == "old" {
			return s3test.Fault{Kind: s3test.Status, Status: 403, Code: "InvalidAccessKeyId"}
		}
		return s3test.Fault{}
	})
	if _, err := d.Write(t.Context(), &u); driver.CodeOf(err) != driver.Misconfigured || strings.Contains(err.Error(), "secret-words") {
		t.Errorf("with old keys: %v", err)
	}
	write("new")
	if _, err := d.Write(t.Context(), &u); err != nil {
		t.Errorf("with new keys: %v", err)
	}
}
