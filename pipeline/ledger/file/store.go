package file

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"sluice/pipeline/ledger"
)

// store knows where things stand in a ledger's folder, and reads what the writer and the readers read alike.
type store struct{ dir string }

func (s store) lanesDir() string { return filepath.Join(s.dir, "lanes") }

func (s store) configsDir() string { return filepath.Join(s.dir, "configs") }

func (s store) folder(lane string) (string, error) {
	name, err := folderOf(lane)
	return filepath.Join(s.lanesDir(), name), err
}

// Lanes implements ledger.Ledger.
func (s store) Lanes(ctx context.Context) ([]string, error) {
	entries, err := os.ReadDir(s.lanesDir())
	if err != nil {
		return nil, fmt.Errorf("list lanes: %w", err)
	}
	var lanes []string
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("list lanes: %w", err)
		}
		lane, ok := laneOf(e.Name())
		if !ok || !e.IsDir() {
			continue
		}
		names, err := listSegments(filepath.Join(s.lanesDir(), e.Name()))
		if err != nil {
			return nil, fmt.Errorf("list lanes: %w", err)
		}
		if len(names) > 0 { // a process may have died between the folder and its first record
			lanes = append(lanes, lane)
		}
	}
	slices.Sort(lanes)
	return lanes, nil
}

// Config implements ledger.Ledger. Content that does not have the hash is ErrDamaged.
func (s store) Config(_ context.Context, hash string) ([]byte, error) {
	if !isHash(hash) {
		return nil, fmt.Errorf("read configuration %q: %w", hash, ledger.ErrNoConfig)
	}
	b, err := os.ReadFile(filepath.Join(s.configsDir(), configName(hash)))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("read configuration %s: %w", hash, ledger.ErrNoConfig)
	}
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	if err := ledger.CheckConfig(hash, b); err != nil {
		return nil, fmt.Errorf("read %w: %w", err, ledger.ErrDamaged)
	}
	return b, nil
}

// PutConfig implements ledger.Ledger. A file that is there already is written again, once a process: the process that wrote it may
// have died before it was durable.
func (l *Ledger) PutConfig(ctx context.Context, hash string, b []byte) error {
	if err := ledger.CheckConfig(hash, b); err != nil {
		return fmt.Errorf("store %w", err)
	}
	l.configs.Lock()
	defer l.configs.Unlock()
	if l.durable[hash] {
		return nil
	}
	err := l.change(ctx, func() error {
		return l.breaks(writeWhole(l.disk, l.configsDir(), configName(hash), b))
	})
	if err != nil {
		return fmt.Errorf("store configuration %s: %w", hash, err)
	}
	l.durable[hash] = true
	return nil
}

func configName(hash string) string { return hash + ".json" }

func isHash(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == 32
}
