package targets

import (
	_ "embed"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
)

//go:embed observing/sitecustomize.py
var observing []byte

// Observation is what a Django app can be made to say of each response.
type Observation string

const (
	// Queries are those to the database, in the header X-Bench-Queries.
	Queries Observation = "queries"
	// Duration is the time that the app worked on the response, as Server-Timing: app;dur=.
	Duration Observation = "duration"
)

// Observed writes into a folder what makes a Django app report something of each response, and returns the
// app with the variables that bring it into its processes. The app's own code is not changed, and an app
// that reports it by itself keeps its own.
func Observed(app App, what Observation, dir string) (App, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return app, fmt.Errorf("writing what observes the app: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "sitecustomize.py"), observing, 0o644); err != nil {
		return app, fmt.Errorf("writing what observes the app: %w", err)
	}
	path := []string{dir}
	if own := app.Env["PYTHONPATH"]; own != "" {
		path = append(path, own)
	}
	env := maps.Clone(app.Env)
	if env == nil {
		env = map[string]string{}
	}
	env["PYTHONPATH"], env["BENCH_OBSERVE"] = strings.Join(path, string(filepath.ListSeparator)), string(what)
	app.Env = env
	return app, nil
}
