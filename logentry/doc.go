// Package logentry is the ground floor: what an entry is. It holds raw bytes, log names, severities, field paths and the
// one-pass extractor that validates an entry and finds the wanted fields in it, without allocating.
//
// Words: a message is what the stream stores under one sequence; it holds one entry or several (a pack). An entry is one
// LogEntry JSON object; its position is (sequence, index). A path names a field by key segments. A slot is the place of one
// wanted path in an extracted entry.
//
// Nothing here reads a clock, random numbers or the network.
package logentry
