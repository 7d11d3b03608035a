package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"sluice/pipeline/ledger"
)

// deadEntry is one dead letter that a replay would take up.
type deadEntry struct {
	Replay string `json:"replay"` // the lane that will deliver it
	Epoch  uint32 `json:"epoch"`
	Seq    uint64 `json:"seq"`
	Index  int32  `json:"index"`
	Reason string `json:"reason"`
	Unit   string `json:"unit"` // the dead letters that hold it
}

// listDead lists what a replay of the route would take up.
func listDead(ctx context.Context, config, route string, out io.Writer, format outputFormat) error {
	l, err := (&ledgerPlace{config: config}).open()
	if err != nil {
		return err
	}
	lanes, err := lanesOf(ctx, l, route)
	if err != nil {
		return err
	}
	entries := []deadEntry{}
	for _, lane := range lanes {
		_, stream, side := ledger.SplitLane(lane)
		if side != "" {
			continue
		}
		next, err := ledger.FindReplay(ctx, l, route, stream, 0)
		if err != nil {
			return err
		}
		entries = append(entries, deadOf(next)...)
	}
	if err := writeDead(out, route, entries, format); err != nil {
		return err
	}
	if len(entries) > 0 {
		return &exitError{code: exitNo}
	}
	return nil
}

// deadOf gives the entries of a replay that are not settled yet.
func deadOf(next ledger.NextReplay) []deadEntry {
	var entries []deadEntry
	for _, u := range next.Units {
		for _, r := range u.Entries {
			entries = append(entries, deadEntry{next.Lane, u.Epoch, r.Seq, r.Index, r.Reason, u.Unit.Name})
		}
	}
	return slices.Clip(entries[next.Done:])
}

func writeDead(out io.Writer, route string, entries []deadEntry, format outputFormat) error {
	if format == outputJSON {
		return json.NewEncoder(out).Encode(map[string]any{"deadLetters": entries})
	}
	if len(entries) == 0 {
		_, err := fmt.Fprintf(out, "%s: no dead letters to replay\n", route)
		return err
	}
	t := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "REPLAY\tEPOCH\tPOSITION\tDEAD LETTERS\tREASON")
	for _, e := range entries {
		fmt.Fprintf(t, "%s\t%d\t%d.%d\t%s\t%s\n", e.Replay, e.Epoch, e.Seq, e.Index, e.Unit, e.Reason)
	}
	return t.Flush()
}
