package claims

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"bench/internal/strict"
	"bench/results"
	"bench/scenarios"
	"bench/servers"
	"bench/targets"
)

//go:embed *.yaml
var builtin embed.FS

// Claim is a statement about deployment with the experiment that tests it.
type Claim struct {
	Name     string // of its file
	Order    int    // among the embedded ones
	Claim    string // a sentence
	Source   string
	About    string   // what one has to know to read its verdict
	Services []string // that bench runs for the app in this claim's experiment
	// Interpreter is another one than the app's own: its name on PATH, or where it was found.
	Interpreter string
	ByName      bool // it is tested only if it is asked for
	FewBlocks   bool // decide it: what it measures hardly varies, or lay far from its bounds in a first run
	Arms        []Arm
	Steps       []Step
	Predictions []results.Prediction
	Verdicts    map[string]string
}

// Arm is a topology of a claim's experiment.
type Arm struct {
	scenarios.Arm
	WSGI string            // an app other than the project's own; empty: that
	Env  map[string]string // further variables of the app
	// Relay says that bench stands between the proxy and the servers, and counts what passes.
	Relay bool
}

// Needs are its services and its interpreter as a text: claims that need the same can be tested on the same stack.
func (c Claim) Needs() string {
	return strings.Join(append(slices.Clone(c.Services), c.Interpreter), ",")
}

// StaysHere is why the claim can be tested on this machine alone, and not on hosts of a fleet; empty: it can be.
func (c Claim) StaysHere() string {
	switch {
	case len(c.Services) > 0:
		return "services beside the servers are not supported yet"
	case c.Interpreter != "":
		return "an interpreter of the claim's own is not supported yet"
	}
	for _, arm := range c.Arms {
		if arm.Relay {
			return "bytes between proxy and servers are not counted yet"
		}
		for _, step := range c.StepsOf(arm) {
			if l, is := step.Does.(load); is && len(l.Timeline) > 0 {
				return "nothing can be done to servers during a load yet"
			}
		}
	}
	return ""
}

// Counts reports whether all its predictions are about what is counted or checked.
func (c Claim) Counts() bool {
	return !slices.ContainsFunc(c.Predictions, func(p results.Prediction) bool {
		return p.Rule != results.CountRule && p.Rule != results.MatrixRule
	})
}

// On is the claim about another app than the project that comes with bench: page is then that app's own mix.
// False: the claim is about pages of that project.
func (c Claim) On(own scenarios.Scenario) (Claim, bool) {
	if slices.ContainsFunc(c.Arms, func(a Arm) bool { return a.WSGI != "" }) {
		return c, false
	}
	c.Steps = slices.Clone(c.Steps)
	for i, step := range c.Steps {
		sender, sends := step.Does.(sender)
		if !sends {
			continue
		}
		does, can := sender.on(own)
		if !can {
			return c, false
		}
		c.Steps[i].Does = does
	}
	return c, true
}

// sender is a step that sends requests, to whatever app is asked.
type sender interface {
	// on is the step with another app's own requests; false: it asks for pages of the bundled project.
	on(own scenarios.Scenario) (Doer, bool)
}

// claimFile is a claim as YAML.
type claimFile struct {
	Order       int               `yaml:"order"`
	Claim       string            `yaml:"claim"`
	Source      string            `yaml:"source"`
	About       string            `yaml:"about"`
	Services    []string          `yaml:"services"`
	Interpreter string            `yaml:"interpreter"`
	ByName      bool              `yaml:"by_name"`
	FewBlocks   bool              `yaml:"few_blocks"`
	Arms        []armFile         `yaml:"arms"`
	Steps       []stepFile        `yaml:"steps"`
	Predictions []predictionFile  `yaml:"predictions"`
	Verdicts    map[string]string `yaml:"verdicts"`
}

// Error is a mistake in a claim's file.
type Error struct {
	File   string
	Line   int    // 0: of the file as a whole
	Key    string // such as predictions[0].measure
	Reason string // with what is wanted
}

func (e *Error) Error() string {
	where := e.File
	if e.Line > 0 {
		where = fmt.Sprintf("%s, line %d", where, e.Line)
	}
	if e.Key != "" {
		where += ": " + e.Key
	}
	return where + ": " + e.Reason
}

// Names lists the embedded claims in their order.
func Names() []string {
	var names []string
	for _, c := range all() {
		names = append(names, c.Name)
	}
	return names
}

// Usual lists those that are tested unless others are asked for.
func Usual() []string {
	var names []string
	for _, c := range all() {
		if !c.ByName {
			names = append(names, c.Name)
		}
	}
	return names
}

// all reads the embedded claims; a test reads every one of them.
func all() (list []Claim) {
	entries, _ := fs.ReadDir(builtin, ".") // embedded: cannot fail
	for _, entry := range entries {
		if c, err := Named(strings.TrimSuffix(entry.Name(), ".yaml")); err == nil {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b Claim) int {
		return cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(a.Name, b.Name))
	})
	return list
}

// Named returns an embedded claim.
func Named(name string) (Claim, error) {
	data, err := builtin.ReadFile(name + ".yaml")
	if errors.Is(err, fs.ErrNotExist) || err != nil {
		return Claim{}, fmt.Errorf("claim %q is unknown%s want one of %s, or your own with --file", name,
			servers.DidYouMean(name, Names()),
			strings.Join(Names(), ", "))
	}
	return Parse(name, name+".yaml", data, "")
}

// File reads a user's own claim.
func File(path string) (Claim, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Claim{}, fmt.Errorf("reading the claim %s: %w", path, err)
	}
	name := results.FileName(strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)))
	return Parse(name, path, data, targets.FilesBeside(path))
}

// Parse reads the YAML of a claim, whose bodies of requests may be in files of the given folder.
func Parse(name, file string, data []byte, files targets.Files) (Claim, error) {
	r := &reader{file: file, data: data, files: files}
	var f claimFile
	if err := strict.YAML(data, &f); err != nil {
		return Claim{}, &Error{File: file, Reason: err.Error()}
	}
	c := Claim{Name: name, Order: f.Order, Claim: f.Claim, Source: f.Source, About: f.About, Verdicts: f.Verdicts}
	for key, text := range map[string]string{"claim": f.Claim, "source": f.Source} {
		if strings.TrimSpace(text) == "" {
			return c, r.errorf(key, "it is missing: want a sentence, and who says so")
		}
	}
	c.Services, c.FewBlocks, c.Interpreter, c.ByName = f.Services, f.FewBlocks, f.Interpreter, f.ByName
	if strings.Contains(c.Interpreter, "/") {
		return c, r.errorf("interpreter", "%q: want the name of one on PATH, and no path", c.Interpreter)
	}
	if err := servers.CheckServices(f.Services); err != nil {
		return c, r.errorf("services", "%v", err)
	}
	var err error
	if c.Arms, err = r.arms(f.Arms); err != nil {
		return c, err
	}
	if c.Steps, err = r.steps(f.Steps); err != nil {
		return c, err
	}
	if c.Predictions, err = r.predictions(f, c.Steps); err != nil {
		return c, err
	}
	return c, r.verdicts(c)
}

// reader knows where a claim's text comes from, for its errors.
type reader struct {
	file  string
	data  []byte
	files targets.Files
	arm   map[string][]swept // those that a name in the file stands for
	relay map[string]bool    // those of them behind whose proxy bench counts
}

// errorf is a mistake at a key such as arms[1].name.
func (r *reader) errorf(key, format string, args ...any) error {
	e := &Error{File: r.file, Key: key, Reason: fmt.Sprintf(format, args...)}
	for path := key; path != ""; path = path[:max(0, strings.LastIndexAny(path, ".["))] {
		if e.Line = strict.Line(r.data, "$."+path); e.Line > 0 {
			break // a key that is missing is reported at what it is missing from
		}
	}
	return e
}

// oneOf is the end of an error: what may stand there.
func oneOf(names []string) string { return "want one of " + strings.Join(names, ", ") }
