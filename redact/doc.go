// Package redact takes out of entries what a destination must not see: fields by their path, dropped or hashed with a key, and with
// the preset pii every e-mail and IP address wherever it stands. What an entry becomes is a function of its bytes, the rules and
// the key, so that a plan that is made again gives the same bytes.
//
// Words: a rule says what becomes of some fields; a pattern is a rule's field with wildcards; an address is an e-mail address or an
// IP address inside a text.
package redact
