package discover

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// way is one way to load the app.
type way struct {
	settings    Candidate // of a Django project
	application Candidate // of another app
	python      Interpreter
}

func (w way) what() string {
	if w.settings.Name != "" {
		return w.settings.Name
	}
	return w.application.Name
}

// ways lists how the app may be loaded: the likeliest settings or application first, and each of them
// with the likeliest interpreter.
func (e *explorer) ways() (ways []way, err error) {
	pythons := Interpreters(e.User, e.folders(), e.Ask, e.OnPath)
	if e.Made.Python != "" {
		pythons = []Interpreter{{e.Made.Python, "made from " + e.Made.List}}
	}
	if e.Own != "" {
		pythons = append(pythons, Interpreter{e.Own, "bench's own environment"})
	}
	if len(pythons) == 0 {
		return nil, errors.New("looking for a Python interpreter: there is none beside the project or on PATH: " +
			"install python3")
	}
	add := func(w way) {
		for _, w.python = range pythons {
			ways = append(ways, w)
		}
	}
	if !e.project.Django {
		at, err := e.choose("applications", e.project.Apps)
		if err != nil {
			return nil, err
		}
		for _, c := range slices.Concat(e.project.Apps[at:at+1], e.project.Apps[:at], e.project.Apps[at+1:]) {
			add(way{application: c})
		}
		return ways[:min(len(ways), mostWays)], nil
	}
	settings := e.project.Settings
	switch {
	case e.Settings != "":
		settings = []Candidate{{e.Settings, "--settings names it"}}
	case e.User["DJANGO_SETTINGS_MODULE"] != "":
		settings = slices.Concat([]Candidate{{e.User["DJANGO_SETTINGS_MODULE"], "DJANGO_SETTINGS_MODULE names it"}}, settings)
	case len(settings) == 0:
		return nil, fmt.Errorf("looking for the settings of the project in %s: no module looks like them: "+
			"name it with --settings MODULE", e.dir)
	}
	at, err := e.choose("settings", settings)
	if err != nil {
		return nil, err
	}
	for _, c := range slices.Concat(settings[at:at+1], settings[:at], settings[at+1:]) {
		add(way{settings: c})
	}
	return ways[:min(len(ways), mostWays)], nil
}

// load tries one way after another, until the app loads and answers.
func (e *explorer) load(ctx context.Context, ways []way) error {
	var first *NotLoadedError
	var failed []string
	var silent *explorer // the first that loads, and answers nothing
	for i, w := range ways {
		if silent != nil && silent.way.what() == w.what() {
			continue // another interpreter would not change that
		}
		try := *e
		try.way = w
		why, err := try.attempt(ctx)
		if err != nil {
			return err
		}
		if why == nil {
			if try.answers() {
				*e = try
				break
			}
			if silent == nil {
				silent = &try
			}
			why = &failure{Type: "every route fails", Message: try.firstFailure()}
		}
		text := fmt.Sprintf("%s with %s: %v", w.what(), w.python.Path, why)
		if first == nil {
			first = &NotLoadedError{w.what(), w.python.Path, why, nil}
		} else if len(first.Attempts) < 4 {
			first.Attempts = append(first.Attempts, text)
		}
		if w.what() != ways[min(i+1, len(ways)-1)].what() { // that another interpreter lacks the packages says nothing
			failed = append(failed, text)
		}
	}
	switch {
	case e.way.what() != "" && len(failed) > 0:
		e.note("these do not work: %s", strings.Join(failed, "; "))
	case e.way.what() == "" && silent != nil:
		*e = *silent
	case e.way.what() == "":
		return first
	}
	return nil
}

// answers reports whether any route does something else than fail.
func (e *explorer) answers() bool {
	return slices.ContainsFunc(e.found.Routes, func(r Route) bool { return r.group("") != Fails })
}

func (e *explorer) firstFailure() string {
	for _, r := range e.found.Routes {
		if r.Failure != nil {
			return r.Path + ": " + r.Failure.Error()
		}
	}
	return "no exception is known"
}

// attempt loads the app and asks its routes, supplying what its settings miss. It returns what keeps the
// app from loading, if anything.
func (e *explorer) attempt(ctx context.Context) (*failure, error) {
	e.say("trying %s with %s (%s)", e.way.what(), e.way.python.Path, e.way.python.Why)
	for range mostVariables {
		why, err := e.describe(ctx)
		if err != nil || why != nil {
			return why, err
		}
		if why, err = e.settle(ctx); err != nil || why != nil {
			return why, err
		}
		if e.answers() || !e.supplyRoutes(ctx) {
			return nil, e.otherHost(ctx)
		}
	}
	return nil, nil
}

// describe asks the project for its description, again and again while something can be supplied.
func (e *explorer) describe(ctx context.Context) (*failure, error) {
	for range mostVariables {
		var err error
		if e.found, err = e.ask(ctx, false); err != nil {
			return &failure{Type: "not an interpreter", Message: err.Error()}, ctx.Err()
		}
		why := e.failure()
		if why == nil || !e.supply(ctx, why) {
			return why, nil
		}
	}
	return e.failure(), nil
}

// supplyRoutes provides what the routes miss; false: nothing new.
func (e *explorer) supplyRoutes(ctx context.Context) bool {
	for _, r := range e.found.Routes {
		if r.Failure != nil && e.supply(ctx, r.Failure) {
			return true
		}
	}
	return false
}

// failure is why the app did not load: of a project whose applications all fail, the first one's reason.
func (e *explorer) failure() *failure {
	if e.found.Error != nil {
		return e.found.Error
	}
	for _, a := range e.found.Applications {
		if a.Error == nil {
			return nil
		}
	}
	if len(e.found.Applications) > 0 {
		return e.found.Applications[0].Error
	}
	return nil
}

// supply provides what a failure asks for; false: nothing new.
func (e *explorer) supply(ctx context.Context, why *failure) bool {
	if strings.Contains(why.Message, "SECRET_KEY setting must not be empty") && e.override["SECRET_KEY"] == nil {
		e.set("SECRET_KEY", secretPlaceholder)
		return true
	}
	if e.override["DATABASES"] == nil && why.Type == "ImproperlyConfigured" && e.decideDatabase() {
		return true // the driver of its database may be missing
	}
	some := false
	for _, name := range why.Wants {
		if namesDatabase(name) && e.User[name] == "" && e.wantsPostgres() && e.lent.start(ctx, postgres, nil) {
			e.variables.urls = postgres
		}
		some = e.variables.supply(name, e.User, e.envFile, e.inEnvFile) || some
	}
	return some
}

func (e *explorer) set(setting string, value any) {
	e.override = maps.Clone(e.override)
	if e.override == nil {
		e.override = map[string]any{}
	}
	e.override[setting] = value
}

// ask runs the probe once, with what is known so far.
func (e *explorer) ask(ctx context.Context, routes bool) (answer, error) {
	state, err := os.MkdirTemp(e.Scratch, "state-")
	if err != nil {
		return answer{}, fmt.Errorf("asking the project: %w", err)
	}
	defer os.RemoveAll(state)
	pairs := append([]string{"{state}", state, "{build}", state, secretPlaceholder, trialSecret}, e.lent.urls()...)
	expand := strings.NewReplacer(pairs...).Replace
	p := probe{run: e.Run, python: e.way.python.Path, dir: e.asked, scratch: e.Scratch}
	p.modules = map[string]string{"bench_services.py": e.Services.Module}
	p.env = append(slices.Clone(e.Env), e.variables.pairs(expand)...)
	override := expanded(e.override, expand).(map[string]any)
	delete(override, "STATIC_ROOT") // the probe collects into a folder of its own
	q := question{Kind: "plain", Application: e.way.application.Name, Ask: routes, Host: cmp.Or(e.host, host),
		Override: override}
	if e.project.Django {
		q.Kind, q.Settings, q.Services = "django", e.way.settings.Name, e.lent.settings()
		q.WSGI, q.ASGI = names(e.project.WSGI), names(e.project.ASGI)
		if first := e.found.Settings.WSGI; first != "" && e.way.settings.Name != "" {
			q.WSGI = unique(append([]string{colon(first)}, q.WSGI...))
		}
		if first := e.found.Settings.ASGI; first != "" {
			q.ASGI = unique(append([]string{colon(first)}, q.ASGI...))
		}
	}
	return p.ask(ctx, q)
}
