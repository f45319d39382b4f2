package targets

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"bench/internal/strict"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// Entry is a target as written in YAML.
type Entry struct {
	Name       string            `yaml:"name"`
	Method     string            `yaml:"method"`
	Path       string            `yaml:"path"`
	Headers    map[string]string `yaml:"headers"`
	Body       string            `yaml:"body"`
	BodyBase64 string            `yaml:"body_base64"`
	Weight     uint32            `yaml:"weight"`
	Expect     Expect            `yaml:"expect"`
}

func (f Entry) target() (Target, error) {
	t := Target{Name: f.Name, Method: strings.ToUpper(f.Method), Path: f.Path, Weight: f.Weight, Expect: f.Expect}
	if t.Method == "" {
		t.Method = http.MethodGet
	}
	if f.Weight == 0 {
		t.Weight = 1
	}
	if len(f.Headers) > 0 {
		t.Header = http.Header{}
		for key, value := range f.Headers {
			t.Header.Set(key, value)
		}
	}
	switch {
	case f.Body != "" && f.BodyBase64 != "":
		return t, fmt.Errorf("target %s: body and body_base64 are both given", f.Name)
	case f.Body != "":
		t.Body = []byte(f.Body)
	case f.BodyBase64 != "":
		body, err := base64.StdEncoding.DecodeString(f.BodyBase64)
		if err != nil {
			return t, fmt.Errorf("target %s: body_base64: %w", f.Name, err)
		}
		t.Body = body
	}
	return t, nil
}

// ParseMix reads a YAML list of targets, each with a name, a path and optionally method,
// headers, body, weight (1 unless given) and expect. Unknown keys are errors that name
// line and column.
func ParseMix(data []byte) (Mix, error) {
	var files []Entry
	if err := strict.YAML(data, &files); err != nil {
		return Mix{}, fmt.Errorf("mix: %w", err)
	}
	return MixOf(files)
}

// ParseSessions reads a YAML list of sessions, each with a name, a weight (1 unless given)
// and steps: targets with an optional pause, think, before them.
func ParseSessions(data []byte, feed *Feed) (Mix, error) {
	var files []SessionEntry
	if err := strict.YAML(data, &files); err != nil {
		return Mix{}, fmt.Errorf("sessions: %w", err)
	}
	return SessionsOf(files, feed)
}

// MixOf checks the entries of a YAML list and builds a mix from them.
func MixOf(files []Entry) (Mix, error) {
	var mix Mix
	var errs []error
	for _, f := range files {
		t, err := f.target()
		if err != nil {
			errs = append(errs, err)
		}
		mix.Targets = append(mix.Targets, t)
	}
	if err := mix.Validate(); err != nil {
		errs = append(errs, err)
	}
	return mix, errors.Join(errs...)
}

// ParseVegeta reads one of vegeta's own target formats: "http" or "json". The requests
// become a list that is replayed in order, as vegeta does. All of them must go to one server,
// whose base URL is returned; the names are method and path without the query.
func ParseVegeta(format string, r io.Reader) (mix Mix, base string, err error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return Mix{}, "", fmt.Errorf("reading vegeta targets: %w", err)
	}
	data = append(data, '\n') // vegeta's JSON reader drops a last line without one
	var targeter vegeta.Targeter
	switch format {
	case "http":
		// vegeta reads @file bodies relative to the working folder; a target file from
		// elsewhere must not make this process read files of its choice.
		for i, line := range strings.Split(string(data), "\n") {
			if strings.HasPrefix(strings.TrimSpace(line), "@") {
				const format = "parsing vegeta targets: line %d: body files (%s) are not read; " +
					"use the JSON format, which has bodies inline"
				return Mix{}, "", fmt.Errorf(format, i+1, strings.TrimSpace(line))
			}
		}
		targeter = vegeta.NewHTTPTargeter(bytes.NewReader(data), nil, nil)
	case "json":
		targeter = vegeta.NewJSONTargeter(bytes.NewReader(data), nil, nil)
	default:
		return Mix{}, "", fmt.Errorf("vegeta target format %q: want http or json", format)
	}
	list, err := vegeta.ReadAllTargets(targeter)
	if err != nil {
		return Mix{}, "", fmt.Errorf("parsing vegeta targets (%s): %w", format, err)
	}
	for i, v := range list {
		t, host, err := fromVegeta(v)
		if err != nil {
			return Mix{}, "", fmt.Errorf("vegeta target %d: %w", i+1, err)
		}
		if base != "" && host != base {
			return Mix{}, "", fmt.Errorf("vegeta target %d is on %s but the ones before are on %s: one plan drives one server",
				i+1, host, base)
		}
		base = host
		mix.Targets = append(mix.Targets, t)
	}
	return mix, base, mix.Validate()
}

func fromVegeta(v vegeta.Target) (t Target, base string, err error) {
	u, err := url.Parse(v.URL)
	if err != nil {
		return Target{}, "", err
	}
	if u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return Target{}, "", fmt.Errorf("URL %q is not an absolute http or https URL", v.URL)
	}
	name := strings.NewReplacer("/", ".", ",", "_", ";", "_", " ", "_", "\"", "_", "'", "_").Replace(u.EscapedPath())
	t = Target{
		Name:   strings.ToLower(v.Method) + name,
		Method: v.Method,
		Path:   u.RequestURI(),
		Header: v.Header,
		Body:   v.Body,
	}
	return t, u.Scheme + "://" + u.Host, nil
}
