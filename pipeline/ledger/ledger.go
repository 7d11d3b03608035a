// Package ledger is the durable account of each lane: what was planned, written and committed, in one hash-linked chain of
// records that only grows. What the ledger says is what happened.
package ledger

import (
	"context"
	"errors"
)

// Rev is the place of a record in its lane's chain: the first has 1. 0 stands for "no record".
type Rev uint64

// ErrFenced says that another record has taken the place: forget everything believed of the lane and read it again.
var ErrFenced = errors.New("fenced: another writer appended to this lane")

// ErrUnknown says that the record may or may not have been stored: read the lane again and compare the nonce.
var ErrUnknown = errors.New("outcome of the append is unknown")

// ErrDamaged says that what is stored does not read as it was written: edited, or spoiled by the disk. The lane halts until a
// person has looked; the other lanes go on.
var ErrDamaged = errors.New("the ledger does not read as it was written")

// ErrBroken says that the ledger could not make a record durable, and that nobody knows what the disk holds now: the process
// must end, and a new one reads what is there. Nothing is ever appended again through this Ledger.
var ErrBroken = errors.New("the ledger is broken, this process must end")

// ErrNoConfig says that no configuration is stored under a hash.
var ErrNoConfig = errors.New("no configuration under this hash")

// Reader is the half of a Ledger that reads. What it promises is said there.
type Reader interface {
	Last(ctx context.Context, lane string) (Record, Rev, error)
	Scan(ctx context.Context, lane string, from Rev, yield func(Rev, Record) error) error
	Lanes(ctx context.Context) ([]string, error)
	Config(ctx context.Context, hash string) ([]byte, error)
}

// Ledger keeps the chains of all lanes. All methods may be called from several goroutines at once; two processes may hold the
// same ledger only where the implementation says so.
type Ledger interface {
	// Last gives a lane's last record, checkpoints apart, and its Rev; Rev 0 and a zero Record when there is none. It is
	// linearizable: it sees every append that was acknowledged before.
	Last(ctx context.Context, lane string) (Record, Rev, error)

	// Append stores r as the successor of the record at prev (compare-and-set; 0 for a lane's first) and returns its Rev. The
	// caller has set Lane, N = prev + 1 and Prev = the hash of its predecessor. On return without error r is durable. Errors:
	// ErrFenced (nothing was stored), ErrUnknown (perhaps it was), ErrBroken (perhaps it was; this process must end), ErrDamaged
	// (nothing was stored, nor can it be), others (nothing was stored).
	Append(ctx context.Context, lane string, r Record, prev Rev) (Rev, error)

	// Scan yields a lane's records with a Rev above from, oldest first, up to those acknowledged when it begins; it stops at
	// yield's first error and returns it. Checkpoints are included: one has the Rev of the record that it follows. Where the
	// oldest records were archived, a checkpoint comes first. yield may call the ledger.
	Scan(ctx context.Context, lane string, from Rev, yield func(Rev, Record) error) error

	// Lanes lists the lanes that have at least one record, sorted.
	Lanes(ctx context.Context) ([]string, error)

	// PutConfig stores a configuration under its hash, which is ConfigHash(b), durable on return. Storing the same again is no
	// error.
	PutConfig(ctx context.Context, hash string, b []byte) error

	// Config gives a stored configuration, or ErrNoConfig.
	Config(ctx context.Context, hash string) ([]byte, error)

	// Close frees the ledger.
	Close() error
}
