package targets

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"bench/internal/strict"
)

// Entry is a target as written in YAML.
type Entry struct {
	Name       string            `yaml:"name"`
	Method     string            `yaml:"method"`
	Path       string            `yaml:"path"`
	Headers    map[string]values `yaml:"headers"`
	Body       string            `yaml:"body"`
	BodyBase64 string            `yaml:"body_base64"`
	BodyFile   string            `yaml:"body_file"`
	Weight     uint32            `yaml:"weight"`
	Expect     Expect            `yaml:"expect"`
}

// values are those of a header field: one, or a list of them for a field that is sent several times.
type values []string

// UnmarshalYAML reads one value or a list.
func (v *values) UnmarshalYAML(read func(any) error) error {
	var one string
	if read(&one) == nil {
		*v = values{one}
		return nil
	}
	return read((*[]string)(v))
}

func (f Entry) target(files Files) (Target, error) {
	t := Target{Name: f.Name, Method: strings.ToUpper(f.Method), Path: f.Path, Weight: f.Weight, Expect: f.Expect}
	if t.Method == "" {
		t.Method = http.MethodGet
	}
	if f.Weight == 0 {
		t.Weight = 1
	}
	if len(f.Headers) > 0 {
		t.Header = http.Header{}
		for _, key := range slices.Sorted(maps.Keys(f.Headers)) {
			for _, value := range f.Headers[key] {
				t.Header.Add(key, value)
			}
		}
	}
	var err error
	if t.Body, err = f.body(files); err != nil {
		return t, fmt.Errorf("target %s: %w", f.Name, err)
	}
	return t, nil
}

// body is the request's body, from whichever key gives it.
func (f Entry) body(files Files) ([]byte, error) {
	if given := countTrue(f.Body != "", f.BodyBase64 != "", f.BodyFile != ""); given > 1 {
		return nil, errors.New("body, body_base64 and body_file: only one of them can be given, not both")
	}
	switch {
	case f.BodyBase64 != "":
		body, err := base64.StdEncoding.DecodeString(f.BodyBase64)
		if err != nil {
			return nil, fmt.Errorf("body_base64: %w", err)
		}
		return body, nil
	case f.BodyFile != "":
		return files.read(f.BodyFile)
	case f.Body != "":
		return []byte(f.Body), nil
	}
	return nil, nil
}

func countTrue(of ...bool) (n int) {
	for _, is := range of {
		if is {
			n++
		}
	}
	return n
}

// ParseMix reads a YAML list of targets, each with a name, a path and optionally method,
// headers, body, weight (1 unless given) and expect. Unknown keys are errors that name
// line and column. Files with bodies are read from the given folder.
func ParseMix(data []byte, files Files) (Mix, error) {
	var entries []Entry
	if err := strict.YAML(data, &entries); err != nil {
		return Mix{}, fmt.Errorf("mix: %w", err)
	}
	return MixOf(entries, files)
}

// ParseSessions reads a YAML list of sessions, each with a name, a weight (1 unless given)
// and steps: targets with an optional pause, think, before them.
func ParseSessions(data []byte, feed *Feed, files Files) (Mix, error) {
	var entries []SessionEntry
	if err := strict.YAML(data, &entries); err != nil {
		return Mix{}, fmt.Errorf("sessions: %w", err)
	}
	return SessionsOf(entries, feed, files)
}

// MixOf checks the entries of a YAML list and builds a mix from them.
func MixOf(entries []Entry, files Files) (Mix, error) {
	var mix Mix
	var errs []error
	for _, f := range entries {
		t, err := f.target(files)
		errs = append(errs, err)
		mix.Targets = append(mix.Targets, t)
	}
	errs = append(errs, mix.Validate())
	return mix, errors.Join(errs...)
}
