// Package exprs is the one door to github.com/expr-lang/expr: its environments, limits and error rules. An expression says what
// the Logging query language lacks: field against field, arithmetic, lists, any and all.
//
// Words: a name is a chain of keys that begins with a field of LogEntry (protoPayload.authenticationInfo.principalEmail). A slot
// is the place of one name's value in a run. A run is one evaluation on one entry.
//
// An expression is compiled in two steps. First expr's own parser and checker see it as it is written, with the fields of
// LogEntry typed, so that a misspelt field or a text compared with a number is an error with line and column. Then names become
// slots, and operators become functions of this package, which know what expr's do not: integers of any size, nil for what is
// absent, severities, and a budget (rewrite.go). Nothing here reads a clock, random numbers or the host's time zone: an
// expression is a function of the entry.
package exprs
