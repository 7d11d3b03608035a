package pipeline

import (
	"context"
	"errors"
	"testing"

	"sluice/pipeline/ledger"
)

// brokenLedger answers each append with an error.
type brokenLedger struct {
	ledger.Ledger
	err error
}

func (l brokenLedger) Append(context.Context, string, ledger.Record, ledger.Rev) (ledger.Rev, error) {
	return 0, l.err
}

// TestAppendEnds: an append that its context ended is no reason to end the process; a ledger that broke meanwhile is.
func TestAppendEnds(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		ctx   context.Context
		err   error
		fatal bool
	}{
		{ended, context.Canceled, false},
		{ended, ledger.ErrBroken, true},
		{t.Context(), errors.New("disk full"), true},
	} {
		chain := chain{ledger: brokenLedger{err: c.err}, lane: "r/LOGS", nonce: randomNonce}
		err := chain.append(c.ctx, ledger.Record{Kind: ledger.KindOpen})
		var fatal *fatalError
		if !errors.Is(err, c.err) || errors.As(err, &fatal) != c.fatal {
			t.Errorf("append gave %v (fatal: %v)", err, !c.fatal)
		}
	}
}
