package discover

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

//go:embed bench_probe/*.py
var probeFiles embed.FS

const probePackage = "bench_probe"

// probeTime bounds one run of the probe.
const probeTime = 2 * time.Minute

// Runner runs a command to its end and returns what it printed.
type Runner func(ctx context.Context, argv, env []string, dir string) (output string, err error)

// question is what the probe is asked.
type question struct {
	Kind        string         `json:"kind"` // django or plain
	Settings    string         `json:"settings,omitempty"`
	WSGI        []string       `json:"wsgi,omitempty"`
	ASGI        []string       `json:"asgi,omitempty"`
	Application string         `json:"application,omitempty"`
	Override    map[string]any `json:"override"`
	Path        []string       `json:"path,omitempty"` // more folders to import from
	Scratch     string         `json:"scratch"`
	Ask         bool           `json:"ask"` // whether routes are asked, or only listed
	Host        string         `json:"host"`
	// Services are where bench's own servers are, by kind.
	Services map[string]map[string]string `json:"services"`
}

// answer is what the probe found out, up to the stage at which it ended.
type answer struct {
	Stage        string              `json:"stage"` // done, or what was under way
	Python       string              `json:"python"`
	Django       string              `json:"django"`
	Framework    string              `json:"framework"`
	Settings     settings            `json:"settings"`
	Services     map[string][]string `json:"services"` // servers that the settings name, with the databases on each
	OwnSettings  map[string]database `json:"own_settings"`
	Applications []application       `json:"applications"`
	Database     struct {
		Pending int      `json:"pending"`
		Error   *failure `json:"error"`
	} `json:"database"`
	Static        *failure `json:"static"` // why the static files could not be collected
	Collected     int      `json:"collected"`
	WithArguments int      `json:"with_arguments"`
	Left          int      `json:"left"` // routes that were not asked
	Paths         []string `json:"paths"`
	Routes        []Route  `json:"routes"`
	Cookie        string   `json:"cookie"` // of a user who is logged in; empty: nobody was
	LoginRoutes   []Route  `json:"login_routes"`
	LoginError    *failure `json:"login_error"`
	Error         *failure `json:"error"`
	Missing       []string `json:"missing"` // variables that were asked for and not set
}

type settings struct {
	Debug        bool             `json:"debug"`
	AllowedHosts []string         `json:"allowed_hosts"`
	WSGI         string           `json:"wsgi"`
	ASGI         string           `json:"asgi"`
	StaticURL    string           `json:"static_url"`
	Staticfiles  bool             `json:"staticfiles"`
	SSLRedirect  bool             `json:"ssl_redirect"`
	Sessions     string           `json:"sessions"` // where they are kept: the module of SESSION_ENGINE
	LoginURL     string           `json:"login_url"`
	Caches       map[string]cache `json:"caches"`
}

type cache struct {
	Backend  string   `json:"backend"`
	Location string   `json:"location"`
	Error    *failure `json:"error"`
}

type database struct {
	Engine string `json:"engine"`
	Name   string `json:"name"`
	Host   string `json:"host"`
	Port   string `json:"port"`
}

type application struct {
	Kind  string   `json:"kind"`
	Name  string   `json:"name"`
	Error *failure `json:"error"`
}

// failure is an exception in the project.
type failure struct {
	Type    string   `json:"type"`
	Message string   `json:"message"`
	Where   string   `json:"where"`  // file:line in the project
	Wants   []string `json:"wants"`  // environment variables that it is about
	Module  string   `json:"module"` // that could not be imported
}

func (f *failure) Error() string {
	text := f.Type
	if f.Message != "" {
		text += ": " + firstLine(f.Message)
	}
	if f.Where != "" {
		text += " (" + f.Where + ")"
	}
	return text
}

// Route is a path of the app and what it answered.
type Route struct {
	Path     string   `json:"path"`
	Name     string   `json:"name"` // of its view; empty: unknown
	Kind     string   `json:"kind"` // root, route, redirect or link: how it was found
	Status   int      `json:"status"`
	MS       float64  `json:"ms"`
	Bytes    int      `json:"bytes"`
	Type     string   `json:"type"`
	Location string   `json:"location"`
	Varies   bool     `json:"varies"` // its body differs from one request to the next
	Failure  *failure `json:"error"`
}

// probe runs the probe in an interpreter of the project. The error is about the interpreter or the time
// it took; what is wrong with the project is in the answer.
type probe struct {
	run     Runner
	python  string
	dir     string // working folder
	scratch string
	modules map[string]string // more files for the probe
	env     []string
}

func (p probe) ask(ctx context.Context, q question) (a answer, err error) {
	home, err := os.MkdirTemp(p.scratch, "probe-")
	if err != nil {
		return a, fmt.Errorf("asking the project: %w", err)
	}
	defer os.RemoveAll(home)
	q.Scratch = home
	if q.Override == nil {
		q.Override = map[string]any{}
	}
	files := [2]string{filepath.Join(home, "question.json"), filepath.Join(home, "answer.json")}
	text, err := json.Marshal(q)
	if err == nil {
		err = errors.Join(os.WriteFile(files[0], text, 0o600), p.write(home))
	}
	if err != nil {
		return a, fmt.Errorf("asking the project: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	env := append([]string{
		"PYTHONPATH=" + home, "PYTHONDONTWRITEBYTECODE=1", "PYTHONHASHSEED=0", "PYTHONIOENCODING=utf-8",
	}, p.env...)
	output, runErr := p.run(ctx, []string{p.python, "-m", probePackage, files[0], files[1]}, env, p.dir)
	said, err := os.ReadFile(files[1])
	if err == nil {
		err = json.Unmarshal(said, &a)
	}
	switch {
	case err != nil:
		return a, fmt.Errorf("asking the project with %s: %w\n%s", p.python, errors.Join(runErr, err), output)
	case ctx.Err() != nil && a.Stage != "done":
		a.Error = &failure{Type: "no end", Message: fmt.Sprintf("%s took longer than %v", a.Stage, probeTime)}
	case runErr != nil && a.Error == nil && a.Stage != "done":
		a.Error = &failure{Type: "the interpreter ended", Message: fmt.Sprintf("while %s: %v", a.Stage, runErr)}
	}
	return a, nil
}

func (p probe) write(dir string) error {
	files, err := fs.Sub(probeFiles, probePackage)
	if err == nil {
		err = os.CopyFS(filepath.Join(dir, probePackage), files)
	}
	for name, text := range p.modules {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return err
}
