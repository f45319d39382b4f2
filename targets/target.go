// Package targets describes what is requested: single requests, weighted mixes of them, and the
// Django project that serves them. Everything here is plain data; nothing in this package opens
// a socket or starts a process.
package targets

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
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

// Expect is what a response must satisfy to count as ok. The zero value requires a status of
// 200 to 399 and accepts any body.
type Expect struct {
	Status   int    `json:"status,omitempty" yaml:"status"`
	Length   *int64 `json:"length,omitempty" yaml:"length"` // body bytes
	SHA256   string `json:"sha256,omitempty" yaml:"sha256"` // of the body, in hex
	Contains string `json:"contains,omitempty" yaml:"contains"`
	// AnyBody says that bodies may differ between topologies (a clock, a token): the preflight
	// then compares only status and headers.
	AnyBody bool `json:"any_body,omitempty" yaml:"any_body"`
}

// StatusOK reports whether the status is the expected one.
func (e Expect) StatusOK(status int) bool {
	if e.Status != 0 {
		return status == e.Status
	}
	return status >= 200 && status < 400
}

// NeedsBody reports whether the body has to be checked.
func (e Expect) NeedsBody() bool { return e.Length != nil || e.SHA256 != "" || e.Contains != "" }

// BodyOK reports whether the body is an expected one.
func (e Expect) BodyOK(body []byte) bool {
	if e.Length != nil && int64(len(body)) != *e.Length {
		return false
	}
	if e.Contains != "" && !bytes.Contains(body, []byte(e.Contains)) {
		return false
	}
	if e.SHA256 != "" {
		sum := sha256.Sum256(body)
		return hex.EncodeToString(sum[:]) == strings.ToLower(e.SHA256)
	}
	return true
}

// validate reports what is wrong with the target. It never changes the target.
func (t Target) validate() error {
	switch {
	case t.Name == "":
		return fmt.Errorf("target without a name (path %q)", t.Path)
	case strings.ContainsAny(t.Name, ",;/ \t\r\n\"'"):
		return fmt.Errorf("target name %q: blanks, commas, slashes and quotes are not allowed, "+
			"since it becomes a histogram tag and a file name", t.Name)
	case !validToken(t.Method):
		return fmt.Errorf("target %s: method %q is not an HTTP token", t.Name, t.Method)
	case !strings.HasPrefix(t.Path, "/"):
		return fmt.Errorf("target %s: path %q must start with /", t.Name, t.Path)
	case strings.ContainsAny(t.Path, " \r\n\t#"):
		return fmt.Errorf("target %s: path %q contains a blank, a line break or a fragment; "+
			"escape it as %%20, %%0A, %%23", t.Name, t.Path)
	}
	if _, err := url.ParseRequestURI(t.Path); err != nil {
		return fmt.Errorf("target %s: path: %w", t.Name, err)
	}
	for key, values := range t.Header {
		if !validToken(key) {
			return fmt.Errorf("target %s: header name %q is not an HTTP token", t.Name, key)
		}
		for _, value := range values {
			if strings.ContainsAny(value, "\r\n\x00") {
				return fmt.Errorf("target %s: header %s contains a line break", t.Name, key)
			}
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
