package pipelinetest

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"sluice/sinks/driver"
	"sluice/sinks/file"
	"sluice/sinks/layout"
	"sluice/sinks/memory"
)

// MemoryPlaces are create-only stores in memory.
type MemoryPlaces struct {
	mu     sync.Mutex
	stores map[string]*memory.Store
}

// NewMemoryPlaces makes empty stores for the routes of any world.
func NewMemoryPlaces() *MemoryPlaces { return &MemoryPlaces{stores: make(map[string]*memory.Store)} }

func (p *MemoryPlaces) store(name string) *memory.Store {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stores[name] == nil {
		p.stores[name] = memory.NewStore()
	}
	return p.stores[name]
}

// Open implements Places.
func (p *MemoryPlaces) Open(route, place string) (sink, dead driver.Driver, err error) {
	ctx := context.Background()
	spec := layout.Spec{Name: "hourly"}
	sink, err = memory.Options{Name: route, Layout: spec, Store: p.store(route + "|" + place)}.Open(ctx, driver.ToSink)
	if err != nil {
		return nil, nil, err
	}
	dead, err = memory.Options{Name: "dead", Layout: spec, Store: p.store("dead " + route)}.Open(ctx, driver.ToDeadLetter)
	return sink, dead, err
}

// Contents implements Places. It also fails the test when anything that was visible has changed.
func (p *MemoryPlaces) Contents(t testing.TB, route string, dead bool) map[string][]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	lines := make(map[string][]string)
	for at, store := range p.stores {
		if sink, place, _ := strings.Cut(at, "|"); dead && at != "dead "+route || !dead && sink != route || strings.HasPrefix(place, "dead ") {
			continue
		}
		for name, object := range store.Objects() {
			if n := len(store.History(name)); n != 1 {
				t.Errorf("object %s has had %d contents", name, n)
			}
			for _, e := range object.Entries {
				lines[at+" "+name] = append(lines[at+" "+name], string(e.Raw))
			}
		}
	}
	return lines
}

// FilePlaces are folders below Dir.
type FilePlaces struct{ Dir string }

// Open implements Places.
func (p FilePlaces) Open(route, place string) (sink, dead driver.Driver, err error) {
	ctx := context.Background()
	o := file.Defaults()
	o.Dir = filepath.Join(p.Dir, "out", route, place)
	if sink, err = o.Open(ctx, driver.ToSink); err != nil {
		return nil, nil, err
	}
	d := file.Defaults()
	d.Dir = filepath.Join(p.Dir, "dead", route)
	dead, err = d.Open(ctx, driver.ToDeadLetter)
	return sink, dead, err
}

// Contents implements Places.
func (p FilePlaces) Contents(t testing.TB, route string, dead bool) map[string][]string {
	dir := filepath.Join(p.Dir, "out", route)
	if dead {
		dir = filepath.Join(p.Dir, "dead", route)
	}
	lines := make(map[string][]string)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if os.IsNotExist(err) || (d != nil && d.Name() == ".sluice") {
				return fs.SkipDir
			}
			return err
		}
		b, err := os.ReadFile(path)
		if err == nil && len(b) > 0 {
			lines[path] = strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
		}
		return err
	})
	if err != nil {
		t.Errorf("read %s of route %s: %v", dir, route, err)
	}
	return lines
}

var _, _ Places = (*MemoryPlaces)(nil), FilePlaces{}
