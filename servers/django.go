package servers

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"bench/internal/proc"
	"bench/targets"
)

//go:embed django/bench_settings.py
var overlayModule []byte

//go:embed django/bench_services.py
var servicesModule []byte

//go:embed django/ask.py
var askModule string

// oldestDjango is the oldest release that bench boots: the first with migrate --check among those with
// long-term support.
const oldestDjango = "3.2"

// djangoTooOld says so of an app whose Django is older; nil where there is none.
func djangoTooOld(app targets.App, tools Tools) error {
	found := tools["django"].Version
	if app.Settings == "" || found == "" || !older(found, oldestDjango) {
		return nil
	}
	return &ConfigError{fmt.Errorf("%s has Django %s: bench boots projects of Django %s and newer; "+
		"name an interpreter that has one with app.python", tools.Path("python"), found, oldestDjango)}
}

// older compares the leading numbers of two versions.
func older(version, than string) bool {
	a, b := strings.Split(version, "."), strings.Split(than, ".")
	for i := range min(len(a), len(b)) {
		x, errX := strconv.Atoi(a[i])
		y, errY := strconv.Atoi(b[i])
		if errX != nil || errY != nil || x != y {
			return errX == nil && errY == nil && x < y
		}
	}
	return false
}

// settings are what bench has to know of a Django project's settings.
type settings struct {
	Debug     bool     `json:"debug"`
	Key       string   `json:"key"` // a hash of SECRET_KEY
	Databases int      `json:"databases"`
	Files     []string `json:"files"` // of SQLite databases
	// Services are the servers that they name, by kind, with the databases on them. Foreign are databases of
	// kinds that bench does not run.
	Services map[string][]string `json:"services"`
	Foreign  []string            `json:"foreign"`
	drawsKey bool                // each process draws a secret key of its own
}

// askTimeout bounds the import of the settings.
const askTimeout = time.Minute

// askDjango imports the project's settings in two processes: a key that differs between them is drawn
// afresh by each.
func askDjango(ctx context.Context, keeper *proc.Keeper, spec proc.Spec) (settings, error) {
	spec.Argv = append(spec.Argv, "-c", string(servicesModule)+"\n"+askModule)
	var found [2]settings
	var errs [2]error
	var both sync.WaitGroup
	for i := range found {
		both.Go(func() { found[i], errs[i] = askOnce(ctx, keeper, spec) })
	}
	both.Wait()
	if err := errors.Join(errs[0], errs[1]); err != nil {
		return settings{}, errors.Join(errs[0], nil) // both say the same, unless one is nil
	}
	found[0].drawsKey = found[0].Key != found[1].Key
	return found[0], nil
}

func askOnce(ctx context.Context, keeper *proc.Keeper, spec proc.Spec) (found settings, err error) {
	output, err := runStep(ctx, keeper, spec, askTimeout)
	step := []string{"reading", "the", "settings"}
	if err != nil {
		return found, &PrepareError{Step: step, Output: output, Err: err}
	}
	const marker = "\nbench:"
	at := strings.LastIndex("\n"+output, marker)
	if at < 0 {
		return found, &PrepareError{Step: step, Output: output, Err: errors.New("there was no answer from Python")}
	}
	line, _, _ := strings.Cut(("\n" + output)[at+len(marker):], "\n")
	if err := json.Unmarshal([]byte(line), &found); err != nil {
		return found, &PrepareError{Step: step, Output: output, Err: err}
	}
	return found, nil
}

// WriteOverlay writes the module that replaces settings.
func WriteOverlay(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("replacing settings: %w", err)
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, overlayName+".py"), overlayModule, 0o644),
		os.WriteFile(filepath.Join(dir, "bench_services.py"), servicesModule, 0o644),
	)
}

// overlayName is the name of that module.
const overlayName = "bench_settings"

// overlay adds what the module needs to the variables of a process. Where the app is to run with DEBUG
// on, that is not replaced.
func overlay(vars map[string]string, app targets.App, h Host, services []served, debug bool) {
	if h.Overlay == "" {
		return
	}
	replaced := map[string]any{}
	for name, value := range app.Override {
		if name != "DEBUG" || !debug {
			replaced[name] = value
		}
	}
	if _, given := replaced["SECRET_KEY"]; h.DrawKey && !given {
		replaced["SECRET_KEY"] = h.Secret
	}
	text, _ := json.Marshal(replaced) // from YAML, which has the same values
	vars["BENCH_SETTINGS"] = string(text)
	facts := map[string]map[string]string{}
	for _, s := range services {
		facts[s.Name] = s.settings
	}
	if len(facts) > 0 {
		text, _ := json.Marshal(facts) // of texts alone
		vars["BENCH_SERVICES"] = string(text)
	}
	vars["BENCH_SETTINGS_MODULE"] = vars["DJANGO_SETTINGS_MODULE"]
	vars["DJANGO_SETTINGS_MODULE"] = overlayName
	path := []string{h.Overlay}
	if own := vars["PYTHONPATH"]; own != "" {
		path = append(path, own)
	}
	vars["PYTHONPATH"] = strings.Join(path, string(filepath.ListSeparator))
}
