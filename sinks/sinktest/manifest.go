package sinktest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"sluice/sinks/driver"
)

// body is what the suite's manifests hold: canonical JSON of any kind.
const body = `{"first":4711,"units":[{"count":2,"name":"a"}]}`

// manifests: written once under their names, beside what readers find; another one that stands there is told whole.
func manifests(fresh func() Harness) error {
	h := fresh()
	d, err := h.Open(nil, driver.ToSink)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	if !d.Properties().Manifests {
		return nil
	}
	u := manifest(body)
	first, err := d.Write(context.Background(), &u)
	if err != nil || first.Existed {
		return fmt.Errorf("the first write of a manifest gives %+v, %v", first, err)
	}
	again, err := h.Open(nil, driver.ToSink)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	for _, d := range []driver.Driver{d, again} {
		receipt, err := d.Write(context.Background(), &u)
		if err != nil || !receipt.Existed || receipt.Bytes != first.Bytes {
			return fmt.Errorf("the second write of a manifest gives %+v, %v", receipt, err)
		}
		other := manifest(`{"first":4711,"units":[]}`)
		var conflict *driver.Error
		if _, err := d.Write(context.Background(), &other); !errors.As(err, &conflict) || conflict.Code != driver.Conflict {
			return fmt.Errorf("another manifest under the name gives %v, want a conflict", err)
		}
		if !bytes.Equal(conflict.Found, []byte(body)) {
			return fmt.Errorf("the conflict holds %s, want the manifest that stands there", conflict.Found)
		}
	}
	return expect(h, map[string][]string{})
}

func manifest(text string) driver.Unit {
	return driver.Manifest("route", "LOGS", 1, 4711, []byte(text))
}

// origins: what stands under a name tells whose plan it is of.
func origins(fresh func() Harness) error {
	h := fresh()
	p, err := start(h, nil, sample(4711, 24))
	if err != nil {
		return err
	}
	if !p.driver.Properties().Origins {
		return nil
	}
	if _, err := p.writeAll(context.Background()); err != nil {
		return err
	}
	u := p.plan.Units[0]
	want := driver.Found{Origin: u.Origin, Digest: u.Digest, Count: u.Count}
	other := u
	other.Refs = u.Refs[:1]
	other.Count, other.Digest = 1, driver.Digest(other.Refs)
	other.Origin.Last++
	var conflict *driver.Error
	if _, err := p.driver.Write(context.Background(), &other); !errors.As(err, &conflict) || conflict.Code != driver.Conflict {
		return fmt.Errorf("other content under a name gives %v, want a conflict", err)
	}
	var got driver.Found
	if err := json.Unmarshal(conflict.Found, &got); err != nil {
		return fmt.Errorf("the conflict holds %q: %w", conflict.Found, err)
	}
	if diff := difference(want, got); diff != "" {
		return fmt.Errorf("the conflict tells another plan (-want +got):\n%s", diff)
	}
	return nil
}
