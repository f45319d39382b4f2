package native

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"bench/loadgen"
	"bench/targets"
)

// request is a prepared target: the bytes to send and the check of the response.
type request struct {
	target int // index into the mix's targets
	bytes  []byte
	head   bool
	// template renders the bytes of each request, if they differ; otherwise nil.
	template *template
	// again says that the request may be sent a second time when a reused connection turns
	// out to be closed (RFC 9110, section 9.2.2).
	again bool
	check check
}

// prepare prepares the requests of a plan.
func prepare(p loadgen.Plan) ([]request, error) {
	all := make([]request, len(p.Mix.Targets))
	for i := range p.Mix.Targets {
		r, err := newRequest(p, &p.Mix.Targets[i])
		if err != nil {
			return nil, fmt.Errorf("target %s: %w", p.Mix.Targets[i].Name, err)
		}
		r.target = i
		all[i] = r
	}
	return all, nil
}

func newRequest(p loadgen.Plan, t *targets.Target) (request, error) {
	h, err := t.Request(context.Background(), p.URL)
	if err != nil {
		return request{}, err
	}
	if h.Header.Get("User-Agent") == "" {
		h.Header.Set("User-Agent", loadgen.UserAgent)
	}
	h.Close = p.Conns.New
	r := request{
		head:  t.Method == http.MethodHead,
		again: slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace}, t.Method),
		check: newCheck(t.Expect),
	}
	if p.Mix.Dynamic() {
		r.template, err = newTemplate(p.Mix, h, t)
		return r, err
	}
	var out bytes.Buffer
	if err := h.Write(&out); err != nil {
		return request{}, err
	}
	r.bytes = slices.Clip(out.Bytes())
	return r, nil
}

// template is a request with placeholders.
type template struct {
	head    []piece // the request line and the fixed fields
	body    []piece
	hasBody bool
	cookies bool // the session's cookies are sent
}

// piece is a prepared part of a template.
type piece struct {
	literal []byte
	values  [][]byte // of the feed's column, by row, escaped where necessary
	cookie  string
}

func newTemplate(mix targets.Mix, h *http.Request, t *targets.Target) (*template, error) {
	form := strings.HasPrefix(h.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
	sends := []string{http.MethodPost, http.MethodPut, http.MethodPatch}
	m := &template{cookies: len(mix.Sessions) > 0, hasBody: len(t.Body) > 0 || slices.Contains(sends, t.Method)}
	add := func(to *[]piece, text string, escape bool) error {
		parts, err := mix.Parts(text)
		for _, part := range parts {
			p := piece{literal: []byte(part.Literal), cookie: part.Cookie}
			if part.Column >= 0 {
				for _, row := range mix.Feed.Rows {
					value := row[part.Column]
					if escape {
						value = targets.Escape(value)
					} else if to == &m.head && strings.ContainsAny(value, "\r\n") {
						return fmt.Errorf("the feed's value %.40q contains a line break, which a header cannot", value)
					}
					p.values = append(p.values, []byte(value))
				}
			}
			*to = append(*to, p)
		}
		return err
	}
	literal := func(text string) error { return add(&m.head, text, false) }
	err := errors.Join(literal(t.Method+" "), add(&m.head, t.Template(), true),
		literal(" HTTP/1.1\r\nHost: "+host(h)+"\r\n"))
	for _, name := range slices.Sorted(maps.Keys(h.Header)) {
		if name == "Host" || name == "Content-Length" || name == "Cookie" && m.cookies {
			continue
		}
		for _, value := range h.Header[name] {
			err = errors.Join(err, literal(name+": "+value+"\r\n"))
		}
	}
	if h.Close {
		err = errors.Join(err, literal("Connection: close\r\n"))
	}
	return m, errors.Join(err, add(&m.body, string(t.Body), form))
}

// host is what a request names as its host: a zone is known only to this machine (RFC 6874, section 4).
func host(h *http.Request) string {
	name, zoned, is := strings.Cut(h.Host, "%")
	if !is || !strings.HasPrefix(name, "[") {
		return h.Host
	}
	return name + zoned[strings.IndexByte(zoned, ']'):]
}

// render appends request n, or the next request of a session with these cookies.
func (m *template) render(out []byte, n uint64, cookies *jar) []byte {
	out = fill(out, m.head, n, cookies)
	if m.cookies && len(cookies.cookies) > 0 {
		out = append(out, "Cookie: "...)
		for i, c := range cookies.cookies {
			if i > 0 {
				out = append(out, "; "...)
			}
			out = append(append(append(out, c.name...), '='), c.value...)
		}
		out = append(out, "\r\n"...)
	}
	if m.hasBody {
		length := 0
		for i := range m.body {
			length += len(m.body[i].text(n, cookies))
		}
		out = append(strconv.AppendInt(append(out, "Content-Length: "...), int64(length), 10), "\r\n"...)
	}
	return fill(append(out, "\r\n"...), m.body, n, cookies)
}

func fill(out []byte, pieces []piece, n uint64, cookies *jar) []byte {
	for i := range pieces {
		out = append(out, pieces[i].text(n, cookies)...)
	}
	return out
}

func (p *piece) text(n uint64, cookies *jar) []byte {
	switch {
	case p.values != nil:
		return p.values[n%uint64(len(p.values))]
	case p.cookie != "":
		return cookies.get(p.cookie)
	}
	return p.literal
}
