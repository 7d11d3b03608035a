package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"sluice/pipeline/ledger"
	"sluice/sinks/driver"
)

// laneTable is the records of a lane as rows.
type laneTable struct {
	rows []laneRow
	open int // 1 + the row of the open plan; 0 = none in the table
}

// laneRow is one record. Counts of a plan stand in the row of the plan, not in that of its commit.
type laneRow struct {
	rev         ledger.Rev
	at          time.Time
	kind        ledger.Kind
	epoch       uint32
	first, last uint64
	counts      ledger.Counts
	units       []driver.Unit
	bytes       uint64
	state       string
}

// add takes the next record.
func (t *laneTable) add(rev ledger.Rev, r ledger.Record) error {
	if r.Kind == ledger.KindCheckpoint {
		return nil // it says nothing new
	}
	t.settle(r)
	row := laneRow{rev: rev, at: r.At, kind: r.Kind, epoch: r.Epoch}
	switch {
	case (r.Kind == ledger.KindPlan || r.Kind == ledger.KindAmend) && len(r.Open) > 0:
		p := r.Open[0]
		row.first, row.last, row.counts, row.units, row.state = p.First, p.Last, p.Counts, p.Units, "open"
		t.open = len(t.rows) + 1
	case r.Kind == ledger.KindOpen && r.Replay != nil:
		row.first, row.last = min(1, r.Replay.Total()), r.Replay.Total()
		row.state = fmt.Sprintf("replays the dead letters of records %d–%d and %d refused again %s", r.Replay.After+1, r.Replay.Through, r.Replay.Again, r.Replay.Why)
	case r.Kind == ledger.KindOpen && r.Backfill != nil:
		row.first, row.last = r.Backfill.From, r.Backfill.To
		row.state = "delivers what was not kept before " + r.Backfill.Why
	case r.Skip != nil:
		row.first, row.last, row.counts, row.state = r.Skip.First, r.Skip.Last, r.Skip.Counts, "nothing kept"
	case r.Loss != nil:
		row.first, row.last, row.state = r.Loss.From, r.Loss.To, fmt.Sprintf("%d messages lost: %s", r.Loss.Count, r.Loss.Reason)
	case r.Config != nil:
		row.first, row.state = r.Config.From, fmt.Sprintf("in force from there: %d routes", len(r.Config.Routes))
	case r.Act != nil:
		row.state = fmt.Sprintf("%s: %s %s", r.Act.Who, r.Act.What, r.Act.Why)
	case r.Commits != nil:
		row.first, row.last = r.Commits.First, r.Commits.Last
	default:
		row.state = fmt.Sprintf("cursor %d", r.Committed)
	}
	t.rows = append(t.rows, row)
	return nil
}

// settle says in the open plan's row what r does to it.
func (t *laneTable) settle(r ledger.Record) {
	if t.open == 0 {
		return
	}
	plan := &t.rows[t.open-1]
	switch {
	case r.Commits != nil:
		plan.state = "committed"
		for i, receipt := range r.Receipts {
			if i < len(plan.units) && plan.units[i].To != driver.ToDeadLetter {
				plan.bytes += uint64(receipt.Bytes)
			}
		}
	case r.Kind == ledger.KindAmend:
		plan.state = "amended"
	case len(r.Open) == 0:
		plan.state = "abandoned"
	default:
		return
	}
	t.open = 0
}

// write writes the table of a lane, of which the records up to skipped are left away.
func (t *laneTable) write(w io.Writer, lane string, skipped ledger.Rev) error {
	fmt.Fprintf(w, "lane %s\n", lane)
	if skipped > 0 {
		fmt.Fprintf(w, "(%d older records: --limit 0 shows all)\n", skipped)
	}
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(tw, "REV\tTIME\tKIND\tEPOCH\tFIRST–LAST\tEXAMINED\tKEPT\tNOT MATCHED\tEXCLUDED\tDEAD\tOBJECTS\tBYTES\tSTATE")
	for _, r := range t.rows {
		fmt.Fprintf(tw, "%d\t%s\t%s\t%d\t%s\t%s\t%s\n", r.rev, r.at.UTC().Format(time.RFC3339), r.kind, r.epoch, r.span(), r.account(), r.state)
	}
	return tw.Flush()
}

func (r *laneRow) span() string {
	switch {
	case r.first == 0:
		return "-"
	case r.last == 0:
		return fmt.Sprintf("%d–", r.first)
	}
	return fmt.Sprintf("%d–%d", r.first, r.last)
}

// account is the row's columns from EXAMINED to BYTES.
func (r *laneRow) account() string {
	if r.units == nil && r.counts.Messages == 0 {
		return "-\t-\t-\t-\t-\t-\t-"
	}
	objects := 0
	for i := range r.units {
		if r.units[i].To != driver.ToDeadLetter {
			objects++
		}
	}
	excluded := "-"
	if len(r.counts.Excluded) > 0 {
		excluded = excludedText(r.counts.Excluded, nil)
	}
	bytes := "-"
	if r.state == "committed" {
		bytes = fmt.Sprint(r.bytes)
	}
	return fmt.Sprintf("%d\t%d\t%d\t%s\t%d\t%d\t%s", r.counts.Examined, r.counts.Kept, r.counts.NotMatched, excluded, r.counts.Dead, objects, bytes)
}
