package sinks_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/logentry"
	"sluice/sinks"
	"sluice/sinks/driver"
	"sluice/sinks/memory"
	"sluice/sinks/sinktest"
)

// scripted answers each Write with the next of its errors, the last one for ever.
type scripted struct {
	write func(ctx context.Context, attempt int) error
	mu    sync.Mutex
	n     int
}

func (d *scripted) Write(ctx context.Context, _ *driver.Unit) (driver.Receipt, error) {
	d.mu.Lock()
	d.n++
	n := d.n
	d.mu.Unlock()
	if err := d.write(ctx, n); err != nil {
		return driver.Receipt{}, err
	}
	return driver.Receipt{Bytes: int64(n)}, nil
}

func (d *scripted) Properties() driver.Properties                         { return driver.Properties{Kind: "scripted"} }
func (d *scripted) Key(dst []byte, _ *logentry.Entry) []byte              { return append(dst, "key"...) }
func (d *scripted) Plan(driver.State, *driver.Batch) (driver.Plan, error) { return driver.Plan{}, nil }
func (d *scripted) Close() error                                          { return nil }
func (d *scripted) Prepare(_ context.Context, s driver.State) (driver.State, error) {
	return s, nil
}

func coded(c driver.Code) error { return &driver.Error{Code: c, Err: errors.New("cause")} }

func TestConformance(t *testing.T) {
	sinktest.Run(t, func(t testing.TB) sinktest.Harness {
		o := memory.Defaults("test")
		return sinktest.Harness{
			Open: func(steps *sinktest.Steps, as driver.To) (driver.Driver, error) {
				o.Store.SetStep(func(op, _ string, run func() error) error { return steps.Do(op, run) })
				d, err := o.Open(t.Context(), as)
				// No patience: the suite wants to see each error.
				return sinks.New(d, sinks.Options{Patience: 1}), err
			},
			Read: func() (map[string][]string, error) { return o.Store.Lines(), nil },
		}
	})
}

// TestRetries: which codes are tried again, and how long. The jitter is whole, so pauses are 200 ms, 400 ms, …, 10 s.
func TestRetries(t *testing.T) {
	for _, c := range []struct {
		name     string
		code     func(attempt int) error
		attempts int
		took     time.Duration
		want     driver.Code
	}{
		{"unavailable for ever", func(int) error { return coded(driver.Unavailable) }, 8, 22600 * time.Millisecond, driver.Unavailable},
		{"without a code", func(int) error { return errors.New("odd") }, 8, 22600 * time.Millisecond, driver.Unknown},
		{"misconfigured", func(int) error { return coded(driver.Misconfigured) }, 1, 0, driver.Misconfigured},
		{"rejected", func(int) error { return coded(driver.Rejected) }, 1, 0, driver.Rejected},
		{"conflict", func(int) error { return coded(driver.Conflict) }, 1, 0, driver.Conflict},
		{"misconfigured later", func(n int) error { return coded(driver.Code([]driver.Code{driver.Unknown, driver.Misconfigured}[n-1])) }, 2,
			200 * time.Millisecond, driver.Misconfigured},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := &scripted{write: func(_ context.Context, n int) error { return c.code(n) }}
			s := sinks.New(d, sinks.Options{Jitter: func() float64 { return 1 }})
			start := time.Now()
			_, err := s.Write(t.Context(), &driver.Unit{Name: "u"})
			if took := time.Since(start); d.n != c.attempts || took != c.took || driver.CodeOf(err) != c.want {
				t.Errorf("%s: %d attempts, %v, %v; want %d, %v, %v", c.name, d.n, took, err, c.attempts, c.took, c.want)
			}
		})
	}
}

func TestSuccessAfterFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &scripted{write: func(_ context.Context, n int) error {
			if n < 4 {
				return coded(driver.Unavailable)
			}
			return nil
		}}
		type attempt struct {
			Unit string
			R    driver.Receipt
			Code driver.Code
			OK   bool
			Took time.Duration
		}
		var seen []attempt
		s := sinks.New(d, sinks.Options{Jitter: func() float64 { return 0.5 }, Hooks: sinks.Hooks{
			OnAttempt: func(u *driver.Unit, r driver.Receipt, err error, took time.Duration) {
				seen = append(seen, attempt{u.Name, r, driver.CodeOf(err), err == nil, took})
			},
		}})
		start := time.Now()
		r, err := s.Write(t.Context(), &driver.Unit{Name: "u"})
		if err != nil || r.Bytes != 4 || time.Since(start) != 700*time.Millisecond {
			t.Errorf("%+v, %v after %v", r, err, time.Since(start))
		}
		failed := attempt{Unit: "u", Code: driver.Unavailable}
		want := []attempt{failed, failed, failed, {Unit: "u", R: driver.Receipt{Bytes: 4}, OK: true}}
		if diff := cmp.Diff(want, seen); diff != "" {
			t.Error(diff)
		}
	})
}

// TestDeadline: an attempt that hangs is ended, and is Unavailable to the caller, whose own context lives.
func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &scripted{write: func(ctx context.Context, _ int) error {
			<-ctx.Done()
			return &driver.Error{Code: driver.Canceled, Err: context.Cause(ctx)}
		}}
		s := sinks.New(d, sinks.Options{Deadline: 20 * time.Second, Jitter: func() float64 { return 0 }})
		start := time.Now()
		_, err := s.Write(t.Context(), &driver.Unit{})
		if driver.CodeOf(err) != driver.Unavailable || !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 40*time.Second || d.n != 2 {
			t.Errorf("%v after %v and %d attempts", err, time.Since(start), d.n)
		}
	})
}

// TestCanceled: wherever a Write is, it ends with its context.
func TestCanceled(t *testing.T) {
	for name, write := range map[string]func(ctx context.Context, n int) error{
		"in an attempt": func(ctx context.Context, _ int) error { <-ctx.Done(); return coded(driver.Canceled) },
		"in a pause":    func(context.Context, int) error { return coded(driver.Unavailable) },
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			s := sinks.New(&scripted{write: write}, sinks.Options{Jitter: func() float64 { return 1 }})
			start := time.Now()
			if _, err := s.Write(ctx, &driver.Unit{}); driver.CodeOf(err) != driver.Canceled || time.Since(start) != 3*time.Second {
				t.Errorf("%s: %v after %v", name, err, time.Since(start))
			}
		})
	}
}

// TestInFlight: never more than so many attempts at once, none lost, and who waits for a slot can be canceled.
func TestInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		now, most := 0, 0
		count := func(n int) { mu.Lock(); defer mu.Unlock(); now += n; most = max(most, now) }
		d := &scripted{write: func(context.Context, int) error {
			count(1)
			defer count(-1)
			<-time.After(time.Second)
			return nil
		}}
		s := sinks.New(d, sinks.Options{InFlight: 3})
		start := time.Now()
		var wait sync.WaitGroup
		for range 9 {
			wait.Go(func() {
				if _, err := s.Write(t.Context(), &driver.Unit{}); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := s.Write(ctx, &driver.Unit{}); driver.CodeOf(err) != driver.Canceled {
			t.Errorf("waiting for a slot: %v", err)
		}
		wait.Wait()
		if most != 3 || d.n != 9 || time.Since(start) != 3*time.Second {
			t.Errorf("at most %d at once, %d in all, %v", most, d.n, time.Since(start))
		}
	})
}

// TestJitterSpreads: the default jitter is random and stays within its bounds.
func TestJitterSpreads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pauses := make(map[time.Duration]bool)
		for range 20 {
			d := &scripted{write: func(_ context.Context, n int) error {
				if n == 1 {
					return coded(driver.Unknown)
				}
				return nil
			}}
			start := time.Now()
			if _, err := sinks.New(d, sinks.Options{}).Write(t.Context(), &driver.Unit{}); err != nil {
				t.Fatal(err)
			}
			if pause := time.Since(start); pause < 0 || pause >= 200*time.Millisecond {
				t.Fatal(fmt.Errorf("a pause of %v", pause))
			}
			pauses[time.Since(start)] = true
		}
		if len(pauses) < 10 {
			t.Errorf("only %d different pauses of 20", len(pauses))
		}
	})
}
