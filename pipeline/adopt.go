package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"sluice/pipeline/ledger"
	"sluice/sinks/driver"
)

// errAdopted says that the destination showed the ledger to have stepped back, and that the ledger has been brought up to it.
var errAdopted = errors.New("the ledger had stepped back; the plan that stands at the destination is adopted")

// manifest is the body of a plan's manifest: the plan as it was recorded, and the settings that it names, so that a ledger that
// has lost all of them can go on from the destination alone.
type manifest struct {
	Plan     ledger.Plan `json:"plan"`
	Decision string      `json:"decision"` // texts, since their hashes are over each byte
	Delivery string      `json:"delivery"`
}

// writeManifest says at the destination which plan is about to become visible, before any of it does. Where another plan of this
// lane stands under the same first sequence, the ledger has stepped back: that plan is adopted (errAdopted). Amended plans have
// the manifest of the plan that they amend.
func (l *lane) writeManifest(ctx context.Context, d draft) error {
	if !d.dest.sink.Properties().Manifests || d.plan.Amends > 0 {
		return nil
	}
	decision, err := l.chain.ledger.Config(ctx, d.plan.Decision)
	if err != nil {
		return fmt.Errorf("read the plan's revision: %w", err)
	}
	delivery, err := l.chain.ledger.Config(ctx, d.plan.Delivery)
	if err != nil {
		return fmt.Errorf("read the plan's delivery settings: %w", err)
	}
	body, err := json.Marshal(manifest{d.plan, string(decision), string(delivery)})
	if err != nil {
		return fmt.Errorf("encode the manifest: %w", err)
	}
	u := driver.Manifest(l.routeName, l.streamName(), max(l.epoch(), d.plan.Epoch), d.plan.Named, body)
	answer, cancel := l.owed(ctx)
	defer cancel(nil)
	_, err = d.dest.sink.Write(answer, &u)
	if ended := whyEnded(answer, err); ended != err {
		return ended
	}
	if driver.CodeOf(err) == driver.Conflict {
		return l.adopt(ctx, d, err)
	}
	if err != nil {
		return fmt.Errorf("write the manifest: %w", err)
	}
	return nil
}

// adopt puts the plan that the destination knows in the place of the one that is open, widened to begin where the ledger now
// stands: the records that it has lost may have skipped what lies between. It is then redone like any other plan.
func (l *lane) adopt(ctx context.Context, d draft, conflict error) error {
	var de *driver.Error
	errors.As(conflict, &de)
	var found manifest
	if err := json.Unmarshal(de.Found, &found); err != nil {
		return &haltError{fmt.Errorf("a manifest that is not this route's stands in the way: %w", conflict)}
	}
	p := found.Plan
	if p.Named != d.plan.Named || p.First < d.plan.First || p.Last < p.First {
		return &haltError{fmt.Errorf("a manifest for sequences %d to %d stands in the way of %d to %d: %w", p.First, p.Last, d.plan.First, d.plan.Last, conflict)}
	}
	for hash, text := range map[string]string{p.Decision: found.Decision, p.Delivery: found.Delivery} {
		b := []byte(text)
		if hashOf(b) != hash {
			return &haltError{fmt.Errorf("the manifest that stands in the way is damaged: %w", conflict)}
		}
		if err := l.chain.ledger.PutConfig(ctx, hash, b); err != nil {
			return fmt.Errorf("store the adopted plan's settings: %w", err)
		}
	}
	units := p.Units
	if p.First > d.plan.First {
		p.Repeats = append([]ledger.Repeat{everythingUpTo(d.plan.First, p.First-1)}, p.Repeats...)
	}
	p.First, p.Amends = d.plan.First, p.Amends+1
	widened, err := l.remake(ctx, p)
	if err != nil {
		return err
	}
	if err := sameUnits(widened.Units, units); err != nil {
		return &haltError{fmt.Errorf("the plan that the destination knows cannot be made again from the stream: %w", err)}
	}
	r := l.settled(ledger.KindAmend)
	r.Open = []ledger.Plan{widened}
	r.Amend = &ledger.Amend{Excluded: []driver.Reject{}, Reason: "adopted"}
	if err := l.append(ctx, r); err != nil {
		return err
	}
	l.log.Warn("the ledger had stepped back: adopted the plan that the destination knows", "first", p.First, "last", p.Last)
	return errAdopted
}

// remake makes a plan anew from the stream, for its range and under its settings.
func (l *lane) remake(ctx context.Context, p ledger.Plan) (ledger.Plan, error) {
	dest, decision, err := l.settings(ctx, p)
	if err != nil {
		return ledger.Plan{}, err
	}
	b, err := l.rebuild(ctx, p, revision{hash: p.Decision, decision: decision}, dest)
	defer b.drop()
	if err != nil {
		return ledger.Plan{}, err
	}
	d, err := l.draft(b, l.termsOf(p, dest))
	return d.plan, err
}

// foundOf reads what a Conflict says stands under the name; false when the destination did not say.
func foundOf(e *driver.Error) (driver.Found, bool) {
	var f driver.Found
	err := json.Unmarshal(e.Found, &f)
	return f, err == nil && f.Digest != ""
}
