package scenarios

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"bench/internal/strict"
	"bench/loadgen/pacing"
	"bench/results"
	"bench/servers"
	"bench/targets"
)

//go:embed builtin
var builtin embed.FS

// Scenario is a mix of requests and the number of connections that send them.
type Scenario struct {
	Name        string
	File        string // that it was read from; empty for an embedded one
	Summary     string
	Mix         targets.Mix
	Connections int // of closed loops: each sends its next request when the previous response has arrived
	// MaxConnections bounds the connections of open loops; 0: openConnections, or Connections if
	// that is more.
	MaxConnections int
	Timeout        time.Duration
	// Timeline is what happens during a load that is there to see it; Length is how long that is, and Rate
	// its requests per second: 0 leaves both to the experiment.
	Timeline Timeline
	Length   time.Duration
	Rate     float64
}

type scenarioFile struct {
	Summary     string          `yaml:"summary"`
	Connections int             `yaml:"connections"`
	Most        *int            `yaml:"max_connections"`
	Timeout     string          `yaml:"timeout"`
	Mix         []targets.Entry `yaml:"mix"`
	Timeline    []strict.Entry  `yaml:"timeline"`
	Length      string          `yaml:"length"`
	Rate        string          `yaml:"rate"`
}

// anyConnections bounds what a file may request.
const anyConnections = 10_000

// openConnections bounds the connections of an open loop: enough that no request to a healthy
// server has to wait for one, few enough that an overloaded development server does not start
// thousands of threads.
const openConnections = 64

// mostOpen is how many connections an open loop may have.
func (s Scenario) mostOpen() int {
	return cmp.Or(s.MaxConnections, max(openConnections, s.Connections))
}

// Keys are the keys that the YAML of a scenario may have, including those of its mix.
func Keys() (keys []string) {
	for _, t := range []reflect.Type{reflect.TypeFor[scenarioFile](), reflect.TypeFor[targets.Entry](),
		reflect.TypeFor[targets.Expect]()} {
		for i := range t.NumField() {
			keys = append(keys, t.Field(i).Tag.Get("yaml"))
		}
	}
	return keys
}

// Names lists the built-in scenarios.
func Names() []string {
	entries, _ := fs.ReadDir(builtin, "builtin") // embedded: cannot fail
	var names []string
	for _, entry := range entries {
		names = append(names, strings.TrimSuffix(entry.Name(), ".yaml"))
	}
	return names
}

// Named returns a built-in scenario by name, or one from a YAML file by path.
func Named(name string) (Scenario, error) {
	var data []byte
	var err error
	var files targets.Files
	file := ""
	if strings.HasSuffix(name, ".yaml") || strings.ContainsRune(name, os.PathSeparator) {
		data, err = os.ReadFile(name)
		files, file = targets.FilesBeside(name), name
		name = results.FileName(strings.TrimSuffix(filepath.Base(name), ".yaml"))
	} else {
		data, err = builtin.ReadFile("builtin/" + name + ".yaml")
		if errors.Is(err, fs.ErrNotExist) {
			return Scenario{}, fmt.Errorf("scenario %q is unknown%s want %s, or the path of a .yaml file", name,
				servers.DidYouMean(name, Names()), strings.Join(Names(), ", "))
		}
	}
	if err != nil {
		return Scenario{}, fmt.Errorf("reading scenario %s: %w", name, err)
	}
	s, err := Parse(name, data, files)
	if err != nil {
		return Scenario{}, fmt.Errorf("scenario %s: %w", cmp.Or(file, name), err)
	}
	s.File = file
	return s, nil
}

// Parse reads the YAML of a scenario, whose bodies may be in files of the given folder.
func Parse(name string, data []byte, files targets.Files) (Scenario, error) {
	var f scenarioFile
	if err := strict.YAML(data, &f); err != nil {
		return Scenario{}, err
	}
	s := Scenario{Name: name, Summary: f.Summary, Connections: f.Connections}
	if s.Connections < 1 || s.Connections > anyConnections {
		return Scenario{}, fmt.Errorf("connections: %d: want 1 to %d", s.Connections, anyConnections)
	}
	if f.Most != nil {
		if s.MaxConnections = *f.Most; s.MaxConnections < 1 || s.MaxConnections > anyConnections {
			return Scenario{}, fmt.Errorf("max_connections: %d: want 1 to %d", s.MaxConnections, anyConnections)
		}
	}
	var err error
	if s.Timeout, err = time.ParseDuration(f.Timeout); err != nil || s.Timeout <= 0 {
		return Scenario{}, fmt.Errorf("timeout: %q: want a duration such as 10s", f.Timeout)
	}
	if err := s.addTimeline(f); err != nil {
		return Scenario{}, err
	}
	if s.Mix, err = targets.MixOf(f.Mix, files); err != nil {
		return Scenario{}, fmt.Errorf("mix: %w", err)
	}
	return s, nil
}

// usualLength is how long a load with a timeline is unless it says so: long enough for a server to start
// again, and for seconds before and after that.
const usualLength = 10 * time.Second

func (s Scenario) lengthOfTimeline() time.Duration { return cmp.Or(s.Length, usualLength) }

// CheckTimeline reports incidents that cannot be done to a cluster of this blueprint.
func (s Scenario) CheckTimeline(b servers.Blueprint) error {
	return s.Timeline.Check(b, s.lengthOfTimeline())
}

// addTimeline reads what happens during a load, how long that is and at what rate.
func (s *Scenario) addTimeline(f scenarioFile) (err error) {
	if s.Timeline, err = ParseTimeline(f.Timeline); err != nil {
		return fmt.Errorf("timeline: %w", err)
	}
	if len(s.Timeline) == 0 && (f.Length != "" || f.Rate != "") {
		return errors.New("length and rate are those of the load with the timeline, and there is no timeline")
	}
	if f.Length != "" {
		if s.Length, err = time.ParseDuration(f.Length); err != nil || s.Length < time.Second || s.Length > time.Hour {
			return fmt.Errorf("length: %q: want a duration from 1s to 1h", f.Length)
		}
	}
	if f.Rate != "" {
		if s.Rate, err = pacing.ParseRate(f.Rate); err != nil {
			return fmt.Errorf("rate: %w", err)
		}
	}
	return nil
}

// Record describes the scenario for a manifest.
func (s Scenario) Record() results.ScenarioRecord {
	r := results.ScenarioRecord{Name: s.Name, Summary: s.Summary}
	for _, t := range s.Mix.Targets {
		r.Targets = append(r.Targets, results.TargetRecord{Name: t.Name, Method: t.Method, Path: t.Path, Weight: t.Weight})
	}
	return r
}
