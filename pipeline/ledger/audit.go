package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"sluice/sinks/driver"
)

// Account is what a lane's chain adds up to.
type Account struct {
	Lane      string
	Rev       Rev    // of the last record; 0 = the lane is empty
	Head      string // its hash, which stands for the whole chain
	At        string // its time, RFC 3339
	Epoch     uint32
	Committed uint64 // every sequence of the epoch up to here is settled
	Open      bool   // a plan is open
	Tally     Tally
}

// Break is the first place where a lane's chain does not hold.
type Break struct {
	Lane   string
	Rev    Rev
	Reason string
}

// Error gives the lane, the record and what is wrong with it.
func (b *Break) Error() string {
	return fmt.Sprintf("lane %s, record %d: %s", b.Lane, b.Rev, b.Reason)
}

// Audit reads a lane's whole chain and checks that it holds: that each record is the one successor of the one before (chain), that
// plans, skips and losses tile the sequences of each epoch without gap or overlap (tiling), and that every entry is accounted for
// (accounting). The error is a *Break where it does not, or that of the reading; the account is that of the records before.
// Where old segments were archived, what their checkpoint says is taken on trust.
func Audit(ctx context.Context, l Reader, lane string) (Account, error) {
	a := NewAuditor(lane)
	err := l.Scan(ctx, lane, 0, a.Add)
	return a.Account(), err
}

// Auditor is Audit for whoever reads the records for another reason at the same time.
type Auditor struct {
	account Account
	open    []Plan // after the last record
}

// NewAuditor gives an auditor that has seen nothing of a lane.
func NewAuditor(lane string) *Auditor { return &Auditor{account: Account{Lane: lane}} }

// Account is what the records so far add up to.
func (a *Auditor) Account() Account { return a.account }

// Add takes the lane's next record, as Scan yields it from the start. The error is a *Break.
func (a *Auditor) Add(rev Rev, r Record) error {
	if err := a.add(rev, r); err != nil {
		return &Break{Lane: a.account.Lane, Rev: rev, Reason: err.Error()}
	}
	return nil
}

func (a *Auditor) add(rev Rev, r Record) error {
	if r.Lane != a.account.Lane {
		return fmt.Errorf("chain: it is a record of lane %s", r.Lane)
	}
	if r.N != uint64(rev) {
		return fmt.Errorf("chain: it says that it is record %d", r.N)
	}
	if r.Kind == KindCheckpoint {
		return a.addCheckpoint(r)
	}
	if err := r.Follows(a.account.Rev, a.account.Head); err != nil {
		return fmt.Errorf("chain: %w", err)
	}
	committed, err := a.tile(r)
	if err != nil {
		return fmt.Errorf("tiling: %w", err)
	}
	if err := a.checkCounts(r); err != nil {
		return fmt.Errorf("accounting: %w", err)
	}
	return a.take(r, committed)
}

// take moves on to r.
func (a *Auditor) take(r Record, committed uint64) error {
	head, err := r.Hash()
	if err != nil {
		return err
	}
	a.account.Rev, a.account.Head, a.account.At = Rev(r.N), head, r.At.Format("2006-01-02T15:04:05Z07:00")
	a.account.Epoch, a.account.Committed, a.account.Open = r.Epoch, committed, len(r.Open) > 0
	a.account.Tally.Add(r)
	a.open = r.Open
	return nil
}

// addCheckpoint compares a checkpoint with what came before it, or begins with it where nothing did.
func (a *Auditor) addCheckpoint(r Record) error {
	if r.Last == nil || r.Tally == nil {
		return errors.New("chain: the checkpoint is not whole")
	}
	head, err := r.Last.Hash()
	if err != nil {
		return err
	}
	if head != r.Prev || r.Last.N != r.N {
		return errors.New("chain: the checkpoint's last record is not the one it follows")
	}
	if a.account.Rev == 0 {
		if err := a.take(*r.Last, r.Last.Committed); err != nil {
			return err
		}
		a.account.Tally = Tally{}
		a.account.Tally.Add(r)
		return nil
	}
	if r.N != uint64(a.account.Rev) || head != a.account.Head {
		return errors.New("chain: the checkpoint follows another record")
	}
	mine, err := json.Marshal(a.account.Tally)
	if err != nil {
		return err
	}
	if its, err := json.Marshal(r.Tally); err != nil || !bytes.Equal(mine, its) {
		return fmt.Errorf("accounting: the checkpoint's account is %s, the records before it make %s", its, mine)
	}
	return nil
}

// tile gives the sequence up to which all is settled after r.
func (a *Auditor) tile(r Record) (uint64, error) {
	at := a.account.Committed
	begins := r.Kind == KindOpen || r.Kind == KindEpoch
	switch {
	case a.account.Rev == 0 && r.Kind != KindOpen:
		return 0, fmt.Errorf("the lane begins with a record of kind %s", r.Kind)
	case a.account.Rev == 0 || r.Epoch > a.account.Epoch && begins:
		at = r.Committed
		a.open = nil // of another epoch
	case r.Epoch < a.account.Epoch || r.Epoch > a.account.Epoch && r.Kind != KindAbandon:
		return 0, fmt.Errorf("a record of kind %s goes from epoch %d to %d", r.Kind, a.account.Epoch, r.Epoch)
	}
	if err := a.checkOpen(r); err != nil {
		return 0, err
	}
	at, err := advance(at, a.open, r)
	if err != nil {
		return 0, err
	}
	if r.Committed != at {
		return 0, fmt.Errorf("committed is %d, and what is settled reaches %d", r.Committed, at)
	}
	for _, p := range r.Open {
		if p.First != at+1 || p.Last < p.First {
			return 0, fmt.Errorf("the open plan goes from %d to %d, after %d", p.First, p.Last, at)
		}
	}
	return at, nil
}

// checkOpen says whether the open plan goes the one way: it stays until it is committed, amended or abandoned.
func (a *Auditor) checkOpen(r Record) error {
	if len(r.Open) > 1 {
		return fmt.Errorf("%d plans are open", len(r.Open))
	}
	if r.Commits != nil {
		if len(a.open) == 0 {
			return errors.New("it commits, and no plan is open")
		}
		p := a.open[0]
		if want := (Range{p.First, p.Last, p.Counts}); !reflect.DeepEqual(*r.Commits, want) {
			return fmt.Errorf("it commits %d to %d, with other bounds or counts than the open plan", r.Commits.First, r.Commits.Last)
		}
		return nil
	}
	switch {
	case r.Kind == KindAmend && (len(a.open) == 0 || len(r.Open) == 0):
		return errors.New("an amend without an open plan")
	case r.Kind == KindAbandon && len(r.Open) > 0:
		return errors.New("the plan is abandoned and open")
	case r.Kind == KindAmend || r.Kind == KindAbandon || len(a.open) == 0:
		return nil
	case !reflect.DeepEqual(a.open, r.Open):
		return fmt.Errorf("the open plan from %d is neither committed nor carried on", a.open[0].First)
	}
	return nil
}

// advance lays what r settles behind at: a commit, a skip, a loss, in this order.
func advance(at uint64, open []Plan, r Record) (uint64, error) {
	step := func(what string, first, last uint64) error {
		if first != at+1 || last < first {
			return fmt.Errorf("%s from %d to %d, after %d", what, first, last, at)
		}
		at = last
		return nil
	}
	if r.Commits != nil {
		if err := step("commit", r.Commits.First, r.Commits.Last); err != nil {
			return 0, err
		}
	}
	if r.Skip != nil {
		if err := step("skip", r.Skip.First, r.Skip.Last); err != nil {
			return 0, err
		}
	}
	if r.Loss == nil || r.Kind == KindEpoch || inside(r.Loss, open, r.Committed) { // an epoch's record tells of the one before
		return at, nil
	}
	return at, step("loss", r.Loss.From, r.Loss.To)
}

// inside says whether a loss lies within the open plan: it settles nothing then, the plan does, which misses those sequences.
func inside(loss *Loss, open []Plan, committed uint64) bool {
	return len(open) > 0 && open[0].First <= loss.From && loss.To <= open[0].Last && committed < loss.To
}

// checkCounts checks every account that r brings.
func (a *Auditor) checkCounts(r Record) error {
	if r.Commits != nil && len(r.Receipts) != len(a.open[0].Units) {
		return fmt.Errorf("%d receipts for %d units", len(r.Receipts), len(a.open[0].Units))
	}
	if r.Skip != nil {
		if err := checkRange(r.Skip.Range, r.Skip.Missing); err != nil {
			return fmt.Errorf("skip: %w", err)
		}
		if r.Skip.Counts.Kept+r.Skip.Counts.Dead > 0 {
			return errors.New("skip: it keeps entries")
		}
	}
	if r.Loss != nil && r.Loss.Count > r.Loss.To-r.Loss.From+1 {
		return fmt.Errorf("loss: %d messages in %d to %d", r.Loss.Count, r.Loss.From, r.Loss.To)
	}
	for _, p := range r.Open {
		if err := checkPlan(p); err != nil {
			return fmt.Errorf("plan: %w", err)
		}
	}
	return nil
}

func checkPlan(p Plan) error {
	if err := checkRange(Range{p.First, p.Last, p.Counts}, p.Missing); err != nil {
		return err
	}
	var kept, dead uint64
	for i := range p.Units {
		if p.Units[i].To == driver.ToDeadLetter {
			dead += uint64(p.Units[i].Count)
		} else {
			kept += uint64(p.Units[i].Count)
		}
	}
	if kept != p.Counts.Kept || dead != p.Counts.Dead {
		return fmt.Errorf("%d entries kept and %d dead, and the units hold %d and %d", p.Counts.Kept, p.Counts.Dead, kept, dead)
	}
	return nil
}

func checkRange(r Range, missing []Gap) error {
	messages, next := r.Last-r.First+1, r.First
	for _, g := range missing {
		if g.From < next || g.To < g.From || g.To > r.Last {
			return fmt.Errorf("missing %d to %d in %d to %d", g.From, g.To, r.First, r.Last)
		}
		messages -= g.To - g.From + 1
		next = g.To + 1
	}
	if r.Counts.Messages != messages {
		return fmt.Errorf("%d messages counted, %d to %d holds %d", r.Counts.Messages, r.First, r.Last, messages)
	}
	if !r.Counts.Balanced() {
		return fmt.Errorf("of %d entries examined in %d to %d, the verdicts do not add up to as many", r.Counts.Examined, r.First, r.Last)
	}
	return nil
}
