package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"github.com/spf13/cobra"

	"sluice/pipeline/ledger"
	"sluice/pipeline/ledger/file"
)

func newLedgerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ledger",
		Short: "Read the account of a route: every plan, write and commit",
		Long: `The ledger holds a chain of records for each lane, that is for each route and stream: what was about to be delivered, what was
delivered, what was skipped or lost. Each record holds the hash of the one before it. These commands only read; the daemon may
be running.`,
	}
	cmd.AddCommand(newLedgerShowCommand(), newLedgerExportCommand())
	return cmd
}

// ledgerRoute is what show and export ask for.
type ledgerRoute struct {
	ledgerPlace
	lane string
}

func (r *ledgerRoute) addFlags(cmd *cobra.Command) {
	r.ledgerPlace.addFlags(cmd)
	cmd.Flags().StringVar(&r.lane, "lane", "", "only this lane, as ROUTE/STREAM")
}

// lanes opens the ledger and gives the lanes to read.
func (r *ledgerRoute) lanes(ctx context.Context, route string) (*file.Reader, []string, error) {
	l, err := r.open()
	if err != nil {
		return nil, nil, err
	}
	lanes, err := lanesOf(ctx, l, route)
	if err != nil || r.lane == "" {
		return l, lanes, err
	}
	if !slices.Contains(lanes, r.lane) {
		return nil, nil, usageError(fmt.Errorf("--lane %s: route %s has %q", r.lane, route, lanes))
	}
	return l, []string{r.lane}, nil
}

func newLedgerShowCommand() *cobra.Command {
	var place ledgerRoute
	limit := 50
	cmd := &cobra.Command{
		Use:   "show ROUTE",
		Short: "Show a route's records, newest last",
		Long: `Shows one row for each record of each lane of ROUTE. A plan's row says what it was about to deliver, and its state what has
become of it: open, committed, amended (a later record takes its place) or abandoned. _stream is the "route" of the control
lanes, which hold the configuration revisions. With -o json each record is a JSON line, as it is stored.

Exit code: 0, or 1 when the ledger cannot be read or has nothing of ROUTE.`,
		Example: `  sluice ledger show audit-archive
  sluice ledger show audit-archive --limit 0 -o json | jq 'select(.kind=="loss")'
  sluice ledger show audit-archive --lane audit-archive/LOGS --ledger ./sluice-data/ledger`,
		Args: cobra.ExactArgs(1),
	}
	place.addFlags(cmd)
	cmd.Flags().IntVar(&limit, "limit", limit, "the newest so many records of each lane; 0 = all")
	format := addOutputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if limit < 0 {
			return usageError(fmt.Errorf("--limit %d: want 0 or more", limit))
		}
		l, lanes, err := place.lanes(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		for _, lane := range lanes {
			if err := showLane(cmd.Context(), l, lane, limit, cmd.OutOrStdout(), *format); err != nil {
				return err
			}
		}
		return nil
	}
	return cmd
}

// showLane writes the newest records of a lane.
func showLane(ctx context.Context, l ledger.Reader, lane string, limit int, out io.Writer, format outputFormat) error {
	_, last, err := l.Last(ctx, lane)
	if err != nil {
		return err
	}
	var from ledger.Rev
	if limit > 0 && last > ledger.Rev(limit) {
		from = last - ledger.Rev(limit)
	}
	if format == outputJSON {
		buffered := bufio.NewWriter(out)
		err := l.Scan(ctx, lane, from, func(_ ledger.Rev, r ledger.Record) error { return writeRecord(buffered, r) })
		return cmp.Or(buffered.Flush(), err)
	}
	var table laneTable
	// A plan's state needs the record behind it, never one before it: from is where the table may begin.
	if err := l.Scan(ctx, lane, from, table.add); err != nil {
		return err
	}
	return table.write(out, lane, from)
}

// writeRecord writes a record's canonical JSON as a line.
func writeRecord(w io.Writer, r ledger.Record) error {
	b, err := r.Marshal()
	if err != nil {
		return err
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

func newLedgerExportCommand() *cobra.Command {
	var place ledgerRoute
	cmd := &cobra.Command{
		Use:   "export ROUTE",
		Short: "Write a route's whole account as JSON lines, and verify it",
		Long: `Writes every record of every lane of ROUTE to stdout, oldest first, one canonical JSON a line. The sha256 of a line (without its
line feed) is the prev of the next record of that lane, so whoever keeps the export can check it without Sluice. A checkpoint
repeats what the records before it add up to; it stands in no chain.

The chain is verified on the way: hashes, ranges and counts; stderr says up to where it holds, and the hash that stands for all of it.

Exit code: 0 when the chain holds, 1 when it does not (stderr says where) or the ledger cannot be read.`,
		Example: `  sluice ledger export audit-archive > audit-archive.ledger.jsonl
  sluice ledger export audit-archive --lane audit-archive/LOGS | jq -c 'select(.kind=="plan") | .open[].units[].name'`,
		Args: cobra.ExactArgs(1),
	}
	place.addFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		l, lanes, err := place.lanes(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		return exportLanes(cmd.Context(), l, lanes, cmd.OutOrStdout())
	}
	return cmd
}

// exportLanes writes all records, also those behind a break: an auditor wants to see them too.
func exportLanes(ctx context.Context, l ledger.Reader, lanes []string, out io.Writer) error {
	var broken []error
	buffered := bufio.NewWriterSize(out, 1<<16)
	for _, lane := range lanes {
		auditor := ledger.NewAuditor(lane)
		var first error
		err := l.Scan(ctx, lane, 0, func(rev ledger.Rev, r ledger.Record) error {
			if first == nil {
				first = auditor.Add(rev, r)
			}
			return writeRecord(buffered, r)
		})
		if first = cmp.Or(first, err); first != nil {
			broken = append(broken, first)
			continue
		}
		account := auditor.Account()
		slog.Info("the chain holds", "lane", lane, "records", account.Rev, "committed", account.Committed, "head", account.Head)
	}
	if err := buffered.Flush(); err != nil {
		return fmt.Errorf("write the export: %w", err)
	}
	return errors.Join(broken...)
}
