package receivertest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// entries reads a body.
func entries(body string, content []byte) ([]Entry, error) {
	switch body {
	case "array":
		var raws []json.RawMessage
		if err := json.Unmarshal(content, &raws); err != nil {
			return nil, fmt.Errorf("the body is no array: %w", err)
		}
		found := make([]Entry, len(raws))
		for i := range raws {
			found[i].Raw = string(raws[i])
		}
		return found, nil
	case "wrapped":
		return objects(content, func(line *line) Entry { return Entry{line.ID, string(line.Entry)} })
	case "splunk":
		return objects(content, func(line *line) Entry { return Entry{line.Fields.SluiceID, string(line.Event)} })
	case "elastic":
		return actions(content)
	}
	var found []Entry
	for line := range bytes.Lines(content) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			return nil, errors.New("the last line does not end")
		}
		found = append(found, Entry{Raw: string(line[:len(line)-1])})
	}
	return found, nil
}

// line is one of a wrapped body, or an event for Splunk.
type line struct {
	ID     string          `json:"id"`
	Entry  json.RawMessage `json:"entry"`
	Time   float64         `json:"time"`
	Event  json.RawMessage `json:"event"`
	Fields struct {
		SluiceID string `json:"sluice_id"`
	} `json:"fields"`
}

// objects reads objects that stand one after another.
func objects(content []byte, entry func(*line) Entry) ([]Entry, error) {
	var found []Entry
	for dec := json.NewDecoder(bytes.NewReader(content)); ; {
		var l line
		if err := dec.Decode(&l); errors.Is(err, io.EOF) {
			return found, nil
		} else if err != nil {
			return nil, fmt.Errorf("object %d: %w", len(found), err)
		}
		found = append(found, entry(&l))
		if e := found[len(found)-1]; e.ID == "" || e.Raw == "" {
			return nil, fmt.Errorf("object %d has no id or no entry", len(found)-1)
		}
	}
}

// actions reads the lines of _bulk, two for each entry.
func actions(content []byte) ([]Entry, error) {
	lines := bytes.Split(content, []byte("\n"))
	if len(lines)%2 != 1 || len(lines[len(lines)-1]) != 0 {
		return nil, fmt.Errorf("%d lines are no actions and sources, each with its line feed", len(lines))
	}
	var found []Entry
	for i := 0; i+1 < len(lines); i += 2 {
		var action struct {
			Create *struct {
				ID string `json:"_id"`
			} `json:"create"`
		}
		if err := json.Unmarshal(lines[i], &action); err != nil || action.Create == nil || action.Create.ID == "" {
			return nil, fmt.Errorf("line %d is no create action: %s", i+1, lines[i])
		}
		found = append(found, Entry{action.Create.ID, string(lines[i+1])})
	}
	return found, nil
}
