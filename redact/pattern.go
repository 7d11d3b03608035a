package redact

import (
	"fmt"
	"slices"
	"strings"
)

// pattern is a node in the trie of all patterns. Keys are compared by their folded form: no spelling must let a field through.
type pattern struct {
	with  With // what becomes of a field that ends here; empty: nothing does
	keys  map[string]*pattern
	any   *pattern // behind *
	deep  *pattern // behind **
	loops bool     // is behind **: any key leads here again
}

func (n *pattern) add(keys []key, with With) {
	for _, k := range keys {
		var next **pattern
		switch {
		case k.wild == "**":
			next = &n.deep
		case k.wild == "*":
			next = &n.any
		default:
			if n.keys == nil {
				n.keys = make(map[string]*pattern)
			}
			if n.keys[k.folded] == nil {
				n.keys[k.folded] = &pattern{}
			}
			n = n.keys[k.folded]
			continue
		}
		if *next == nil {
			*next = &pattern{loops: k.wild == "**"}
		}
		n = *next
	}
	n.with = stronger(n.with, with)
}

// reach appends n and what ** reaches from it without a key to the nodes from `from` on, each once.
func (n *pattern) reach(active []*pattern, from int) []*pattern {
	for ; n != nil; n = n.deep {
		if !slices.Contains(active[from:], n) {
			active = append(active, n)
		}
	}
	return active
}

// follow appends the nodes to which a key leads from n likewise.
func (n *pattern) follow(folded []byte, active []*pattern, from int) []*pattern {
	if next := n.keys[string(folded)]; next != nil {
		active = next.reach(active, from)
	}
	if n.any != nil {
		active = n.any.reach(active, from)
	}
	if n.loops {
		active = n.reach(active, from)
	}
	return active
}

// key is one step of a field.
type key struct {
	folded string
	wild   string // * or **, or empty
}

// FieldError says what is wrong with a field of a rule.
type FieldError struct {
	Field, Message string
}

// Error gives the field and what is wrong.
func (e *FieldError) Error() string { return fmt.Sprintf("%q: %s", e.Field, e.Message) }

// parseField reads keys that are joined by dots.
func parseField(field string) ([]key, error) {
	fail := func(message string) ([]key, error) { return nil, &FieldError{field, message} }
	var keys []key
	for rest := field; ; {
		var text string
		if strings.HasPrefix(rest, `"`) {
			end := strings.IndexByte(rest[1:], '"')
			if end < 0 {
				return fail("a quote that does not end")
			}
			text, rest = rest[1:1+end], rest[2+end:]
			keys = append(keys, key{folded: string(fold(nil, []byte(text)))})
		} else {
			end := strings.IndexByte(rest, '.')
			if end < 0 {
				end = len(rest)
			}
			text, rest = rest[:end], rest[end:]
			switch {
			case text == "*" || text == "**":
				keys = append(keys, key{wild: text})
			case text == "" || strings.ContainsAny(text, "*\"[]\\ \t"):
				return fail("want keys joined by dots, such as jsonPayload.user.email, labels.\"k8s-pod/user\" or **.email")
			default:
				keys = append(keys, key{folded: string(fold(nil, []byte(text)))})
			}
		}
		if rest == "" {
			break
		}
		if rest[0] != '.' {
			return fail("want a dot behind the quote")
		}
		rest = rest[1:]
	}
	if !slices.ContainsFunc(keys, func(k key) bool { return k.wild == "" }) {
		return fail("this is the whole entry")
	}
	return keys, nil
}

// fold appends the text that all spellings of a key share: ASCII letters lowered, underscores and dashes dropped.
func fold(dst, key []byte) []byte {
	for _, c := range key {
		switch {
		case c == '_' || c == '-':
		case 'A' <= c && c <= 'Z':
			dst = append(dst, c|0x20)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// piiFields are what identifies persons by its name. The first are W&B's, in the places where its records are mapped to.
var piiFields = []string{
	"protoPayload.request.entity_name", "protoPayload.request.project_name", "protoPayload.request.report_name",
	"protoPayload.metadata.wandb.entity_name", "protoPayload.metadata.wandb.project_name", "protoPayload.metadata.wandb.report_name",
	"**.actor_email", "**.user_email", "**.actor_ip", "**.artifact_qualified_name",
	"**.principalEmail", "**.callerIp", "**.sourceIPAddress", "**.ipAddress", "**.remoteIp",
}
