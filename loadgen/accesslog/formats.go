package accesslog

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// format is a form of lines.
type format struct {
	name  string
	parse func(text string, c *columns) (record, bool)
	// weak means that lines of other files may resemble it: most lines then have to be of this form.
	weak bool
}

// formats are tried in this order on the first lines.
var formats = []format{
	{"JSON", parseJSON, false},
	{"a table", parseTable, true},
	{"an access log of named values", parseLabels, false},
	{"an access log", parseBracketed, false},
	{"an access log of fields", parseFields, false},
	{"a list of times", parseLeading, true},
}

var (
	bracketed = regexp.MustCompile(`\[([^\[\]]{15,40})\]`)
	// quoted is a request line as most logs have it; arrowed is how one application server writes it.
	quoted  = regexp.MustCompile(`"([A-Z][A-Z-]{2,19}) (\S+)(?: (?:HTTP/)?[\d.]+)?"`)
	arrowed = regexp.MustCompile(`\] ([A-Z][A-Z-]{2,19}) (\S+) => `)
	// bare is a request among other fields.
	bare = regexp.MustCompile(`(?:^|[\s,;|])(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)[\s,;|]+([^\s,;|]+)`)
	// caused is how a log of errors names the request that an error is about.
	caused = regexp.MustCompile(`\brequest: "`)
	// escaped is a byte that servers do not write as it is.
	escaped = regexp.MustCompile(`\\x([0-9A-Fa-f]{2})`)
	// colours and other commands to a terminal
	colours = regexp.MustCompile(`\x1b\[[\d;]*[A-Za-z]`)
)

// withRequest adds the request that a line holds, and reports whether it holds one.
func (r *record) withRequest(text string, forms ...*regexp.Regexp) bool {
	for _, form := range forms {
		if found := form.FindStringSubmatch(text); found != nil {
			r.method, r.path = found[1], pathOf(found[2])
			return true
		}
	}
	return false
}

// parseBracketed reads lines with a time in brackets and a request. A time in the common log format is
// enough by itself: nothing but access logs have it.
func parseBracketed(text string, _ *columns) (r record, is bool) {
	for _, found := range bracketed.FindAllStringSubmatch(text, 4) {
		at, common, is := bracketTime(found[1])
		if !is {
			continue
		}
		r.at = at
		if r.withRequest(text, quoted, arrowed) || common {
			return r, true
		}
	}
	return r, false
}

// parseFields reads lines that have an RFC 3339 time among their first fields and a request in quotes,
// as load balancers write them.
func parseFields(text string, _ *columns) (r record, is bool) {
	fields := strings.Fields(text)
	for _, field := range fields[:min(3, len(fields))] {
		if r.at, is = isoTime(field); is {
			return r, r.withRequest(text, quoted)
		}
	}
	return r, false
}

// parseLeading reads lines that begin with a time: seconds, milliseconds and so on of Unix time, RFC
// 3339, or seconds since any start. Other logs begin with times too, and with numbers that are none: a
// time is alone, or before a request, a word or numbers.
func parseLeading(text string, _ *columns) (r record, is bool) {
	words := strings.FieldsFunc(text, func(c rune) bool { return strings.ContainsRune(" \t,;|", c) })
	if len(words) == 0 {
		return r, false
	}
	rest := words[1:]
	if r.at, is = isoTime(words[0]); !is {
		if r.at, is = numberTime(words[0]); is && len(rest) > 0 {
			is = r.at >= leastUnix || strings.Contains(words[0], ".")
		}
	}
	if !is && len(words) > 1 {
		r.at, is = isoTime(words[0] + "T" + words[1])
		rest = words[2:]
	}
	return r, is && !caused.MatchString(text) && (r.withRequest(text, quoted, bare) || len(rest) <= 1 || numbers(rest))
}

// numbers reports whether all words are, such as a status, a size and a time.
func numbers(words []string) bool {
	return !slices.ContainsFunc(words, func(word string) bool { return strings.Trim(word, "0123456789.-") != "" })
}

// pathOf is the path and query of what a log calls a URL.
func pathOf(text string) string {
	if strings.Contains(text, `\`) {
		text = strings.ReplaceAll(escaped.ReplaceAllString(text, "%$1"), `\"`, "%22")
	}
	if strings.HasPrefix(text, "/") || text == "" || text == "-" || text == "*" {
		return strings.TrimLeft(text, "-*")
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.RequestURI()
}
