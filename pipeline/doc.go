// Package pipeline takes entries from a stream to their destinations, each exactly once where the destination can promise it.
//
// Words:
//   - message: what the stream holds under one sequence; it holds one entry or several.
//   - block: a run of messages that is extracted once and decided once for all lanes aboard.
//   - lane: one route on one stream, the unit of progress; it has a cursor and a chain of ledger records.
//   - side lane: beside a route's lane, it delivers a finite set of entries: a replay its dead letters.
//   - reader: one position in the stream; lanes get on it, and get off when they cannot take a block.
//   - batch: what a lane has gathered; cut, it becomes a plan.
//   - plan: what is about to become visible, recorded before the first byte of it is written.
//   - unit: one object, append or message set of a plan.
//   - barrier: a sequence that no batch of the lane may cross (a revision, a loss).
//   - revision: the decision settings in force from a sequence on, recorded in the stream's control lane.
//
// The way of an entry: reader.go → block.go → decide.go → lane.go → batch.go → deliver.go; recover.go is the way back in.
package pipeline
