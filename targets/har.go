package targets

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// har is what is used of an HTTP Archive, as browsers save it: the format HAR 1.2.
type har struct {
	Log struct {
		Entries []harEntry `json:"entries"`
	} `json:"log"`
}

type harEntry struct {
	Started string     `json:"startedDateTime"`
	Cached  any        `json:"_fromCache"`
	Request harRequest `json:"request"`
}

type harRequest struct {
	Method  string    `json:"method"`
	URL     string    `json:"url"`
	Headers []harPair `json:"headers"`
	Post    *struct {
		Type     string    `json:"mimeType"`
		Text     string    `json:"text"`
		Encoding string    `json:"encoding"`
		Params   []harPair `json:"params"`
	} `json:"postData"`
}

type harPair struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// hopByHop are header fields of the browser's own connection, beside those of framing and HTTP/2's
// pseudo fields. The load has connections of its own.
var hopByHop = []string{
	"Host", "Connection", "Keep-Alive", "Proxy-Connection", "Te", "Upgrade", "Http2-Settings",
}

// recording reads a HAR file: the requests to the load's server, in the order in which they were made.
// A page also asks other servers and the browser's cache; those requests are left out, and counted.
func (r *listReader) recording(data []byte) error {
	var file har
	decoder := json.NewDecoder(bytes.NewReader(data))
	if err := decoder.Decode(&file); err != nil {
		return jsonError(data, decoder.InputOffset(), err)
	}
	if rest := bytes.TrimSpace(data[decoder.InputOffset():]); len(rest) > 0 {
		return fmt.Errorf("after the recording: %.20q", rest)
	}
	entries := file.Log.Entries
	untimed := slices.IndexFunc(entries, func(e harEntry) bool { return e.started().IsZero() })
	if untimed < 0 {
		slices.SortStableFunc(entries, func(a, b harEntry) int { return a.started().Compare(b.started()) })
	}
	others, cached := map[string]int{}, 0
	var first time.Time
	for i, e := range entries {
		u, err := url.Parse(escapeURI(e.Request.URL, false))
		if err != nil {
			return fmt.Errorf("entry %d: %w", i+1, err)
		}
		server := u.Scheme + "://" + u.Host
		switch {
		case !sameServer(server, r.server):
			others[server]++
			continue
		case e.Cached != nil && e.Cached != false:
			cached++
			continue
		}
		a, err := e.Request.asked()
		if err == nil {
			err = r.add(a)
		}
		if err != nil {
			return fmt.Errorf("entry %d, %s %.80q: %w", i+1, e.Request.Method, e.Request.URL, err)
		}
		if len(r.list.Mix.Targets) == 1 {
			first = e.started()
		}
		r.list.Times = append(r.list.Times, e.started().Sub(first))
	}
	r.leftOut(others, cached)
	if untimed >= 0 {
		r.list.Times = nil
		r.list.Notes = append(r.list.Notes, fmt.Sprintf("requests are sent in their order, not at their times: "+
			"entry %d has startedDateTime %.30q", untimed+1, entries[untimed].Started))
	}
	if len(r.list.Mix.Targets) == 0 && len(others) > 0 {
		return fmt.Errorf("none of its %d requests is to %s: %s", len(entries), r.server, strings.Join(r.list.Notes, "; "))
	}
	return nil
}

// harTimes are the form that HAR demands, and what is written instead of it.
var harTimes = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700", "2006-01-02T15:04:05.999999999"}

// started is when the browser sent the request; zero: the entry does not say.
func (e harEntry) started() (at time.Time) {
	for _, layout := range harTimes {
		if at, err := time.Parse(layout, strings.Replace(e.Started, " ", "T", 1)); err == nil {
			return at
		}
	}
	return time.Time{}
}

// leftOut notes what of a recording is not sent.
func (r *listReader) leftOut(others map[string]int, cached int) {
	for server, n := range others {
		r.list.Notes = append(r.list.Notes, fmt.Sprintf("requests to %s left out: %d", server, n))
	}
	slices.Sort(r.list.Notes)
	if cached > 0 {
		r.list.Notes = append(r.list.Notes, fmt.Sprintf(
			"requests that the browser's cache answered left out: %d", cached))
	}
}

// asked is the request without what belonged to the browser's connection.
func (q harRequest) asked() (asked, error) {
	a := asked{method: q.Method, url: q.URL, header: http.Header{}}
	for _, field := range q.Headers {
		name := http.CanonicalHeaderKey(field.Name)
		if strings.HasPrefix(name, ":") || slices.Contains(hopByHop, name) || slices.Contains(framing, name) {
			continue
		}
		a.header.Add(name, field.Value)
	}
	if q.Post == nil {
		return a, nil
	}
	a.body = []byte(q.Post.Text)
	switch {
	case q.Post.Encoding == "base64":
		body, err := base64.StdEncoding.DecodeString(q.Post.Text)
		if err != nil {
			return a, fmt.Errorf("body: %w", err)
		}
		a.body = body
	case q.Post.Text == "" && strings.HasPrefix(q.Post.Type, "multipart/") && len(q.Post.Params) > 0:
		return a, errors.New("the browser saved a multipart form without its body, which cannot be sent again")
	case q.Post.Text == "" && len(q.Post.Params) > 0:
		var form []string
		for _, p := range q.Post.Params {
			form = append(form, url.QueryEscape(p.Name)+"="+url.QueryEscape(p.Value))
		}
		a.body = []byte(strings.Join(form, "&"))
	}
	if q.Post.Type != "" && a.header.Get("Content-Type") == "" && len(a.body) > 0 {
		a.header.Set("Content-Type", q.Post.Type)
	}
	return a, nil
}
