package configs

import (
	"maps"
	"slices"
)

// checkPrices holds the prices against the kinds of sinks that there are.
func (d *decoder) checkPrices(p *Prices) {
	for _, kind := range slices.Sorted(maps.Keys(p.GiB)) {
		at := join("prices.gib", kind)
		if d.reg[kind] == nil {
			d.problem(at, "unknown kind of sink", suggest(kind, slices.Sorted(maps.Keys(d.reg))))
		}
		if p.GiB[kind] < 0 {
			d.problem(at, "a price below zero", "")
		}
	}
}

// Of gives the price of delivered bytes at a kind of sink; false when the configuration names none.
func (p *Prices) Of(kind string, bytes uint64) (float64, bool) {
	gib, ok := p.GiB[kind]
	return gib * float64(bytes) / (1 << 30), ok
}
