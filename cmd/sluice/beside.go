package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"sluice/configs"
	"sluice/console"
	"sluice/pipeline"
	"sluice/pipeline/ledger/file"
)

// beside is a replay or a backfill: something that is delivered beside what routes deliver by themselves.
type beside struct {
	place  daemonPlace
	path   string // of the daemon's answer
	reason string
	report func(pipeline.SideStatus)
	here   func(context.Context, *pipeline.Router) error // the same without a daemon
}

// run asks the daemon; where none listens and none holds the ledger, this process delivers.
func (b beside) run(ctx context.Context) error {
	address := b.place.url
	var cfg *configs.Config
	if address == "" {
		var err error
		if cfg, err = configs.Load(b.place.config, registry()); err != nil {
			return err
		}
		if cfg.HTTP.Listen != "" {
			address = "http://" + cfg.HTTP.Listen
		}
	}
	if address != "" {
		err := b.ask(ctx, address+b.path)
		if cfg == nil || !isNobody(err) {
			return err
		}
	}
	d, err := openDaemon(ctx, cfg, registry())
	if errors.Is(err, file.ErrLocked) {
		return fmt.Errorf("a daemon runs and does not listen: set http: {listen: 127.0.0.1:8080} in its configuration, or stop it meanwhile: %w", err)
	}
	if err != nil {
		return err
	}
	err = d.router.RunBeside(ctx, func(ctx context.Context) error { return b.here(ctx, d.router) })
	return errors.Join(err, d.close())
}

// isNobody says whether nobody listens at an address.
func isNobody(err error) bool {
	dial, ok := errors.AsType[*net.OpError](err)
	return ok && dial.Op == "dial"
}

// ask tells the daemon to deliver, and reports what it says.
func (b beside) ask(ctx context.Context, address string) (err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(b.reason))
	if err != nil {
		return usageError(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("ask the daemon (is `sluice run` running?): %w", err)
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	if resp.StatusCode != http.StatusOK {
		answer, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // the status is what counts
		return fmt.Errorf("ask the daemon: %s: %s", resp.Status, strings.TrimSpace(string(answer)))
	}
	for lines := json.NewDecoder(resp.Body); ; {
		var line console.SideLine
		switch err := lines.Decode(&line); {
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("the daemon's answer broke off; what was begun goes on: %w", err)
		case line.Error != "":
			return errors.New(line.Error)
		case line.SideStatus != nil:
			b.report(*line.SideStatus)
		}
	}
}
