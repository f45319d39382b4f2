package accesslog

import (
	"encoding/csv"
	"encoding/json"
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
	{"an access log", parseBracketed, false},
	{"an access log of fields", parseFields, false},
	{"a list of times", parseLeading, true},
}

var (
	bracketed = regexp.MustCompile(`\[([^\[\]]{15,40})\]`)
	// quoted is a request line as most logs have it; arrowed is how one application server writes it.
	quoted  = regexp.MustCompile(`"([A-Z]{3,20}) (\S+)(?: HTTP/[\d.]+)?"`)
	arrowed = regexp.MustCompile(`\] ([A-Z]{3,20}) (\S+) => `)
	// bare is a request among other fields.
	bare = regexp.MustCompile(`(?:^|[\s,;|])(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)[\s,;|]+([^\s,;|]+)`)
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
		return r, r.withRequest(text, quoted, arrowed) || common
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
	return r, is && (r.withRequest(text, quoted, bare) || len(rest) <= 1 || numbers(rest))
}

// numbers reports whether all words are, such as a status, a size and a time.
func numbers(words []string) bool {
	return !slices.ContainsFunc(words, func(word string) bool { return strings.Trim(word, "0123456789.-") != "" })
}

// parseJSON reads a line with an object, whatever its members are called by its server.
func parseJSON(text string, _ *columns) (r record, is bool) {
	text = strings.TrimRight(strings.TrimLeft(text, "[ "), ",] ")
	if !strings.HasPrefix(text, "{") {
		return r, false
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var members map[string]any
	if decoder.Decode(&members) != nil {
		return r, false
	}
	flat := map[string]string{}
	flatten(flat, members)
	return recordOf(func(names ...string) string {
		for _, name := range names {
			if value := flat[name]; value != "" {
				return value
			}
		}
		return ""
	})
}

// flatten collects the texts and numbers of an object and of the objects in it, by their name in small
// letters; outer ones come first.
func flatten(into map[string]string, from map[string]any) {
	for name, value := range from {
		name = strings.ToLower(strings.TrimLeft(name, "@"))
		switch v := value.(type) {
		case string:
			into[name] = v
		case json.Number:
			into[name] = v.String()
		}
	}
	for _, value := range from {
		if inner, is := value.(map[string]any); is {
			deeper := map[string]string{}
			flatten(deeper, inner)
			for name, v := range deeper {
				if into[name] == "" {
					into[name] = v
				}
			}
		}
	}
}

// The names that servers give to the members and columns that matter, the best first.
var (
	timeNames = []string{
		"start_time", "startutc", "request_creation_time", "time", "ts", "timestamp", "msec", "time_iso8601", "time_local",
		"datetime", "date_time", "date-time", "date", "epoch", "epoch_ms", "timestamp_ms", "timemillis", "at", "t",
	}
	methodNames = []string{"method", "request_method", "requestmethod", "verb", "http_method", "cs-method"}
	pathNames   = []string{
		"request_uri", "uri", "requestpath", "path", "url", "request_path", "uri_path", "cs-uri-stem", "target",
	}
	queryNames = []string{"cs-uri-query", "query_string", "args", "query"}
)

// recordOf is the record of a line whose values have names.
func recordOf(value func(names ...string) string) (r record, is bool) {
	if day, clock := value("date"), value("time"); len(day) == len("2026-11-26") && strings.Count(clock, ":") == 2 {
		r.at, is = anyTime(day + "T" + clock)
	}
	for i := 0; i < len(timeNames) && !is; i++ {
		if text := value(timeNames[i]); text != "" {
			r.at, is = anyTime(text)
		}
	}
	if line := value("request", "request_line"); line != "" {
		r.withRequest(`"`+line+`"`, quoted)
	}
	if r.path == "" {
		r.method, r.path = value(methodNames...), pathOf(value(pathNames...))
		if query := value(queryNames...); query != "" && query != "-" && r.path != "" && !strings.Contains(r.path, "?") {
			r.path += "?" + query
		}
	}
	if r.method == "" && r.path != "" {
		r.method = "GET"
	}
	return r, is
}

// pathOf is the path and query of what a log calls a URL.
func pathOf(text string) string {
	if strings.HasPrefix(text, "/") || text == "" || text == "-" || text == "*" {
		return strings.TrimLeft(text, "-*")
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.RequestURI()
}

// columns are those of a table, as its header names them.
type columns struct {
	names     []string
	separator rune // 0: blanks
	asked     bool // the first line of the file was looked at
}

// read takes a line that is a header. The first line of a file may be one, and lines that begin with
// #Fields: (W3C's extended log file format) are wherever they stand.
func (c *columns) read(text string, begin bool) bool {
	if fields, is := strings.CutPrefix(text, "#Fields:"); is {
		c.names, c.separator = strings.Fields(strings.ToLower(fields)), 0
		return true
	}
	if c.asked || !begin || text[0] == '#' {
		return false
	}
	c.asked = true
	for _, separator := range ",\t;|" {
		names := split(text, separator)
		for i := range names {
			names[i] = strings.ToLower(strings.TrimLeft(strings.TrimSpace(names[i]), "@"))
		}
		known := func(name string) bool { return slices.Contains(timeNames, name) }
		if slices.ContainsFunc(names, known) && (len(names) > 1 || len(names[0]) > 1) {
			c.names, c.separator = names, separator
			return true
		}
	}
	return false
}

func split(line string, separator rune) []string {
	r := csv.NewReader(strings.NewReader(line))
	r.Comma, r.LazyQuotes, r.TrimLeadingSpace = separator, true, separator != '\t'
	fields, err := r.Read()
	if err != nil {
		return []string{line}
	}
	return fields
}

// parseTable reads a line of a table with a header.
func parseTable(text string, c *columns) (r record, is bool) {
	if c.names == nil {
		return r, false
	}
	fields := strings.Fields(text)
	if c.separator != 0 {
		fields = split(text, c.separator)
	}
	return recordOf(func(names ...string) string {
		for _, name := range names {
			if at := slices.Index(c.names, name); at >= 0 && at < len(fields) {
				return strings.TrimSpace(fields[at])
			}
		}
		return ""
	})
}
