package scenarios

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"bench/internal/strict"
	"bench/results"
	"bench/servers"
)

//go:embed ladders
var ladders embed.FS

// Ladder is a deployment taken apart: the same app on rung after rung, each of which adds one thing to
// the one below. Its detours take a step from elsewhere, to find out whether what it brings depends on
// the steps before it.
type Ladder struct {
	Name    string
	Summary string
	Rungs   []Rung
	Detours []Detour
}

// Rung is a topology, and what distinguishes it from the rung below.
type Rung struct {
	Name     string
	Adds     string
	Topology servers.Topology
}

// Detour is a topology off the ladder: what the step to a rung makes of another one.
type Detour struct {
	Name     string
	From     string // a rung or an earlier detour
	Step     string // the rung whose addition it has
	Topology servers.Topology
}

type ladderFile struct {
	Summary string       `yaml:"summary"`
	Rungs   []rungFile   `yaml:"rungs"`
	Detours []detourFile `yaml:"detours"`
}

type rungFile struct {
	Name     string `yaml:"name"`
	Adds     string `yaml:"adds"`
	Topology string `yaml:"topology"`
	Doubling bool   `yaml:"doubling"` // stands for a rung for each N: 1, 2, 4 and so on up to Workers
}

type detourFile struct {
	Name     string `yaml:"name"`
	From     string `yaml:"from"`
	Step     string `yaml:"step"`
	Topology string `yaml:"topology"`
}

// ladderSize is what the topologies of a ladder may refer to: as many workers as topologies have by
// default, and the number of a doubling.
type ladderSize struct{ Cores, Workers, Half, N int }

func sizeOn(cores int) ladderSize {
	half := max(1, cores/2)
	return ladderSize{Cores: cores, Workers: 2 * half, Half: half}
}

// mostRungs bounds a ladder, detours included: each is booted in every block.
const mostRungs = 40

// Ladders lists the embedded ladders.
func Ladders() (names []string) {
	entries, _ := fs.ReadDir(ladders, "ladders") // embedded: cannot fail
	for _, entry := range entries {
		names = append(names, strings.TrimSuffix(entry.Name(), ".yaml"))
	}
	return names
}

// LadderNamed returns an embedded ladder by name, or one from a YAML file by path, as it is on a machine
// with some cores.
func LadderNamed(name string, cores int) (Ladder, error) {
	file := name
	var data []byte
	var err error
	if strings.HasSuffix(name, ".yaml") || strings.ContainsRune(name, os.PathSeparator) {
		data, err = os.ReadFile(name)
		name = results.FileName(strings.TrimSuffix(filepath.Base(name), ".yaml"))
	} else {
		data, err = ladders.ReadFile("ladders/" + name + ".yaml")
		if errors.Is(err, fs.ErrNotExist) {
			return Ladder{}, fmt.Errorf("ladder %q is unknown%s want %s, or the path of a .yaml file", name,
				servers.DidYouMean(name, Ladders()), strings.Join(Ladders(), ", "))
		}
	}
	if err != nil {
		return Ladder{}, fmt.Errorf("reading ladder %s: %w", name, err)
	}
	return ParseLadder(name, file, data, cores)
}

// ParseLadder reads the YAML of a ladder. The name of its file is for error messages.
func ParseLadder(name, file string, data []byte, cores int) (Ladder, error) {
	r := ladderReader{file: file, data: data, size: sizeOn(cores), ladder: Ladder{Name: name}}
	var f ladderFile
	if err := strict.YAML(data, &f); err != nil {
		return Ladder{}, fmt.Errorf("ladder %s: %w", file, err)
	}
	r.ladder.Summary = f.Summary
	for i, rung := range f.Rungs {
		r.rung(fmt.Sprintf("$.rungs[%d]", i), rung)
	}
	for i, detour := range f.Detours {
		r.detour(fmt.Sprintf("$.detours[%d]", i), detour)
	}
	if n := len(r.ladder.Rungs); r.err == nil && n < 2 {
		r.fail("$.rungs", "%d of the two rungs that a step needs: list them under rungs:, the lowest first", n)
	}
	if n := len(r.ladder.Rungs) + len(r.ladder.Detours); r.err == nil && n > mostRungs {
		r.fail("$.rungs", "%d rungs and detours: want at most %d", n, mostRungs)
	}
	return r.ladder, r.err
}

// ladderReader builds a ladder and keeps the first mistake.
type ladderReader struct {
	file   string
	data   []byte
	size   ladderSize
	ladder Ladder
	err    error
}

// fail notes what is wrong with the part of the file at a path.
func (r *ladderReader) fail(path, format string, args ...any) {
	if r.err != nil {
		return
	}
	where := r.file
	if line := strict.Line(r.data, path); line > 0 {
		where = fmt.Sprintf("%s, line %d", r.file, line)
	}
	r.err = fmt.Errorf("ladder %s: %s", where, fmt.Sprintf(format, args...))
}

func (r *ladderReader) rung(path string, f rungFile) {
	if f.Adds == "" {
		r.fail(path, "rung %q does not say what it adds: set adds: to a few words", f.Name)
	}
	if !f.Doubling {
		r.add(path, Rung{Name: f.Name, Adds: f.Adds}, f.Topology, r.size)
		return
	}
	if !strings.Contains(f.Topology, "{{.N}}") {
		r.fail(path+".topology", "%q is the same for every number: use {{.N}}, or leave out doubling:", f.Topology)
	}
	size, last := r.size, 0
	for _, size.N = range doublings(r.size.Workers) {
		adds := f.Adds
		if last > 0 {
			adds = fmt.Sprintf("%d worker processes in place of %d", size.N, last)
		}
		r.add(path, Rung{Name: fmt.Sprintf("%s-%d", f.Name, size.N), Adds: adds}, f.Topology, size)
		last = size.N
	}
}

// doublings are 1, 2, 4 and so on, the last of them n.
func doublings(n int) (list []int) {
	for i := 1; i < n; i *= 2 {
		list = append(list, i)
	}
	return append(list, n)
}

func (r *ladderReader) add(path string, rung Rung, topology string, size ladderSize) {
	r.name(path, rung.Name)
	rung.Topology = r.topology(path+".topology", topology, size)
	r.ladder.Rungs = append(r.ladder.Rungs, rung)
}

func (r *ladderReader) detour(path string, f detourFile) {
	r.name(path, f.Name)
	d := Detour{Name: f.Name, From: f.From, Step: f.Step, Topology: r.topology(path+".topology", f.Topology, r.size)}
	if known := r.names(); !slices.Contains(known, d.From) {
		r.fail(path+".from", "%q is not a rung or an earlier detour: want one of %s", d.From, strings.Join(known, ", "))
	}
	switch at := slices.IndexFunc(r.ladder.Rungs, func(rung Rung) bool { return rung.Name == d.Step }); {
	case at < 1:
		r.fail(path+".step", "%q is not a rung that a step leads to: want one of %s", d.Step,
			strings.Join(r.names()[min(1, len(r.names())):], ", "))
	case r.ladder.Rungs[at-1].Name == d.From:
		r.fail(path+".from", "the step to %s starts from %s on the ladder: want another rung to take it from",
			d.Step, d.From)
	}
	r.ladder.Detours = append(r.ladder.Detours, d)
}

// plainRung is a name that can be part of a file's name and of a list.
var plainRung = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$`)

func (r *ladderReader) name(path, name string) {
	switch {
	case !plainRung.MatchString(name):
		r.fail(path+".name", "name %q: want up to 40 letters, digits and -_. such as keep-alive", name)
	case slices.Contains(r.names(), name):
		r.fail(path+".name", "the name %s is given twice: every rung and detour needs its own", name)
	}
}

// names are those of all rungs and detours so far.
func (r *ladderReader) names() (all []string) {
	for _, rung := range r.ladder.Rungs {
		all = append(all, rung.Name)
	}
	for _, d := range r.ladder.Detours {
		all = append(all, d.Name)
	}
	return all
}

// topology reads a topology in which {{.Workers}} and the like may stand for numbers.
func (r *ladderReader) topology(path, text string, size ladderSize) servers.Topology {
	var filled strings.Builder
	form, err := template.New("topology").Parse(text)
	if err == nil {
		err = form.Execute(&filled, size)
	}
	if err != nil {
		r.fail(path, "%q: want a topology in which only {{.Workers}}, {{.Half}}, {{.Cores}} and {{.N}} are filled in", text)
		return servers.Topology{}
	}
	t, err := servers.ParseTopology(filled.String())
	if err != nil {
		r.fail(path, "%v", err)
		return t
	}
	if !t.Boots() {
		r.fail(path, "%s is already running, and a ladder boots its rungs: want the name or folder of a topology", t)
		return t
	}
	d, err := servers.Define(t)
	if err == nil {
		_, err = d.Defaults(servers.Host{Cores: size.Cores})
	}
	if err != nil {
		r.fail(path, "%v", err)
	}
	for _, known := range r.topologies() {
		if known == t {
			r.fail(path, "%s is on the ladder already: a step between equal rungs brings nothing", t)
		}
	}
	return t
}

func (r *ladderReader) topologies() (all []servers.Topology) {
	for _, rung := range r.ladder.Rungs {
		all = append(all, rung.Topology)
	}
	for _, d := range r.ladder.Detours {
		all = append(all, d.Topology)
	}
	return all
}
