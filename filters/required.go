package filters

import (
	"regexp"
	"regexp/syntax"
	"unicode/utf8"
)

// maxRequired bounds the words of one pattern.
const maxRequired = 16

// requiredWords gives texts of which at least one is part of every text that the pattern matches, folded; nil when none are
// known.
func requiredWords(re *regexp.Regexp) []string {
	tree, err := syntax.Parse(re.String(), syntax.Perl)
	if err != nil {
		return nil
	}
	words := requiredOf(tree.Simplify())
	if weight(words) < 2 {
		return nil
	}
	for i, w := range words {
		if words[i] = string(appendFolded(nil, []byte(w))); words[i] == "" {
			return nil
		}
	}
	return words
}

func requiredOf(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpLiteral:
		return []string{string(re.Rune)}
	case syntax.OpCapture, syntax.OpPlus:
		return requiredOf(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return requiredOf(re.Sub[0])
		}
	case syntax.OpConcat:
		var best []string
		for _, sub := range re.Sub {
			if words := requiredOf(sub); weight(words) > weight(best) {
				best = words
			}
		}
		return best
	case syntax.OpAlternate:
		var all []string
		for _, sub := range re.Sub {
			words := requiredOf(sub)
			if len(words) == 0 || len(all)+len(words) > maxRequired {
				return nil
			}
			all = append(all, words...)
		}
		return all
	}
	return nil
}

// weight is the length of the shortest word: how telling the set is.
func weight(words []string) int {
	if len(words) == 0 {
		return 0
	}
	least := utf8.RuneCountInString(words[0])
	for _, w := range words[1:] {
		least = min(least, utf8.RuneCountInString(w))
	}
	return least
}
