package ledger

import (
	"strconv"
	"strings"
)

// LaneName is the name of a route's lane on a stream, <route>/<stream>, or with a side of a lane beside it: see SplitLane.
func LaneName(route, stream, side string) string {
	if side == "" {
		return route + "/" + stream
	}
	return route + "/" + stream + "/" + side
}

// SplitLane takes a lane's name apart. A side lane of a route delivers a finite set of entries beside the route's lane and counts
// in its own way: side is r<n> for the n-th replay, b<n> for the n-th backfill, "" for the route's lane itself and for control lanes.
func SplitLane(lane string) (route, stream, side string) {
	route, rest, _ := strings.Cut(lane, "/")
	stream, side, _ = strings.Cut(rest, "/")
	return route, stream, side
}

// ReplaySide is the side of the n-th replay.
func ReplaySide(n int) string { return "r" + strconv.Itoa(n) }

// BackfillSide is the side of the n-th backfill.
func BackfillSide(n int) string { return "b" + strconv.Itoa(n) }

// ReplayOf gives which replay a side is; false when it is none.
func ReplayOf(side string) (n int, ok bool) { return numberOf(side, "r") }

// BackfillOf gives which backfill a side is; false when it is none.
func BackfillOf(side string) (n int, ok bool) { return numberOf(side, "b") }

func numberOf(side, letter string) (n int, ok bool) {
	digits, ok := strings.CutPrefix(side, letter)
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(digits)
	return n, err == nil && n > 0 && strconv.Itoa(n) == digits
}
