package main

import (
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"
)

// commandGroup is one heading of `sluice --help` with the commands below it.
type commandGroup struct {
	id, title string
	commands  []func() *cobra.Command
}

// commandGroups is the one list of sub-commands.
var commandGroups = []commandGroup{
	{"start", "Start:", []func() *cobra.Command{
		newDemoCommand, newInitCommand, newCheckCommand, newSchemaCommand, newRunCommand, newStatusCommand,
	}},
	{"hand", "A person's hand on routes:", []func() *cobra.Command{
		newReloadCommand, newRouteCommand, newAbandonCommand, newReplayCommand, newBackfillCommand,
	}},
	{"entries", "Entries:", []func() *cobra.Command{newFilterCommand, newExplainCommand, newTestCommand, newDiffCommand, newPublishCommand}},
	{"audit", "Audit:", []func() *cobra.Command{newBalanceCommand, newLedgerCommand}},
	{"about", "About:", []func() *cobra.Command{newVersionCommand}},
}

// execute runs one command line and gives the exit code of exit.go. Results go to out, logs and errors to errOut.
func execute(args []string, in io.Reader, out, errOut io.Writer) int {
	root := newRootCommand()
	started := false
	setUp := root.PersistentPreRunE
	root.PersistentPreRunE = func(cmd *cobra.Command, args []string) error {
		if err := setUp(cmd, args); err != nil {
			return err
		}
		started = true
		return nil
	}
	root.SetArgs(protectQuery(args))
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	cmd, err := root.ExecuteC()
	if err != nil && !started { // cobra refused the command line before any command began
		err = usageError(fmt.Errorf("%w\nSee '%s --help'", err, cmd.CommandPath()))
	}
	return report(errOut, err)
}

// newRootCommand builds `sluice` with all its sub-commands. Only the root may have a PersistentPreRunE: cobra runs no more than one.
func newRootCommand() *cobra.Command {
	logs := logOptions{level: "info", format: "text"}
	root := &cobra.Command{
		Use:   "sluice",
		Short: "Route log entries from a stream to their destinations, exactly once",
		Long: `Sluice is a self-hosted log router. It reads LogEntry JSON from a stream, applies the filters and exclusions
of each route in the Cloud Logging query language, and delivers what remains to the route's sink.`,
		Example: `  sluice demo                                             the main job, in one command
  sluice filter 'severity>=ERROR' entries.jsonl           entries that match, like grep
  sluice explain -c sluice.yaml entries.jsonl             what each route would do with each entry
  sluice version -o json                                  what this binary is made of`,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return logs.apply(cmd.ErrOrStderr())
		},
	}
	root.PersistentFlags().StringVar(&logs.level, "log-level", logs.level, "least level of log lines on stderr: debug, info, warn or error")
	root.PersistentFlags().StringVar(&logs.format, "log-format", logs.format, "form of log lines on stderr: text or json")
	for _, group := range commandGroups {
		for i, build := range group.commands {
			if i == 0 {
				root.AddGroup(&cobra.Group{ID: group.id, Title: group.title})
			}
			cmd := build()
			cmd.GroupID = group.id
			root.AddCommand(cmd)
		}
	}
	root.SetHelpCommandGroupID("about")
	root.SetCompletionCommandGroupID("about")
	return root
}

// logOptions are the flags that say how the program logs.
type logOptions struct {
	level, format string
}

// apply makes the program's default logger, which writes to w.
func (o logOptions) apply(w io.Writer) error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(o.level)); err != nil {
		return fmt.Errorf("--log-level %q: want debug, info, warn or error", o.level)
	}
	options := &slog.HandlerOptions{Level: level}
	switch strings.ToLower(o.format) {
	case "text":
		slog.SetDefault(slog.New(slog.NewTextHandler(w, options)))
	case "json":
		slog.SetDefault(slog.New(slog.NewJSONHandler(w, options)))
	default:
		return fmt.Errorf("--log-format %q: want text or json", o.format)
	}
	return nil
}
