package targets

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"bench/internal/strict"
)

// List is the content of a file with requests that are sent in its order.
type List struct {
	Mix Mix
	// Times are when a browser made the requests of a recording, since the first of them; of other
	// lists there are none.
	Times []time.Duration
	// Notes say what of the file is left out.
	Notes []string
}

// listFormat is a way to write a list of targets.
type listFormat struct {
	name string
	read func(*listReader, []byte) error
}

// listFormats are the formats of files with targets.
func listFormats() []listFormat {
	return []listFormat{
		{"http", (*listReader).lines},
		{"json", (*listReader).objects},
		{"har", (*listReader).recording},
	}
}

// ListFormats are the names of the formats of files with targets.
func ListFormats() (names []string) {
	for _, f := range listFormats() {
		names = append(names, f.name)
	}
	return names
}

// ParseList reads requests to a server. The formats are those of vegeta, "http" (a method and a URL in
// a line, then header fields and a @file with the body) and "json" (objects, one after the other or in
// a list), and "har", what browsers save. Without a format, the text shows which it is. A URL may be
// only a path; a whole one has to be on the server. Names are method and path without the query.
func ParseList(format string, data []byte, server string, files Files) (List, error) {
	data = strict.Text(data)
	if format == "" {
		format = formatOf(data)
	}
	formats := listFormats()
	at := slices.IndexFunc(formats, func(f listFormat) bool { return f.name == format })
	if at < 0 {
		return List{}, fmt.Errorf("format %q of targets: want one of %s", format, strings.Join(ListFormats(), ", "))
	}
	r := listReader{server: server, files: files}
	if err := formats[at].read(&r, data); err != nil {
		return List{}, fmt.Errorf("reading the targets as %s: %w", format, err)
	}
	if len(r.list.Mix.Targets) == 0 {
		return List{}, fmt.Errorf("reading the targets as %s: there are none", format)
	}
	return r.list, r.list.Mix.Validate()
}

// formatOf is the format that a text is in, as its beginning shows.
func formatOf(data []byte) string {
	start := bytes.TrimSpace(data)
	if len(start) == 0 || start[0] != '{' && start[0] != '[' {
		return "http"
	}
	if start[0] == '{' && isRecording(start) {
		return "har"
	}
	return "json"
}

// listReader builds a list while reading one of its formats.
type listReader struct {
	list   List
	server string
	files  Files
}

// asked is a request as a list writes it.
type asked struct {
	method, url string
	header      http.Header
	body        []byte
}

// add appends a request to the list.
func (r *listReader) add(a asked) error {
	t, server, err := a.target()
	if err != nil {
		return err
	}
	if server != "" && !sameServer(server, r.server) {
		return fmt.Errorf("%s is on %s, but the load is on %s: one load has one server", a.url, server, r.server)
	}
	if err := t.validate(); err != nil {
		return err
	}
	r.list.Mix.Targets = append(r.list.Mix.Targets, t)
	return nil
}

// target is the request as a target, and the server that its URL names, if it names one. A user and a
// password in the URL become the header field that they stand for.
func (a asked) target() (t Target, server string, err error) {
	method := strings.ToUpper(a.method)
	if method == "" {
		method = http.MethodGet
	}
	if strings.ContainsFunc(a.url, unicode.IsControl) {
		return Target{}, "", fmt.Errorf("%q: a URL with a control character; escape it, such as a line break as %%0A", a.url)
	}
	u, err := url.Parse(escapeURI(a.url, false))
	if err != nil {
		return Target{}, "", err
	}
	switch {
	case u.Host != "" && (u.Scheme == "http" || u.Scheme == "https"):
		server = u.Scheme + "://" + u.Host
	case u.Scheme != "" || u.Host != "" || !strings.HasPrefix(a.url, "/"):
		return Target{}, "", fmt.Errorf("%q: want http://HOST:PORT/PATH, https://HOST:PORT/PATH or /PATH", a.url)
	}
	t = Target{Method: method, Path: u.RequestURI(), Header: a.header, Body: a.body}
	t.Name = listName(method, u)
	if user := u.User; user != nil {
		if t.Header == nil {
			t.Header = http.Header{}
		}
		if t.Header.Get("Authorization") == "" {
			t.Header.Set("Authorization", BasicAuth(user))
		}
	}
	return t, server, nil
}

// Logged is the target of a request that a log recorded: its method and path.
func Logged(method, path string) (Target, error) {
	t, _, err := asked{method: method, url: path}.target()
	if err != nil {
		return t, err
	}
	return t, t.validate()
}

// BasicAuth is the Authorization field of a user and a password (RFC 7617).
func BasicAuth(user *url.Userinfo) string {
	password, _ := user.Password()
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password))
}

func listName(method string, u *url.URL) string {
	name := strings.NewReplacer("/", ".", ",", "_", ";", "_", " ", "_", "\"", "_", "'", "_").Replace(u.EscapedPath())
	if name == "" {
		name = "."
	}
	return strings.ToLower(method) + name
}

// sameServer reports whether the URLs of two servers mean the same one.
func sameServer(a, b string) bool {
	return canonicalServer(a) == canonicalServer(b)
}

func canonicalServer(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return text
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// lines reads vegeta's format "http".
func (r *listReader) lines(data []byte) error {
	var current *asked
	finish := func() (err error) {
		if current != nil {
			err = r.add(*current)
		}
		current = nil
		return err
	}
	number, began := 0, 0
	for line := range strings.Lines(string(data)) {
		number++
		line = strings.TrimSpace(line)
		name, value, isField := strings.Cut(line, ":")
		var err error
		switch {
		case strings.HasPrefix(line, "#"):
		case line == "":
			err = finish()
		case current != nil && strings.HasPrefix(line, "@"):
			current.body, err = r.files.read(strings.TrimSpace(line[1:]))
		case current != nil && isField && validToken(name) && !strings.HasPrefix(value, "//"):
			current.header.Add(name, strings.TrimSpace(value))
		default:
			if err = finish(); err == nil {
				began = number
				current, err = requestLine(line)
			}
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", max(began, 1), err)
		}
	}
	if err := finish(); err != nil {
		return fmt.Errorf("line %d: %w", began, err)
	}
	return nil
}

// requestLine reads "GET http://127.0.0.1:8000/path", with or without the version of HTTP at its end.
// A URL alone is asked with GET.
func requestLine(line string) (*asked, error) {
	words := strings.Fields(line)
	if last := len(words) - 1; last > 0 && strings.HasPrefix(words[last], "HTTP/") {
		words = words[:last]
	}
	a := &asked{header: http.Header{}}
	switch {
	case len(words) == 1 && strings.Contains(words[0], "/"):
		a.url = words[0]
	case len(words) == 2 && validToken(words[0]):
		a.method, a.url = words[0], words[1]
	case slices.Contains(words[:min(2, len(words))], "curl"):
		return nil, errors.New("a command of curl: want METHOD URL, then header fields; or save what the browser asked " +
			"as HAR, which is read as it is")
	case len(words) > 2:
		return nil, fmt.Errorf("%.80q: want METHOD URL; write a blank in a URL as %%20", line)
	default:
		return nil, errors.New(`want METHOD URL, such as "GET http://127.0.0.1:8000/"`)
	}
	return a, nil
}
