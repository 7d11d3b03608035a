// Package file is the ledger of one node: files that only grow, a record durable on disk before Append returns.
//
//	<dir>/lock                                  held (flock) by the one process that writes
//	<dir>/lanes/audit@LOGS/2026-11-22.ledger    a folder a lane, a segment a day
//	<dir>/lanes/audit@LOGS/2026-11-23.ledger
//	<dir>/configs/<hash>.json                   configurations, by the hex sha256 of their bytes
//
// # Names
//
// A lane's folder is its name with @ for each slash. Letters, digits, - and _ stay, so does a dot that does not come first; any
// other byte is %XX. A segment's name is the UTC date of the first At in it; a date below the newest segment's goes into that one.
//
// # Segments
//
// A segment is lines of text, a record a line:
//
//	<CRC-32C of the JSON, 8 hex digits> <length of the JSON in bytes> <canonical JSON of the record>\n
//
// It begins with a checkpoint, but for a lane's first: the record before it, whole, and the lane's account up to there. So what a
// lane needs to go on stands in its newest segment. Older ones may be moved away, oldest first; the newest must stay. None may be
// edited: every record holds the hash of the one before.
//
// # Crashes
//
//   - While a record is appended: the segment ends in a bad line. It was never acknowledged, so nothing was done in its name: the
//     next process truncates and logs it.
//   - While a segment is begun: it is written aside as .tmp, fsynced and renamed, so it is there whole or not at all; an old .tmp
//     is overwritten.
//   - After a write, before its fsync returned: the next process finds the record, and fsyncs it before it believes it.
//   - A bad line that is not the last, or a wrong record in a good line, is damage, never a crash: the lane halts (ErrDamaged).
//   - A write, fsync or rename that fails leaves the disk unknown, and a second fsync would lie: the ledger is broken
//     (ErrBroken), and only a new process may go on.
//
// # Assumptions
//
// The file system is local and fsync tells the truth; flock works on it (not NFS); one write of a line does not disturb the
// lines before it. A flipped bit in the very last line looks like a torn one.
package file
