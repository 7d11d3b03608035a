package codec_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"sluice/sinks/codec"
	"sluice/sinks/driver"
)

var codecs = []codec.Codec{codec.JSON, codec.JSONGzip, codec.JSONZstd}

func refs(raws ...string) []driver.Ref {
	out := make([]driver.Ref, len(raws))
	for i, raw := range raws {
		out[i] = driver.Ref{Seq: uint64(i + 1), Raw: []byte(raw)}
	}
	return out
}

// many makes n entries of about 300 bytes.
func many(n int) []driver.Ref {
	out := make([]driver.Ref, n)
	for i := range out {
		out[i] = driver.Ref{Seq: uint64(i + 1), Raw: fmt.Appendf(nil,
			`{"logName":"projects/p/logs/cloudaudit.googleapis.com%%2Factivity","timestamp":"2026-03-01T12:%02d:%02d.%09dZ","insertId":"%x",`+
				`"severity":"NOTICE","protoPayload":{"methodName":"google.cloud.v1.Service.Create%d","authenticationInfo":{"principalEmail":"u%d@example.com"}}}`,
			i/60%60, i%60, i*7919, i*2654435761, i%7, i%97)}
	}
	return out
}

func encode(t testing.TB, c codec.Codec, refs []driver.Ref) ([]byte, driver.Receipt) {
	t.Helper()
	var b bytes.Buffer
	receipt, err := codec.Encode(t.Context(), &b, c, refs)
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), receipt
}

func lines(t testing.TB, c codec.Codec, stored []byte) []string {
	t.Helper()
	got := []string{}
	for line, err := range codec.Lines(bytes.NewReader(stored), c) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(line))
	}
	return got
}

func TestLineFeedsBecomeBlanksAndNothingElseChanges(t *testing.T) {
	in := refs("{\n\"a\":\n\n1}", "\n", "{\"b\":\"\\n\"}\r", "", "\xff\x00")
	want := []string{`{ "a":  1}`, " ", "{\"b\":\"\\n\"}\r", "", "\xff\x00"}
	for _, c := range codecs {
		stored, _ := encode(t, c, in)
		if diff := cmp.Diff(want, lines(t, c, stored)); diff != "" {
			t.Errorf("%s: %s", c, diff)
		}
	}
}

func TestReceiptTellsWhatIsStored(t *testing.T) {
	for _, c := range codecs {
		stored, receipt := encode(t, c, many(3000))
		want := driver.Receipt{Bytes: int64(len(stored)), CRC32C: crc32.Checksum(stored, crc32.MakeTable(crc32.Castagnoli))}
		if diff := cmp.Diff(want, receipt); diff != "" {
			t.Errorf("%s: %s", c, diff)
		}
		want.Existed = true
		got, equal, err := codec.Compare(t.Context(), bytes.NewReader(stored), c, many(3000))
		if diff := cmp.Diff(want, got); diff != "" || !equal || err != nil {
			t.Errorf("%s: compare: %v %v %s", c, equal, err, diff)
		}
	}
}

func TestEqualEntriesGiveEqualBytes(t *testing.T) {
	for _, c := range codecs {
		first, _ := encode(t, c, many(3000))
		for i := range 20 {
			encode(t, c, many(100*i)) // leaves other things in the pooled encoders
			again, _ := encode(t, c, many(3000))
			if !bytes.Equal(first, again) {
				t.Fatalf("%s: other bytes in round %d", c, i)
			}
		}
	}
}

func TestCompareSeesEveryDifference(t *testing.T) {
	const a, b = `{"a":1}`, `{"b":2}`
	for _, c := range codecs {
		stored, _ := encode(t, c, refs(a, b))
		flipped := bytes.Clone(stored)
		flipped[len(flipped)/2] ^= 1
		for _, row := range []struct {
			name   string
			stored []byte
			refs   []driver.Ref
		}{
			{"fewer", stored, refs(a)},
			{"more", stored, refs(a, b, b)},
			{"order", stored, refs(b, a)},
			{"none", stored, nil},
			{"one byte", stored, refs(a, `{"b":3}`)},
			{"split", stored, refs(`{"a":1`, "}", b)},
			{"cut off", stored[:len(stored)-1], refs(a, b)},
			{"flipped", flipped, refs(a, b)},
			{"tail", append(bytes.Clone(stored), 'x'), refs(a, b)},
			{"empty", nil, refs(a, b)},
			{"not of this codec", []byte("hello, world, hello, world"), refs(a, b)},
		} {
			if _, equal, err := codec.Compare(t.Context(), bytes.NewReader(row.stored), c, row.refs); equal || err != nil {
				t.Errorf("%s: %s: equal %v, %v", c, row.name, equal, err)
			}
		}
	}
}

func TestStorageErrorsAreNotDifferences(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range codecs {
		stored, _ := encode(t, c, many(2000))
		r := io.MultiReader(bytes.NewReader(stored[:len(stored)/2]), iotest.ErrReader(broken))
		if _, equal, err := codec.Compare(t.Context(), r, c, many(2000)); equal || !errors.Is(err, broken) {
			t.Errorf("%s: compare: %v %v", c, equal, err)
		}
		if _, err := codec.Encode(t.Context(), brokenWriter{broken}, c, many(2000)); !errors.Is(err, broken) {
			t.Errorf("%s: encode: %v", c, err)
		}
		encode(t, c, many(10)) // the pooled encoder forgot the error
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func TestEndedContextStops(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	cancel(why)
	if _, err := codec.Encode(ctx, io.Discard, codec.JSON, many(1)); !errors.Is(err, why) {
		t.Errorf("encode: %v", err)
	}
	if _, _, err := codec.Compare(ctx, strings.NewReader(""), codec.JSON, nil); !errors.Is(err, why) {
		t.Errorf("compare: %v", err)
	}
}

func TestUnknownCodec(t *testing.T) {
	want := codec.UnknownError{Codec: "json.br"}
	_, err := codec.Encode(t.Context(), io.Discard, "json.br", nil)
	if diff := cmp.Diff(error(want), err); diff != "" {
		t.Errorf("encode: %s", diff)
	}
	if _, _, err := codec.Compare(t.Context(), strings.NewReader(""), "json.br", nil); !errors.As(err, &want) {
		t.Errorf("compare: %v", err)
	}
}

func TestLastLineMustEnd(t *testing.T) {
	var got error
	for _, err := range codec.Lines(strings.NewReader("{}\n{"), codec.JSON) {
		got = err
	}
	if !errors.Is(got, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", got)
	}
}

// FuzzRoundTrip writes what it is given as two entries and reads it back.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("{\n}"), []byte("{}"))
	f.Add([]byte{}, []byte{0xff, '\n', '\r'})
	f.Fuzz(func(t *testing.T, a, b []byte) {
		in := refs(string(a), string(b))
		want := []string{strings.ReplaceAll(string(a), "\n", " "), strings.ReplaceAll(string(b), "\n", " ")}
		for _, c := range codecs {
			stored, _ := encode(t, c, in)
			if diff := cmp.Diff(want, lines(t, c, stored)); diff != "" {
				t.Errorf("%s: %s", c, diff)
			}
			if _, equal, err := codec.Compare(t.Context(), bytes.NewReader(stored), c, in); !equal || err != nil {
				t.Errorf("%s: compare: %v %v", c, equal, err)
			}
		}
	})
}

// FuzzForeign compares and reads foreign bytes: nothing may crash, and what is called equal must decode to the entry.
func FuzzForeign(f *testing.F) {
	for _, c := range codecs {
		var b bytes.Buffer
		if _, err := codec.Encode(context.Background(), &b, c, refs("{}")); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, stored []byte) {
		for _, c := range codecs {
			_, equal, err := codec.Compare(t.Context(), bytes.NewReader(stored), c, refs("{}"))
			if err != nil {
				t.Fatalf("%s: %v", c, err)
			}
			if equal && !cmp.Equal([]string{"{}"}, lines(t, c, stored)) {
				t.Errorf("%s: %x is not the entry", c, stored)
			}
		}
	})
}

func BenchmarkEncode50000(b *testing.B) {
	in := many(50_000)
	size := 0
	for i := range in {
		size += len(in[i].Raw) + 1
	}
	for _, c := range codecs {
		b.Run(string(c), func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			var receipt driver.Receipt
			for b.Loop() {
				var err error
				if receipt, err = codec.Encode(b.Context(), io.Discard, c, in); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(size)/float64(receipt.Bytes), "ratio")
		})
	}
}

func BenchmarkCompare50000(b *testing.B) {
	in := many(50_000)
	for _, c := range codecs {
		stored, _ := encode(b, c, in)
		b.Run(string(c), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, equal, err := codec.Compare(b.Context(), bytes.NewReader(stored), c, in); !equal || err != nil {
					b.Fatal(equal, err)
				}
			}
		})
	}
}
