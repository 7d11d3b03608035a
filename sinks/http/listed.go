package http

import (
	"encoding/json"
	"fmt"
	nethttp "net/http"

	"sluice/sinks/driver"
)

// bulk is the answer of _bulk: an item for each action, in their order.
type bulk struct {
	Errors bool `json:"errors"`
	Items  []map[string]struct {
		Status int             `json:"status"`
		Error  json.RawMessage `json:"error"`
	} `json:"items"`
}

// judgeBulk looks at each item: 409 is an entry that stands there already, for its _id is its sluice-id. An entry that must be
// tried again makes the whole request be sent again, in which those that were taken answer 409.
func judgeBulk(u *driver.Unit, a answer) (existed bool, err error) {
	var got bulk
	if err := json.Unmarshal([]byte(a.body), &got); err != nil || len(got.Items) != len(u.Refs) {
		return false, failure(driver.Misconfigured, a, fmt.Sprintf("not the answer of _bulk to %d actions: url must end in /INDEX/_bulk", len(u.Refs)))
	}
	existed = true
	var rejects []driver.Reject
	var failed error
	for i, item := range got.Items {
		if len(item) != 1 {
			return false, failure(driver.Misconfigured, a, "an item of the answer says nothing: write no filter_path into query")
		}
		for _, result := range item {
			said := answer{result.Status, string(result.Error)}
			switch s := result.Status; {
			case s >= 200 && s < 300:
				existed = false
			case s == nethttp.StatusConflict:
			case s == nethttp.StatusBadRequest, s == nethttp.StatusRequestEntityTooLarge:
				rejects = append(rejects, driver.Reject{Seq: u.Refs[i].Seq, Index: u.Refs[i].Index,
					Reason: fmt.Sprintf("status %d: %s", s, excerpt(string(result.Error)))})
			case s == nethttp.StatusTooManyRequests, s >= 500:
				failed = failure(driver.Unavailable, said, "")
			default: // no such index, no right to write to it: graver than what passes
				return false, failure(driver.Misconfigured, said, "correct the index, or the rights on it")
			}
		}
	}
	switch {
	case failed != nil:
		return false, failed
	case len(rejects) > 0:
		return false, reject(rejects)
	}
	return existed, nil
}

// judgeEvent reads which event Splunk refuses: {"text":"Invalid data format","code":6,"invalid-event-number":3}, counted from 0.
// Those before it may have been taken; they are sent again with the same ids.
// https://docs.splunk.com/Documentation/Splunk/latest/Data/TroubleshootHTTPEventCollector
func judgeEvent(u *driver.Unit, a answer) error {
	var got struct {
		Code   int  `json:"code"`
		Number *int `json:"invalid-event-number"`
	}
	if json.Unmarshal([]byte(a.body), &got) != nil || got.Number == nil || *got.Number < 0 || *got.Number >= len(u.Refs) {
		return refused(u, a)
	}
	switch got.Code {
	case 6, 12, 13, 15: // data format, no event, blank event, indexed fields
		ref := &u.Refs[*got.Number]
		return reject([]driver.Reject{{Seq: ref.Seq, Index: ref.Index, Reason: "status 400: " + excerpt(a.body)}})
	}
	return failure(driver.Misconfigured, a, "correct the collector's index and token")
}
