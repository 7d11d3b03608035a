package file

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFolderOf(t *testing.T) {
	tests := []struct{ lane, want string }{
		{"audit-archive/LOGS", "audit-archive@LOGS"},
		{"audit/LOGS/b1", "audit@LOGS@b1"},
		{"_stream/LOGS", "_stream@LOGS"},
		{"a.b/LOGS-0", "a.b@LOGS-0"},
		{"..", "%2E."},
		{"../x", "%2E.@x"},
		{"a@b%/ä", "a%40b%25@%C3%A4"},
		{"", ""},
		{strings.Repeat("x", 255), strings.Repeat("x", 255)},
		{strings.Repeat("x", 256), ""},
	}
	for _, test := range tests {
		got, err := folderOf(test.lane)
		if got != test.want || (err != nil) != (test.want == "") {
			t.Errorf("folderOf(%q) = %q, %v, want %q", test.lane, got, err, test.want)
		}
	}
	for _, folder := range []string{"", "..", ".git", "a b", "a%4", "a%zz", "a%2f", "a%61", "lost+found"} {
		if lane, ok := laneOf(folder); ok {
			t.Errorf("laneOf(%q) = %q, want none", folder, lane)
		}
	}
}

// Every lane has one folder, every folder at most one lane.
func FuzzFolderOf(f *testing.F) {
	for _, s := range []string{"a/LOGS", "a@LOGS", "..", "%2E", "a//b", "ä", "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if folder, err := folderOf(s); err == nil {
			if lane, ok := laneOf(folder); !ok || lane != s {
				t.Errorf("lane %q has the folder %q, which is that of %q, %v", s, folder, lane, ok)
			}
			if strings.ContainsAny(folder, "/\x00") || strings.HasPrefix(folder, ".") {
				t.Errorf("lane %q has the folder %q", s, folder)
			}
		}
		if lane, ok := laneOf(s); ok {
			if folder, err := folderOf(lane); err != nil || folder != s {
				t.Errorf("folder %q is lane %q's, whose folder is %q, %v", s, lane, folder, err)
			}
		}
	})
}

func TestParseLine(t *testing.T) {
	good := string(appendLine(nil, []byte(`{"v":1}`)))
	tests := map[string]string{
		"no line feed":   good[:len(good)-1],
		"nothing":        "\n",
		"one field":      "{}\n",
		"upper case CRC": strings.ToUpper(good[:8]) + good[8:],
		"padded length":  strings.Replace(good, " 7 ", " 07 ", 1),
		"wrong length":   strings.Replace(good, " 7 ", " 8 ", 1),
		"signed length":  strings.Replace(good, " 7 ", " +7 ", 1),
		"other record":   strings.Replace(good, "1", "2", 1),
		"longer":         strings.Replace(good, "}", "}\r", 1),
	}
	if _, err := parseLine([]byte(good)); err != nil || good == strings.ToUpper(good) {
		t.Errorf("%q: %v", good, err)
	}
	for name, line := range tests {
		if got, err := parseLine([]byte(line)); err == nil {
			t.Errorf("%s: %q is read as %q", name, line, got)
		}
	}
}

// Whatever is read as lines is written as the same bytes, the rest is said to be bad, and lines longer than the buffer are lines.
func FuzzEachLine(f *testing.F) {
	three := appendLine(appendLine(appendLine(nil, []byte("{}")), []byte(`{"v":1}`)), nil)
	f.Add(three)
	f.Add(three[:len(three)-1])
	f.Add(append([]byte("bad\n"), three...))
	f.Add(appendLine(appendLine(nil, bytes.Repeat([]byte("x"), 150_000)), nil))
	f.Fuzz(func(t *testing.T, content []byte) {
		var again []byte
		lines := 0
		good, err := eachLine(bytes.NewReader(content), func(n int, canonical []byte) error {
			lines++
			if n != lines {
				t.Errorf("line %d is given as %d", lines, n)
			}
			again = appendLine(again, canonical)
			return nil
		})
		if diff := cmp.Diff(string(content[:good]), string(again)); diff != "" {
			t.Errorf("the good lines (-there +again):\n%s", diff)
		}
		bad, ok := errors.AsType[*badLine](err)
		if ok != (good < int64(len(content))) || !ok && err != nil {
			t.Fatalf("%d of %d bytes are good, %v", good, len(content), err)
		}
		if ok {
			_, rest, _ := bytes.Cut(content[good:], []byte("\n"))
			if bad.last && len(rest) > 0 || !bad.last && len(rest) == 0 && bad.err != errLineFeed || bad.offset != good || bad.line != lines+1 {
				t.Errorf("bad line %+v after %d good ones and %d bytes, with %d bytes behind", bad, lines, good, len(rest))
			}
		}
	})
}
