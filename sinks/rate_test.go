package sinks_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/sinks"
	"sluice/sinks/driver"
)

// timed notes when each Write begins.
type timed struct {
	scripted
	mu     sync.Mutex
	zero   time.Time
	begins []time.Duration
	answer func(n int) (driver.Receipt, error)
}

func (d *timed) Write(context.Context, *driver.Unit) (driver.Receipt, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.begins = append(d.begins, time.Since(d.zero))
	if d.answer == nil {
		return driver.Receipt{}, nil
	}
	return d.answer(len(d.begins))
}

// entries makes a unit of n entries of 100 bytes.
func entries(n int) *driver.Unit {
	u := &driver.Unit{Name: "u"}
	for range n {
		u.Refs = append(u.Refs, driver.Ref{Raw: make([]byte, 100)})
	}
	return u
}

func seconds(s ...float64) (all []time.Duration) {
	for _, v := range s {
		all = append(all, time.Duration(v*float64(time.Second)))
	}
	return all
}

func TestRate(t *testing.T) {
	for name, c := range map[string]struct {
		rate  sinks.Rate
		units []int // entries of each; all at once
		want  []time.Duration
	}{
		"none":             {sinks.Rate{}, []int{5, 5}, seconds(0, 0)},
		"bytes":            {sinks.Rate{Bytes: 500}, []int{10, 10, 10}, seconds(0, 2, 4)},
		"entries":          {sinks.Rate{Entries: 4}, []int{10, 10}, seconds(0, 2.5)},
		"the lower counts": {sinks.Rate{Bytes: 1000, Entries: 4}, []int{10, 10}, seconds(0, 2.5)},
		"eight at once":    {sinks.Rate{Entries: 10}, []int{10, 10, 10, 10, 10, 10, 10, 10}, seconds(0, 1, 2, 3, 4, 5, 6, 7)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &timed{zero: time.Now()}
				s := sinks.New(d, sinks.Options{Rate: c.rate})
				var all sync.WaitGroup
				for _, n := range c.units {
					all.Go(func() {
						if _, err := s.Write(t.Context(), entries(n)); err != nil {
							t.Error(err)
						}
					})
				}
				all.Wait()
				if diff := cmp.Diff(c.want, d.begins); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// TestRateSavesNothingUp: after an idle hour one unit begins at once, and no more.
func TestRateSavesNothingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &timed{zero: time.Now()}
		s := sinks.New(d, sinks.Options{Rate: sinks.Rate{Entries: 1}})
		for range 2 {
			for range 2 {
				if _, err := s.Write(t.Context(), entries(10)); err != nil {
					t.Error(err)
				}
			}
			time.Sleep(time.Hour)
		}
		if diff := cmp.Diff(seconds(0, 10, 3610, 3620), d.begins); diff != "" {
			t.Error(diff)
		}
	})
}

// TestRateOfWhoGivesUp: a write that is given up while it waits has taken nothing, and a manifest never waits.
func TestRateOfWhoGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &timed{zero: time.Now()}
		s := sinks.New(d, sinks.Options{Rate: sinks.Rate{Entries: 1}})
		write := func(ctx context.Context, u *driver.Unit, want driver.Code) {
			if _, err := s.Write(ctx, u); driver.CodeOf(err) != want {
				t.Errorf("%v, want %v", err, want)
			}
		}
		write(t.Context(), entries(10), driver.Unknown)
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			write(ctx, entries(1000), driver.Canceled)
			cancel()
		}
		manifest := entries(1)
		manifest.To = driver.ToManifest
		write(t.Context(), manifest, driver.Unknown)
		write(t.Context(), entries(10), driver.Unknown)
		if diff := cmp.Diff(seconds(0, 6, 10), d.begins); diff != "" {
			t.Error(diff)
		}
	})
}

// TestRateOfARedo: units that stand there already cost nothing, so that a plan which is redone again and again comes to its end.
func TestRateOfARedo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &timed{zero: time.Now(), answer: func(n int) (driver.Receipt, error) { return driver.Receipt{Existed: n <= 3}, nil }}
		s := sinks.New(d, sinks.Options{Rate: sinks.Rate{Entries: 1}})
		for range 5 {
			if _, err := s.Write(t.Context(), entries(10)); err != nil {
				t.Error(err)
			}
		}
		if diff := cmp.Diff(seconds(0, 0, 0, 0, 10), d.begins); diff != "" {
			t.Error(diff)
		}
	})
}

// TestRateLeavesPatience: the time that a unit waits for its rate is not the destination's.
func TestRateLeavesPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &timed{zero: time.Now(), answer: func(n int) (driver.Receipt, error) {
			if n >= 2 && n <= 4 {
				return driver.Receipt{}, coded(driver.Unavailable)
			}
			return driver.Receipt{}, nil
		}}
		s := sinks.New(d, sinks.Options{Rate: sinks.Rate{Entries: 1}, Patience: 5 * time.Second, Jitter: func() float64 { return 1 }})
		for range 2 {
			if _, err := s.Write(t.Context(), entries(100)); err != nil {
				t.Error(err)
			}
		}
		if diff := cmp.Diff(seconds(0, 100, 200, 300, 400), d.begins); diff != "" {
			t.Error(diff)
		}
	})
}
