package targets

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Session is a visit of one user: steps one after the other, each with a pause before it.
// Visits start when the pacer says, whatever happens to earlier ones; within a visit the
// responses set the pace. This is the partly-open model of Schroeder, Wierman and
// Harchol-Balter ("Open versus closed: a cautionary tale", NSDI 2006).
//
// A visit keeps its own cookies, and ends early when a step gets no successful response.
type Session struct {
	Name   string `json:"name"`
	Weight uint32 `json:"weight"`
	Steps  []Step `json:"steps"`
}

// Step is one request of a session.
type Step struct {
	Target int   `json:"target"` // index into the mix's targets
	Think  Think `json:"think"`
}

// Think is the pause before a step.
type Think struct {
	Mean time.Duration `json:"mean_ns,omitempty"`
	// Exponential draws the pause from an exponential distribution; otherwise each is Mean.
	Exponential bool `json:"exponential,omitempty"`
}

// Time is the pause before a step of session n: a pure function, like everything in a mix.
func (t Think) Time(seed, n uint64, step int) time.Duration {
	if !t.Exponential {
		return t.Mean
	}
	u := float64(splitmix64(seed^splitmix64(n, uint64(step)), n)>>11) / (1 << 53)
	return time.Duration(-math.Log1p(-u) * float64(t.Mean))
}

// Part is a piece of a text with placeholders: a literal, a column of the feed, or a cookie of
// the session.
type Part struct {
	Literal string
	Column  int    // index into the feed's columns; -1: none
	Cookie  string // empty: none
}

// Parts splits a text at its placeholders: {{column}} and {{cookie:NAME}}.
func (m Mix) Parts(text string) ([]Part, error) {
	var parts []Part
	for {
		before, rest, found := strings.Cut(text, "{{")
		if before != "" {
			parts = append(parts, Part{Literal: before, Column: -1})
		}
		if !found {
			return parts, nil
		}
		name, after, closed := strings.Cut(rest, "}}")
		name = strings.TrimSpace(name)
		if !closed {
			return nil, fmt.Errorf("placeholder {{%.20s is not closed with }}", rest)
		}
		part := Part{Column: -1}
		if cookie, is := strings.CutPrefix(name, "cookie:"); is && validToken(cookie) {
			if len(m.Sessions) == 0 {
				return nil, fmt.Errorf("placeholder {{%s}}: only sessions keep cookies", name)
			}
			part.Cookie = cookie
		} else {
			if m.Feed != nil {
				part.Column = slices.Index(m.Feed.Columns, name)
			}
			if part.Column < 0 {
				return nil, fmt.Errorf("placeholder {{%s}}: the feed has no such column", name)
			}
		}
		parts = append(parts, part)
		text = after
	}
}

// Escape makes a feed's value fit for a path, a query or a form.
func Escape(value string) string { return strings.ReplaceAll(url.QueryEscape(value), "+", "%20") }

// SessionIndex is the position of session n's kind, drawn by weight.
func (m Mix) SessionIndex(n uint64) int { return draw(m.Seed, n, m.Sessions, (*Session).weight) }

func (s *Session) weight() uint32 { return s.Weight }

// Dynamic reports whether requests differ by more than their target: they then have to be built
// when they are sent.
func (m Mix) Dynamic() bool { return m.Feed != nil || len(m.Sessions) > 0 }

func (m Mix) validateSessions() error {
	var errs []error
	for _, s := range m.Sessions {
		if s.Name == "" || s.Weight == 0 || len(s.Steps) == 0 {
			errs = append(errs, fmt.Errorf("session %q: want a name, a weight of at least 1, and steps", s.Name))
		}
		for i, step := range s.Steps {
			if step.Target < 0 || step.Target >= len(m.Targets) {
				errs = append(errs, fmt.Errorf("session %s: step %d has no target", s.Name, i+1))
			}
			if step.Think.Mean < 0 || step.Think.Mean > time.Hour {
				errs = append(errs, fmt.Errorf("session %s: step %d: a pause of %v; want 0 to 1h", s.Name, i+1, step.Think.Mean))
			}
		}
	}
	for _, t := range m.Targets {
		texts := []string{t.Path, string(t.Body)}
		for _, values := range t.Header {
			texts = append(texts, values...)
		}
		for _, text := range texts {
			if !m.Dynamic() {
				break // without a feed, {{ is ordinary text
			}
			if _, err := m.Parts(text); err != nil {
				errs = append(errs, fmt.Errorf("target %s: %w", t.Name, err))
			}
		}
	}
	return errors.Join(errs...)
}

// SessionEntry is a session as written in YAML.
type SessionEntry struct {
	Name   string      `yaml:"name"`
	Weight uint32      `yaml:"weight"`
	Steps  []StepEntry `yaml:"steps"`
}

// StepEntry is a step as written in YAML: a target with a pause before it.
type StepEntry struct {
	Entry `yaml:",inline"`
	Think string `yaml:"think"` // a duration; "~2s" is exponential with that mean
}

// SessionsOf builds a mix from the entries of a YAML list.
func SessionsOf(entries []SessionEntry, feed *Feed, files Files) (Mix, error) {
	mix := Mix{Feed: feed}
	var errs []error
	for _, e := range entries {
		s := Session{Name: e.Name, Weight: max(1, e.Weight)}
		for _, step := range e.Steps {
			t, err := step.target(files)
			if err == nil && step.Weight != 0 {
				err = fmt.Errorf("target %s: a step cannot have a weight: give it to the session", t.Name)
			}
			if err == nil && step.Think != "" && len(s.Steps) == 0 {
				err = fmt.Errorf("target %s: a session's first step cannot have think: the pacer says when it is sent", t.Name)
			}
			t.Weight = 0
			think, thinkErr := parseThink(step.Think)
			errs = append(errs, err, thinkErr)
			s.Steps = append(s.Steps, Step{Target: len(mix.Targets), Think: think})
			mix.Targets = append(mix.Targets, t)
		}
		mix.Sessions = append(mix.Sessions, s)
	}
	if len(mix.Sessions) == 0 {
		errs = append(errs, errors.New("sessions: the list is empty"))
	}
	errs = append(errs, mix.Validate())
	return mix, errors.Join(errs...)
}

func parseThink(text string) (t Think, err error) {
	if text == "" {
		return t, nil
	}
	mean, exponential := strings.CutPrefix(text, "~")
	t.Exponential = exponential
	if t.Mean, err = time.ParseDuration(mean); err != nil {
		return t, fmt.Errorf("think %q: want a duration such as 2s, or ~2s for exponential pauses of that mean", text)
	}
	return t, nil
}
