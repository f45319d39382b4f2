// Package targets describes what is requested: single requests, weighted mixes of them, and the
// Django project that serves them. Everything here is plain data; nothing in this package opens
// a socket or starts a process.
package targets

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Target is one request and what a successful response to it looks like.
type Target struct {
	Name   string      `json:"name" yaml:"name"`
	Method string      `json:"method" yaml:"method"`
	Path   string      `json:"path" yaml:"path"` // path and query; the host comes from the plan
	Header http.Header `json:"header,omitempty" yaml:"headers"`
	Body   []byte      `json:"body,omitempty" yaml:"-"`
	Weight uint32      `json:"weight,omitempty" yaml:"weight"`
	Expect Expect      `json:"expect" yaml:"expect"`
}

// RequestURI is the path and query as they are sent: with every escape as written, and everything
// else escaped that a request line cannot hold.
func (t *Target) RequestURI() string { return escapeURI(t.Path, false) }

// Template is RequestURI with its placeholders left alone.
func (t *Target) Template() string { return escapeURI(t.Path, true) }

// Request is the target as a request to a server. A Host in the header names the host.
func (t *Target) Request(ctx context.Context, server string) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, t.Method, server+t.RequestURI(), bytes.NewReader(t.Body))
	if err != nil {
		return nil, err
	}
	if r.Header = t.Header.Clone(); r.Header == nil {
		r.Header = http.Header{}
	}
	r.Host = cmp.Or(r.Header.Get("Host"), r.Host) // net/http ignores it in the header
	return r, nil
}

// escapeURI escapes what cannot stand in a request line. In a path that is all that RFC 3986 does not
// allow there; a query keeps what browsers leave alone in it.
func escapeURI(text string, placeholders bool) string {
	var out strings.Builder
	query := false
	for i := 0; i < len(text); i++ {
		if placeholders && strings.HasPrefix(text[i:], "{{") {
			if length := strings.Index(text[i:], "}}"); length > 0 {
				out.WriteString(text[i : i+length+2])
				i += length + 1
				continue
			}
		}
		c := text[i]
		query = query || c == '?'
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"<>`, c) >= 0 || !query && strings.IndexByte("\\^`{|}", c) >= 0 {
			fmt.Fprintf(&out, "%%%02X", c)
			continue
		}
		out.WriteByte(c)
	}
	return out.String()
}

// framing are the header fields that say where a request ends. They follow from the body, and are the
// business of whoever sends it.
var framing = []string{"Content-Length", "Transfer-Encoding", "Trailer", "Expect"}

// validate reports what is wrong with the target. It never changes the target.
func (t *Target) validate() error {
	switch {
	case t.Name == "":
		return fmt.Errorf("target without a name (path %q)", t.Path)
	case strings.ContainsAny(t.Name, ",;/ \t\r\n\"'"):
		return fmt.Errorf("target name %q: blanks, commas, slashes and quotes are not allowed, "+
			"since it becomes a histogram tag and a file name", t.Name)
	case !utf8.ValidString(t.Name) || strings.ContainsFunc(t.Name, func(c rune) bool { return !unicode.IsPrint(c) }):
		return fmt.Errorf("target name %+q: want characters that can be seen", t.Name)
	case !validToken(t.Method):
		return fmt.Errorf("target %s: method %q is not an HTTP token", t.Name, t.Method)
	case t.Method == http.MethodConnect:
		return fmt.Errorf("target %s: CONNECT asks a proxy for a tunnel; a load has none", t.Name)
	case !strings.HasPrefix(t.Path, "/"):
		return fmt.Errorf("target %s: path %q must start with /", t.Name, t.Path)
	case strings.ContainsAny(t.Path, " #") || strings.ContainsFunc(t.Path, unicode.IsControl):
		return fmt.Errorf("target %s: path %q contains a blank, a fragment or a control character; "+
			"escape it, as %%20, %%23 or %%0A", t.Name, t.Path)
	}
	if _, err := url.ParseRequestURI(t.Template()); err != nil {
		return fmt.Errorf("target %s: path: %w", t.Name, err)
	}
	if err := validHeader(t.Header); err != nil {
		return fmt.Errorf("target %s: %w", t.Name, err)
	}
	if err := t.Expect.validate(); err != nil {
		return fmt.Errorf("target %s: %w", t.Name, err)
	}
	return nil
}

func validHeader(h http.Header) error {
	for key, values := range h {
		if !validToken(key) {
			return fmt.Errorf("header name %q is not an HTTP token", key)
		}
		for _, value := range values {
			if strings.ContainsFunc(value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
				return fmt.Errorf("header %s contains a line break or another control character", key)
			}
		}
	}
	for _, name := range framing {
		if _, given := h[name]; given {
			return fmt.Errorf("header %s says where a request ends or waits: "+
				"leave it out, because bench frames requests itself, with a Content-Length", name)
		}
	}
	return nil
}

func validToken(s string) bool {
	if s == "" {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		alnum := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !alnum && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return true
}
