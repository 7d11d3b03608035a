package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"sluice/configs"
	"sluice/sinks/driver"
	"sluice/sinks/layout"
	"sluice/sinks/memory"
)

// heldOptions are those of a destination that does not answer until a file exists, for ever when none is named.
type heldOptions struct {
	Name  string `yaml:"name" json:"name"`
	Until string `yaml:"until" json:"until"`
}

func (o *heldOptions) Validate() []driver.Problem { return nil }
func (o *heldOptions) Destination() string        { return "held://" + o.Name + "/" }

func (o *heldOptions) Open(ctx context.Context, as driver.To) (driver.Driver, error) {
	under := memory.Defaults(o.Name)
	under.Layout = layout.Spec{Name: "hourly"}
	d, err := under.Open(ctx, as)
	return heldDriver{d, o.Until}, err
}

type heldDriver struct {
	driver.Driver
	until string
}

// Write waits for the file, then keeps the unit in memory.
func (d heldDriver) Write(ctx context.Context, u *driver.Unit) (driver.Receipt, error) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := os.Stat(d.until); d.until != "" && err == nil {
			return d.Driver.Write(ctx, u)
		}
		select {
		case <-ctx.Done():
			return driver.Receipt{}, &driver.Error{Code: driver.Canceled, Err: context.Cause(ctx)}
		case <-tick.C:
		}
	}
}

// heldMain is the command sluice-held: `sluice run` of ./sluice.yaml with the destination held beside the others. At SIGUSR1 it
// prints "routed" once every route has examined all that the stream then holds.
func heldMain() { os.Exit(report(os.Stderr, runHeld())) }

func runHeld() error {
	reg := registry()
	reg["held"] = func() driver.Options { return new(heldOptions) }
	cfg, err := configs.Load(defaultConfig, reg)
	if err != nil {
		return err
	}
	limitMemory(cfg.Memory)
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	d, err := openDaemon(stop, cfg, reg)
	if err != nil {
		return err
	}
	web, err := serveConsole(cfg.HTTP.Listen, d, &reloader{path: defaultConfig, daemon: d})
	if err != nil {
		return errors.Join(err, d.close())
	}
	go func() {
		for range asked {
			if d.router.WaitFor(stop) == nil {
				fmt.Println("routed")
			}
		}
	}()
	err = d.run(context.Background(), stop.Done())
	return errors.Join(err, web.Close(), d.close())
}
