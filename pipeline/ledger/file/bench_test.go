package file

import (
	"fmt"
	"sync"
	"testing"

	"sluice/pipeline/ledger/ledgertest"
)

// BenchmarkAppend makes records durable in so many lanes at once; an op is one record.
func BenchmarkAppend(b *testing.B) {
	for _, lanes := range []int{1, 64, 1000} {
		b.Run(fmt.Sprintf("lanes=%d", lanes), func(b *testing.B) {
			l := mustOpen(b, b.TempDir())
			writers := make([]*ledgertest.Writer, lanes)
			for i := range writers {
				writers[i] = ledgertest.NewWriter(l, fmt.Sprintf("route-%d/LOGS", i))
				if _, err := writers[i].Fill(b.Context(), 1); err != nil {
					b.Fatal(err)
				}
			}
			records := make(chan struct{})
			var group sync.WaitGroup
			for _, w := range writers {
				group.Go(func() {
					for range records {
						if _, err := w.Append(b.Context(), w.Next()); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			for b.Loop() {
				records <- struct{}{}
			}
			close(records)
			group.Wait()
		})
	}
}

// BenchmarkLoad is the first Last of a lane with so many records today, as at a start.
func BenchmarkLoad(b *testing.B) {
	const records = 1440
	dir := b.TempDir()
	l := mustOpen(b, dir)
	if _, err := ledgertest.NewWriter(l, "a/LOGS").Fill(b.Context(), records); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		l.lane("a/LOGS").loaded = false
		if _, rev, err := l.Last(b.Context(), "a/LOGS"); err != nil || rev != records {
			b.Fatal(rev, err)
		}
	}
}
