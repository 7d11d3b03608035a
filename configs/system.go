package configs

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// The filters that each resource's two routes have in Cloud Logging, available by name at the beginning of a filter:
// `_Default AND severity>=INFO`. https://docs.cloud.google.com/logging/docs/routing/overview
var systemFilters = map[string]string{
	"_Required": "(" + strings.Join(requiredLogs, " OR ") + ")",
	"_Default":  "(NOT " + strings.Join(requiredLogs, " AND NOT ") + ")",
}

var requiredLogs = []string{
	`LOG_ID("cloudaudit.googleapis.com/activity")`,
	`LOG_ID("externalaudit.googleapis.com/activity")`,
	`LOG_ID("cloudaudit.googleapis.com/system_event")`,
	`LOG_ID("externalaudit.googleapis.com/system_event")`,
	`LOG_ID("cloudaudit.googleapis.com/access_transparency")`,
	`LOG_ID("externalaudit.googleapis.com/access_transparency")`,
}

var (
	systemName = regexp.MustCompile(`^\s*(_Required|_Default)(\s|$)`)
	misplaced  = regexp.MustCompile(`[\s(-](_Required|_Default)([\s)]|$)`)
	quoted     = regexp.MustCompile(`"(\\.|[^"\\])*"`)
)

// spelledOut writes the name that a filter begins with out. Behind it, the places in its first line move by moved columns.
func spelledOut(filter string) (text string, moved int) {
	at := systemName.FindStringSubmatchIndex(filter)
	if at == nil {
		return filter, 0
	}
	name := filter[at[2]:at[3]]
	text = filter[:at[2]] + systemFilters[name] + filter[at[3]:]
	return text, utf8.RuneCountInString(text) - utf8.RuneCountInString(filter)
}

// misplacedName gives a name that stands elsewhere than at the beginning, outside quotes.
func misplacedName(filter string) string {
	if at := misplaced.FindStringSubmatch(quoted.ReplaceAllString(filter, `""`)); at != nil {
		return at[1]
	}
	return ""
}
