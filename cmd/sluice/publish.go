package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"sluice/configs"
	"sluice/pipeline/stream/jetstream"
)

// publishFlags are the flags of `sluice publish`.
type publishFlags struct {
	config, url, stream, format string
	output                      *outputFormat
}

func newPublishCommand() *cobra.Command {
	flags := publishFlags{format: "logentry"}
	cmd := &cobra.Command{
		Use:   "publish [-c FILE | --url URL] [--stream NAME] FILE…",
		Short: "Put log entries from files on the bus",
		Long: `Publish puts LogEntry JSON, one entry a line, on the stream that the daemon reads. It goes on behind what an
earlier run had published of a file, so that a second run publishes only what is new; a file whose beginning has changed
is published anew. '-' is the standard input, of which no progress is kept.

With -c it uses the configuration's bus; an embedded bus may be in use by the daemon or not. A restart of the server is
waited for, for 60 s. Lines that are not LogEntry JSON are published as they are: the daemon puts them into the dead letters.`,
		Example: `  sluice publish entries.jsonl
  sluice publish --url nats://bus.internal:4222 --stream LOGS audit-*.jsonl
  kubectl logs -f app | sluice publish -`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, files []string) error { return runPublish(cmd, flags, files) },
	}
	addConfigFlag(cmd, &flags.config)
	f := cmd.Flags()
	f.StringVar(&flags.url, "url", "", "server to use instead: nats://host:4222")
	f.StringVar(&flags.stream, "stream", "", "stream to publish on; needed when the configuration has several")
	f.StringVar(&flags.format, "format", flags.format, "form of the files' lines: logentry")
	cmd.MarkFlagsMutuallyExclusive("config", "url")
	flags.output = addOutputFlag(cmd)
	return cmd
}

func runPublish(cmd *cobra.Command, flags publishFlags, files []string) error {
	if flags.format != "logentry" {
		return fmt.Errorf("--format %q: only logentry works in this version; convert the entries to LogEntry JSON first", flags.format)
	}
	if err := readable(files); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	bus, stream, err := openForPublish(ctx, flags)
	if err != nil {
		return err
	}
	bar := newProgress(cmd.ErrOrStderr(), "publishing")
	all, err := publishFiles(ctx, bus, stream, files, cmd.InOrStdin(), showPublished(bar))
	bar.end()
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		err = errors.New("interrupted: the same command continues where this one stopped")
	}
	err = errors.Join(err, writePublished(cmd.OutOrStdout(), *flags.output, all), bus.Close())
	if err == nil && refused(all) {
		err = errors.New("some lines were left out: see the log above (the server's max_payload bounds a line)")
	}
	return err
}

// readable finds what cannot be opened before anything is published.
func readable(files []string) error {
	var all []error
	for _, name := range files {
		if name == "-" {
			continue
		}
		if info, err := os.Stat(name); err != nil {
			all = append(all, err)
		} else if info.IsDir() {
			all = append(all, fmt.Errorf("%s is a folder: name the files in it", name))
		}
	}
	return errors.Join(all...)
}

// openForPublish opens the bus and the stream that the flags mean.
func openForPublish(ctx context.Context, flags publishFlags) (bus *jetstream.Bus, s *jetstream.Stream, err error) {
	defer func() {
		if err != nil && bus != nil {
			err = errors.Join(err, bus.Close())
		}
	}()
	if flags.url != "" {
		if bus, err = jetstream.Open(ctx, jetstream.Options{URL: flags.url, Name: "sluice publish"}); err != nil {
			return bus, nil, fmt.Errorf("%w (does a NATS server run there?)", err)
		}
		if flags.stream == "" {
			flags.stream = defaultStream
		}
		// A stream on somebody's server is made by its configuration, not by a misspelled flag.
		if s, err = bus.Stream(ctx, jetstream.StreamConfig{Name: flags.stream, MustExist: true}); err != nil {
			err = fmt.Errorf("%w (make it with 'sluice run -c FILE', or name another with --stream)", err)
		}
		return bus, s, err
	}
	if _, err := os.Stat(flags.config); errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("%w ('sluice init' writes a configuration; --url publishes without one)", err)
	}
	cfg, err := configs.Load(flags.config, registry())
	if err != nil {
		return nil, nil, err
	}
	c, err := chooseStream(cfg.Bus.Streams, flags.stream)
	if err != nil {
		return nil, nil, err
	}
	if bus, err = attachBus(ctx, cfg.Bus); err != nil {
		return bus, nil, err
	}
	s, err = openStream(ctx, bus, c, cfg.Limits)
	return bus, s, err
}

// defaultStream is the stream's name where nobody says one.
const defaultStream = "LOGS"

func chooseStream(streams []configs.Stream, name string) (configs.Stream, error) {
	if name == "" && len(streams) == 1 {
		return streams[0], nil
	}
	var names []string
	for _, s := range streams {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return configs.Stream{}, fmt.Errorf("--stream %q: the configuration has %s", name, strings.Join(names, ", "))
}

func refused(all []published) bool {
	for _, p := range all {
		if p.Refused > 0 {
			return true
		}
	}
	return false
}

func writePublished(w io.Writer, format outputFormat, all []published) error {
	if format == outputJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(struct {
			Files []published `json:"files"`
		}{append([]published{}, all...)})
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "FILE\tENTRIES\tPUBLISHED\tALREADY THERE\tREFUSED")
	for _, p := range all {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\n", p.File, p.Entries, p.Published, p.AlreadyThere, p.Refused)
	}
	return t.Flush()
}

// showPublished puts the account of the present file on a progress line.
func showPublished(bar *progress) func(published) {
	return func(p published) {
		part := ""
		if p.size > 0 {
			part = fmt.Sprintf(", %d %%", 100*p.bytes/p.size)
		}
		bar.show(fmt.Sprintf("%s: %d entries%s", p.File, p.Entries, part))
	}
}
