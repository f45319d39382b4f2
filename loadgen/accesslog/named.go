package accesslog

import (
	"encoding/csv"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// The names that servers give to the values that matter, the best first, as plainName makes them.
var (
	timeNames = []string{
		"starttime", "startutc", "requestcreationtime", "edgestarttimestamp", "time", "ts", "timestamp", "msec",
		"timeiso8601", "timelocal", "datetime", "date", "epoch", "epochms", "timestampms", "timemillis",
		"realtimetimestamp", "at", "t",
	}
	methodNames = []string{
		"method", "requestmethod", "httpmethod", "verb", "requestverb", "csmethod", "clientrequestmethod",
		"httprequestmethod",
	}
	pathNames = []string{
		"requesturi", "uri", "requestpath", "path", "url", "requesturl", "uripath", "csuristem", "target",
		"clientrequesturi", "urloriginal", "original", "urlpath",
	}
	queryNames   = []string{"csuriquery", "querystring", "args", "query", "requestquery", "urlquery"}
	lineNames    = []string{"request", "requestline", "req"}
	statusNames  = []string{"status", "scstatus", "statuscode", "responsecode", "httpstatus", "downstreamstatus", "code"}
	messageNames = []string{"log", "message", "msg"} // which may hold a line of another log
)

// plainName makes the names of many servers alike: @timestamp, cs-method, request_uri, http.request.method.
func plainName(name string) string {
	return strings.ToLower(strings.Map(func(c rune) rune {
		if unicode.IsLetter(c) || unicode.IsDigit(c) {
			return c
		}
		return -1
	}, name))
}

// values are the values of a line by their plain names.
type values map[string]string

func (v values) first(names []string) string {
	for _, name := range names {
		if text := v[name]; text != "" && text != "-" {
			return text
		}
	}
	return ""
}

// record is that of the line, which has to be about a request, or to hold nothing but a time.
func (v values) record() (r record, is bool) {
	if r.at, is = v.time(); !is {
		return r, false
	}
	if line := v.first(lineNames); line == "" || !r.withRequest(`"`+line+`"`, quoted) {
		r.method, r.path = v.first(methodNames), pathOf(v.first(pathNames))
		if query := v.first(queryNames); query != "" && r.path != "" && !strings.Contains(r.path, "?") {
			r.path += "?" + strings.TrimPrefix(query, "?")
		}
	}
	if r.path == "" && r.method == "" {
		for _, name := range messageNames {
			if r.withRequest(v[name], quoted, arrowed, bare) {
				return r, true
			}
		}
	}
	if r.method == "" && r.path != "" {
		r.method = "GET"
	}
	return r, r.method != "" || v.first(statusNames) != "" || len(v) == 1
}

// time is the time of a line. A number that is no Unix time may be how long something took, so that any other
// time is better.
func (v values) time() (at int64, is bool) {
	if day, clock := v["date"], v["time"]; len(day) == len("2026-11-26") && strings.Count(clock, ":") == 2 {
		return anyTime(day + "T" + clock)
	}
	for _, name := range timeNames {
		if found, isTime := anyTime(v[name]); isTime && (found >= leastUnix || !is) {
			if at, is = found, true; found >= leastUnix {
				break
			}
		}
	}
	return at, is
}

// parseJSON reads a line with an object, whatever its members are called by its server.
func parseJSON(text string, _ *columns) (r record, is bool) {
	text = strings.TrimRight(strings.TrimLeft(text, "[ "), ",] ")
	if !strings.HasPrefix(text, "{") {
		return r, false
	}
	members, err := object(text)
	if err != nil { // some servers escape bytes as no JSON does
		members, err = object(strings.ReplaceAll(text, `\x`, `\u00`))
	}
	v := values{}
	v.flatten("", members)
	r, is = v.record()
	return r, is && err == nil
}

func object(text string) (members map[string]any, err error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	return members, decoder.Decode(&members)
}

// flatten collects the texts and numbers of an object and of the objects in it, by their own name and by that
// with those of the objects around them; outer ones come first.
func (v values) flatten(within string, from map[string]any) {
	for name, value := range from {
		name = plainName(name)
		text, isText := value.(string)
		if number, is := value.(json.Number); is {
			text, isText = number.String(), true
		}
		if !isText {
			continue
		}
		for _, as := range []string{name, within + name} {
			if v[as] == "" {
				v[as] = text
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(from)) {
		if inner, is := from[name].(map[string]any); is {
			v.flatten(within+plainName(name), inner)
		}
	}
}

// label is a value with its name before it: name=value, name="value", or name:value between tabs.
var label = regexp.MustCompile(`(?:^|[\s,;])([A-Za-z_][\w.\-]*)=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*))`)

// parseLabels reads a line in which each value has its name. The time may stand before them.
func parseLabels(text string, _ *columns) (r record, is bool) {
	v := values{}
	if strings.Contains(text, "\t") {
		for field := range strings.SplitSeq(text, "\t") {
			if name, value, named := strings.Cut(field, ":"); named {
				v[plainName(name)] = value
			}
		}
	}
	for _, found := range label.FindAllStringSubmatch(text, 50) {
		v[plainName(found[1])] = found[2] + found[3]
	}
	if len(v) < 2 {
		return r, false
	}
	if _, is := v.time(); !is {
		first, _, _ := strings.Cut(text, " ")
		v["time"] = first
	}
	r, is = v.record()
	return r, is && r.at >= leastUnix && r.path != ""
}

// columns are those of a table, as its header names them.
type columns struct {
	names     []string
	separator rune   // 0: blanks, or tabs where there are any
	day       string // of times without a date
	asked     bool   // the first line of the file was looked at
}

// read takes a line that is a header. The first line of a file may be one, and lines that begin with
// #Fields: or #Date: (W3C's extended log file format) are wherever they stand.
func (c *columns) read(text string, begin bool) bool {
	if fields, is := strings.CutPrefix(text, "#Fields:"); is {
		c.names, c.separator = strings.Fields(fields), 0
		c.plain()
		return true
	}
	if date, is := strings.CutPrefix(text, "#Date:"); is {
		c.day, _, _ = strings.Cut(strings.TrimSpace(date), " ")
		return true
	}
	if c.asked || !begin || c.names != nil || text[0] == '#' {
		return false
	}
	c.asked = true
	for _, separator := range ",\t;|" {
		c.names, c.separator = split(text, separator), separator
		c.plain()
		known := func(name string) bool { return slices.Contains(timeNames, name) }
		if slices.ContainsFunc(c.names, known) && (len(c.names) > 1 || len(c.names[0]) > 1) {
			return true
		}
	}
	c.names = nil
	return false
}

func (c *columns) plain() {
	for i, name := range c.names {
		c.names[i] = plainName(name)
	}
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
	var fields []string
	switch {
	case c.separator != 0:
		fields = split(text, c.separator)
	case strings.Contains(text, "\t"):
		fields = strings.Split(text, "\t") // of which some may be empty
	default:
		fields = strings.Fields(text)
	}
	v := values{}
	for i, name := range c.names[:min(len(c.names), len(fields))] {
		if v[name] == "" {
			v[name] = strings.TrimSpace(fields[i])
		}
	}
	if v["date"] == "" && c.day != "" {
		v["date"] = c.day
	}
	return v.record()
}
