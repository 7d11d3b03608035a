package bigquery

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// wide is an object of n members, and each of them again in capitals.
func wide(n int) []byte {
	var members []string
	for _, key := range []string{"k%d", "K%d"} {
		for i := range n {
			members = append(members, fmt.Sprintf(`"`+key+`":%d`, i, i))
		}
	}
	return []byte("{" + strings.Join(members, ",") + "}")
}

// TestWideObject: of members with one column the first gets it, however many there are.
func TestWideObject(t *testing.T) {
	for _, n := range []int{1, fewFields - 1, fewFields, fewFields + 1, 100} {
		var aside []string
		s := &shaper{aside: func(_ string, key, _ []byte) { aside = append(aside, string(key)) }}
		fields, err := s.object(wide(n), "", false)
		if err != nil || len(fields) != n || len(aside) != n || !slices.ContainsFunc(aside, func(key string) bool { return key == fmt.Sprintf("K%d", n-1) }) {
			t.Errorf("%d: %d fields, aside %v, %v", n, len(fields), aside, err)
		}
	}
}

// BenchmarkWideObject: the time of a member does not grow with their number.
func BenchmarkWideObject(b *testing.B) {
	for _, n := range []int{10, 100, 1000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			raw := wide(n)
			s := &shaper{aside: func(string, []byte, []byte) {}}
			for b.Loop() {
				if _, err := s.object(raw, "", false); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(2*n), "ns/member")
		})
	}
}
