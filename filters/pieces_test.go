package filters

import (
	"bytes"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// The sample of an entry must never change: plans that are redone rely on it.
func TestSampleIsStable(t *testing.T) {
	w := &Worker{}
	for text, want := range map[string]uint64{"": 0xef46db3751d8e999, "a": 0xd24ec4f1a98c6e5b, "abc": 0x44bc2cf5ad770999} {
		got, _ := w.hash(&datum{kind: textDatum, text: []byte(text)})
		if got != want {
			t.Errorf("hash of %q is %#x, want %#x (the reference values of xxHash64)", text, got, want)
		}
	}
	same, _ := w.hash(&datum{kind: numberDatum, number: 5, text: []byte("5.0")})
	if five, _ := w.hash(&datum{kind: numberDatum, number: 5, text: []byte("5")}); five != same {
		t.Error("5 and 5.0 are sampled apart")
	}
	long, _ := w.hash(&datum{kind: numberDatum, number: 1 << 53, text: []byte("9007199254740993")})
	if even, _ := w.hash(&datum{kind: numberDatum, number: 1 << 53, text: []byte("9007199254740992")}); even != long {
		t.Error("two spellings of one double are sampled apart")
	}
	if threshold(1) != 1<<64-1 || threshold(0.5) != 1<<63 || threshold(0.25) != 1<<62 {
		t.Error("thresholds are wrong")
	}
}

func TestAutomatonAgainstIndex(t *testing.T) {
	g := generator{Rand: rand.New(rand.NewPCG(11, 11))}
	word := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = "aabcé"[g.IntN(6)]
		}
		return string(b)
	}
	for range 300 {
		needles := map[string]int{}
		for range 1 + g.IntN(12) {
			if w := word(1 + g.IntN(5)); needles[w] == 0 {
				needles[w] = len(needles)
			}
		}
		needles = renumbered(needles)
		a := newAutomaton(needles)
		for range 20 {
			text := []byte(word(g.IntN(30)))
			if diff := cmp.Diff(foundByIndex(needles, text), foundBy(a, text, len(needles))); diff != "" {
				t.Fatalf("%v in %q (-want +got)\n%s", needles, text, diff)
			}
		}
	}
}

func renumbered(needles map[string]int) map[string]int {
	out := map[string]int{}
	for w := range needles {
		out[w] = len(out)
	}
	return out
}

func foundByIndex(needles map[string]int, text []byte) []bool {
	found := make([]bool, len(needles))
	for w, n := range needles {
		found[n] = bytes.Contains(text, []byte(w))
	}
	return found
}

func foundBy(a *automaton, text []byte, needles int) []bool {
	found := make([]bool, needles)
	state := uint32(0)
	for i := 0; i < len(text); i++ {
		if state == 0 {
			if i = a.skip(text, i); i == len(text) {
				break
			}
		}
		state = a.next[state+uint32(a.class[text[i]])]
		for s := state; s >= a.firstOutput; {
			o := a.output(s)
			if o.needle >= 0 {
				found[o.needle] = true
			}
			s = o.link
		}
	}
	return found
}

func TestRequiredWords(t *testing.T) {
	for pattern, want := range map[string][]string{
		`abc`:                {"abc"},
		`(?i)AbC`:            {"abc"},
		`^x+hello.*world!$`:  {"world!"},
		`/api/v[0-9]/items/`: {"/items/"},
		`foo(bar|baz)`:       {"foo"},
		`(?:one|two|three)`:  {"one", "wo", "hree"},
		`(?:one|t?)`:         nil,
		`(abc)*`:             nil,
		`(abcd){2,}`:         {"abcd"},
		`.*`:                 nil,
		`a`:                  nil,
	} {
		if diff := cmp.Diff(want, requiredWords(regexp.MustCompile(pattern))); diff != "" {
			t.Errorf("%s (-want +got)\n%s", pattern, diff)
		}
	}
}

func TestFold(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "abc": "abc", "ABCDEFGHIJ[Z]@z": "abcdefghij[z]@z", "Straße": "strasse", "ﬁ": "fi", "Å": "å", "Ａ１": "a1",
		"a\u00adb\u200bc\ufe0f": "abc", "ΑΣ": "ασ", "İ": "i̇", "K": "k", "\u0345": "ι",
	} {
		got := string(appendFolded([]byte("x"), []byte(text)))
		if got != "x"+want {
			t.Errorf("fold(%q) = %q, want %q", text, got[1:], want)
		}
		if again := string(appendFolded(nil, []byte(got[1:]))); again != got[1:] {
			t.Errorf("fold(%q) = %q is not stable: %q", text, got[1:], again)
		}
	}
	for c := range utf8.RuneSelf {
		text := strings.Repeat(string(rune(c)), 11)
		if got := string(appendFolded(nil, []byte(text))); got != strings.ToLower(text) {
			t.Errorf("fold(%q) = %q", text, got)
		}
		if n := foldedPrefix([]byte(text)); (n == len(text)) != (strings.ToLower(text) == text) || text[:n] != strings.ToLower(text[:n]) {
			t.Errorf("foldedPrefix(%q) = %d is wrong", text, n)
		}
	}
}

func TestInstantAgainstTime(t *testing.T) {
	for _, s := range []string{"2024-02-29T23:59:59.123456789Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59+23:59", "1969-12-31T23:59:59.5-01:30"} {
		want, err := time.Parse(time.RFC3339Nano, s)
		got, ok := parseInstant([]byte(s))
		if err != nil || !ok || got.sec != want.Unix() || int(got.nano) != want.Nanosecond() {
			t.Errorf("%s: %v %v, want %v", s, got, ok, want)
		}
	}
	day := time.Date(1899, 1, 1, 0, 0, 0, 0, time.UTC)
	for ; day.Year() < 2101; day = day.AddDate(0, 0, 1) {
		if got, ok := parseInstant([]byte(day.Format("2006-01-02"))); !ok || got.sec != day.Unix() {
			t.Fatalf("%v: %v %v", day, got, ok)
		}
	}
	for _, s := range []string{"", "2024", "2024-13-01", "2023-02-29", "2024-01-01T", "2024-01-01T24:00:00Z", "2024-01-01T10:60Z", "2024-01-01T10:00:00.Z",
		"2024-01-01T10:00:00+1", "2024-01-01 x", "20240101", "2024-1-1", "2024-01-01T10:00:00Zx", "0000-01-01"} {
		if got, ok := parseInstant([]byte(s)); ok {
			t.Errorf("%q is read as %v", s, got)
		}
	}
}

func TestDuration(t *testing.T) {
	for text, want := range map[string]int64{"3s": 3e9, "-1.5ms": -1.5e6, "+2us": 2000, "0.1h": 360e9, "7ns": 7, "0.0000000019s": 1, ".5s": 5e8, "1.m": 60e9,
		"0.00000000000027777777777777777777h": 0, "99999999999h": 1<<63 - 1, "0s": 0} {
		if got, ok := parseDuration(text); !ok || got != want {
			t.Errorf("%s = %d %v, want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "s", "3", "3 s", "1m3s", "3S", "1e3s", "--1s", "1.2.3s", ".s", "3d"} {
		if got, ok := parseDuration(text); ok {
			t.Errorf("%q is read as %d", text, got)
		}
	}
	for n, want := range map[int64]string{0: "0s", 32e8: "3.2s", -1: "-0.000000001s", -(1 << 63): "-9223372036.854775808s"} {
		if got := string(appendDuration(nil, n)); got != want {
			t.Errorf("%d is written %s, want %s", n, got, want)
		}
	}
}

func TestEscapesRoundTrip(t *testing.T) {
	g := newGenerator(3)
	for range 2000 {
		b := make([]byte, g.IntN(12))
		for i := range b {
			b[i] = `ab"\'*:.u0x17`[g.IntN(13)]
		}
		if got, _, ok := unescape(quoteText(string(b)), '"'); !ok || got[1:len(got)-1] != string(b) {
			t.Fatalf("%q is quoted as %s and read as %q", b, quoteText(string(b)), got)
		}
		pattern := string(b)
		if quoted := quoteExtract(pattern); unescapePattern(quoted[1:len(quoted)-1]) != pattern {
			t.Fatalf("%q is quoted as %s", pattern, quoted)
		}
	}
}

func TestDidYouMean(t *testing.T) {
	for word, want := range map[string]string{"sampel": "did you mean sample?", "regex_extract": "did you mean regexp_extract?", "xyzzy": "", "LOGID": "did you mean log_id?"} {
		if got := didYouMean(word, functionNames()); got != want {
			t.Errorf("%s: %q, want %q", word, got, want)
		}
	}
	if slices.Contains(functionNames(), "timezone") {
		t.Error("timezone is no term")
	}
}
