package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// What the demo is made of. The figures are the contract of demoentries_test.go.
const (
	demoLines      = 3000
	demoDuplicates = 6 // lines that repeat an earlier one byte for byte, as a client does that sends again
	demoMalformed  = 3 // lines that are no LogEntry, for the dead letters
	demoSpan       = 48 * time.Hour
)

// demoStart is the instant at which the demo's two days begin: fixed, so that a second run makes the very same bytes.
var demoStart = time.Date(2026, time.March, 2, 0, 0, 0, 0, time.UTC)

// demoObject is a JSON object; encoding/json writes its keys in order, so equal objects are equal bytes.
type demoObject = map[string]any

// demoKind is one sort of entries: how many of them, and how one is made of a scene.
type demoKind struct {
	count int
	build func(*demoScene) demoObject
}

// demoMix is all of the demo's well-formed entries but for the repeated ones.
func demoMix() []demoKind {
	return slices.Concat(demoGoogleKinds(), demoVertexKinds(), demoForeignKinds(), demoPlainKinds())
}

// demoEntries gives the demo's lines, without line feeds, in the order in which they arrived: audit entries of Google Cloud with
// Vertex AI, Databricks, W&B and CircleCI, some of applications, a few repeated and a few malformed. People, projects and ids are
// invented. Every call gives the same bytes.
func demoEntries() [][]byte {
	dice := &demoDice{state: 20260302}
	var arrived []demoArrival
	for _, kind := range demoMix() {
		for range kind.count {
			at := dice.instant()
			scene := newDemoScene(dice, at)
			line := demoLine(kind.build(scene))
			arrived = append(arrived, demoArrival{at: scene.received, line: line})
		}
	}
	for range demoDuplicates {
		again := arrived[dice.below(len(arrived))]
		arrived = append(arrived, demoArrival{at: again.at.Add(30 * time.Second), line: again.line})
	}
	for i, line := range demoMalformedLines() {
		arrived = append(arrived, demoArrival{at: demoStart.Add(time.Duration(i+1) * demoSpan / (demoMalformed + 1)), line: line})
	}
	slices.SortStableFunc(arrived, func(a, b demoArrival) int { return a.at.Compare(b.at) })
	lines := make([][]byte, len(arrived))
	for i, a := range arrived {
		lines[i] = a.line
	}
	return lines
}

// demoArrival is a line and when it reached the log router.
type demoArrival struct {
	at   time.Time
	line []byte
}

// demoLine writes an entry on one line.
func demoLine(entry demoObject) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(entry); err != nil {
		panic(fmt.Sprintf("demo entry: %v", err)) // a template that is not JSON: demoentries_test.go builds every one
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// demoMalformedLines are what a broken client sends: an entry cut off, bytes that are not UTF-8, and JSON that is no object.
func demoMalformedLines() [][]byte {
	return [][]byte{
		[]byte(`{"logName":"projects/heron-web-prod/logs/checkout","severity":"ERROR","jsonPayload":{"message":"card decl`),
		[]byte("{\"logName\":\"projects/heron-pay/logs/stdout\",\"insertId\":\"latin-1\",\"textPayload\":\"d\xe9bit refused\"}"),
		[]byte(`["projects/heron-data/logs/nightly","an array is no entry"]`),
	}
}
