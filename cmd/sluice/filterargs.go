package main

import (
	"regexp"
	"slices"
	"strings"
)

// A query may begin with a dash (-severity=INFO) or two (a comment), which on a command line begin flags.
var (
	shortFlags = regexp.MustCompile(`^-[cvh]+$`)
	longFlag   = regexp.MustCompile(`^--([a-z][a-z-]*)(=.*)?$`)
)

// filterFlags are the long flags of `sluice filter`, the global ones included.
var filterFlags = []string{"check", "count", "explain", "fmt", "help", "invert-match", "log-format", "log-level"}

// protectQuery puts "--" between the flags and the query of a `sluice filter` command line. Other command lines stay as they are.
func protectQuery(args []string) []string {
	command := 0
	for command < len(args) && strings.HasPrefix(args[command], "--log-") {
		command += flagWords(args[command])
	}
	if command >= len(args) || args[command] != "filter" {
		return args
	}
	flags := slices.Clone(args[:command+1])
	var rest []string
	for i := command + 1; i < len(args); i++ {
		switch {
		case args[i] == "--":
			rest, i = append(rest, args[i+1:]...), len(args)
		case isFilterFlag(args[i]) || len(rest) > 0 && len(args[i]) > 1 && args[i][0] == '-':
			end := min(i+flagWords(args[i]), len(args))
			flags = append(flags, args[i:end]...)
			i = end - 1
		default:
			rest = append(rest, args[i])
		}
	}
	return append(append(flags, "--"), rest...)
}

// flagWords is how many words a flag takes.
func flagWords(flag string) int {
	if flag == "--log-level" || flag == "--log-format" {
		return 2
	}
	return 1
}

// isFilterFlag tells flags from queries. A lone word after two dashes is taken for a flag, so that a mistyped one is an error.
func isFilterFlag(arg string) bool {
	m := longFlag.FindStringSubmatch(arg)
	return shortFlags.MatchString(arg) || m != nil && (m[2] == "" || slices.Contains(filterFlags, m[1]))
}
