package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"bench/experiments"
	"bench/internal/inert"
	"bench/internal/secret"
	"bench/reports/page"
	"bench/results"
	"bench/scenarios"
	"bench/servers"

	"github.com/spf13/pflag"
)

// fillTexts puts a text into every field of a value that can hold one; reflection forgets none.
func fillTexts(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Slice:
		if v.Type().Elem().Kind() != reflect.Uint8 {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			fillTexts(v.Index(0), text)
		}
	case reflect.Map:
		value := reflect.New(v.Type().Elem()).Elem()
		fillTexts(value, text)
		if v.Type().Key().Kind() == reflect.String {
			v.Set(reflect.MakeMap(v.Type()))
			v.SetMapIndex(reflect.ValueOf(text).Convert(v.Type().Key()), value)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillTexts(v.Elem(), text)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fillTexts(v.Field(i), text)
			}
		}
	}
}

func filledWith[T any](text string) (v T) {
	fillTexts(reflect.ValueOf(&v).Elem(), text)
	return v
}

// sinks are the ways by which a text from elsewhere reaches the terminal or a CI system's log.
var sinks = map[string]func(t *testing.T, s *shell, text string){
	"an error": func(_ *testing.T, s *shell, text string) { s.run(context.Background(), []string{text}) },
	"an error of several lines": func(_ *testing.T, s *shell, text string) {
		defer guardStreams(s)()
		boot := &servers.BootError{Diagnostic: text, Hint: text, Log: text + "\n" + text, Err: errors.New(text)}
		_, _ = s.errs.Write([]byte("bench: " + boot.Error() + "\n"))
	},
	"an event": func(_ *testing.T, s *shell, text string) {
		defer guardStreams(s)()
		for _, e := range []experiments.Event{
			filledWith[scenarios.Doing](text), filledWith[experiments.RunStarted](text), filledWith[scenarios.Scheduled](text),
			filledWith[experiments.Message](text), filledWith[experiments.Diagnostic](text),
			filledWith[experiments.EstimateSoFar](text), filledWith[scenarios.Booted](text), filledWith[experiments.Done](text),
			filledWith[scenarios.Second](text),
		} {
			newView(s).Show(e)
		}
		started := filledWith[scenarios.CellStarted](text)
		started.Of = 9
		newView(s).Show(started)
	},
	"JSON": func(_ *testing.T, s *shell, text string) {
		defer guardStreams(s)()
		_ = s.json(map[string]any{"a": text, text: []string{text}, "entry": filledWith[results.Entry](text)})
	},
	"a load's text": func(_ *testing.T, s *shell, text string) {
		defer guardStreams(s)()
		_, _ = s.out.Write([]byte(filledWith[loadResult](text).text()))
	},
	"a report": func(_ *testing.T, s *shell, text string) {
		defer guardStreams(s)()
		d := page.Document{Kind: "compare", Headline: text, Lead: []string{text}, Data: map[string]string{"a": text}}
		for _, o := range []sharedFlags{{}, {json: true}, {verbose: true}} {
			_ = s.show("dir", d, o)
		}
	},
	"the history": func(t *testing.T, s *shell, text string) {
		dir := t.TempDir()
		e := filledWith[results.Entry](text)
		e.Schema = results.HistorySchema
		line, err := json.Marshal(e)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, results.HistoryFile), append(line, '\n'), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		s.run(t.Context(), []string{"history", "--out", dir})
		s.run(t.Context(), []string{"trend", "--out", dir, "--metric", text})
	},
	"a project file": func(t *testing.T, s *shell, text string) {
		dir := t.TempDir()
		for _, yaml := range []string{text, "app: {'" + text + "': 1}", "flags: {'" + text + "': 1}"} {
			if err := os.WriteFile(filepath.Join(dir, "bench.yaml"), []byte(yaml), 0o600); err != nil {
				t.Fatal(err)
			}
			s.run(t.Context(), []string{"compare", "--app", dir, "--dry-run"})
		}
	},
}

var (
	command = regexp.MustCompile(`(?m)^[\pZ\s\x{200b}\x{feff}]*::|##\pL*\[`)
	redraw  = strings.NewReplacer("\r\x1b[K", "\n") // what bench itself sends to a terminal
)

// Whatever a text from elsewhere holds, it is only shown.
func TestNoTextBecomesACommand(t *testing.T) {
	for name, sink := range sinks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, payload := range inert.Payloads {
				var out, errs bytes.Buffer
				s := &shell{out: &out, errs: &errs, env: map[string]string{"HOME": t.TempDir()}}
				sink(t, s, payload)
				for stream, text := range map[string]string{"stdout": out.String(), "stderr": redraw.Replace(errs.String())} {
					harmful := func(c rune) bool { return c != '\n' && c != '\t' && inert.Unsafe(c) }
					if at := strings.IndexFunc(text, harmful); at >= 0 {
						t.Errorf("%q: %s holds %q", payload, stream, text[at:min(len(text), at+20)])
					}
					if mark := command.FindString(text); mark != "" {
						t.Errorf("%q: %s holds the command %q", payload, stream, mark)
					}
				}
			}
		})
	}
}

// A secret reaches no stream by any way, unless a person at a terminal asks for it.
func TestNoSecretReachesAStream(t *testing.T) {
	for name, sink := range sinks {
		for _, text := range []string{"http://u:canary42@127.0.0.1/?token=canary42", "Cookie: sessionid=canary42",
			"SECRET_KEY='canary42'", "Authorization: Bearer canary42", `"password": "canary42"`} {
			var out, errs bytes.Buffer
			s := &shell{out: &out, errs: &errs, env: map[string]string{"HOME": t.TempDir()}}
			sink(t, s, text)
			if both := out.String() + errs.String(); strings.Contains(both, "canary42") {
				t.Errorf("%s shows %q:\n%s", name, text, both)
			}
		}
	}
	for _, row := range []struct {
		interactive bool
		code        int
		shown       bool
	}{{true, exitUsage, true}, {false, exitUsage, false}} {
		var out, errs bytes.Buffer
		s := &shell{out: &out, errs: &errs, env: map[string]string{}, interactive: row.interactive}
		code := s.run(t.Context(), []string{"render", "no?token=canary42", "--show-secrets"})
		if shown := strings.Contains(errs.String(), "canary42"); code != row.code || shown != row.shown {
			t.Errorf("interactive %v: code %d, shown %v: %s", row.interactive, code, shown, errs.String())
		}
	}
}

// What bench's own flags hold is stored as it is, so that a run can be carried out again. The secrets among them are
// known by their form.
func TestOwnFlagsAreNoSecrets(t *testing.T) {
	values := map[string]string{"pin": "0,1", "key": "client.key"} // others: any word
	for _, c := range newRootCommand(&shell{env: map[string]string{}}).Commands() {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			value := cmp.Or(values[f.Name], "word")
			record := fmt.Sprintf(`{"config": {%q: %q}}`, f.Name, value)
			if got := string(secret.JSON([]byte(record))); got != record {
				t.Errorf("%s --%s: %s is stored as %s", c.Name(), f.Name, record, got)
			}
		})
	}
}

// Only a person opens the guard: with the flag, or by typing the host's name at a terminal.
func TestOnlyAPersonAllowsAHost(t *testing.T) {
	dir := t.TempDir()
	yaml := "app: {wsgi: 'a:b', settings: s, health: /}\nmix: [{name: home, path: /}]\nflags: {allow-host: [192.0.2.1]}\n"
	if err := os.WriteFile(filepath.Join(dir, "bench.yaml"), []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		says   string
		env    map[string]string
		flag   []string
		typed  string
		person bool
		opened bool
	}{
		{"by bench.yaml", nil, nil, "", false, false},
		{"by the environment", map[string]string{"BENCH_ALLOW_HOST": "192.0.2.1"}, nil, "", false, false},
		{"by the flag", nil, []string{"--allow-host", "192.0.2.1"}, "", false, true},
		{"by bench.yaml and a person who types its name", nil, nil, "192.0.2.1\n", true, true},
		{"by bench.yaml and a person who types yes", nil, nil, "yes\n", true, false},
		{"by bench.yaml and a person who leaves", nil, nil, "", true, false},
	} {
		var out, errs bytes.Buffer
		s := &shell{out: &out, errs: &errs, in: strings.NewReader(row.typed), interactive: row.person,
			env: map[string]string{"HOME": t.TempDir()}}
		for key, value := range row.env {
			s.env[key] = value
		}
		root := newRootCommand(s)
		c, _, err := root.Find([]string{"compare"})
		if err != nil {
			t.Fatal(err)
		}
		restore := guardStreams(s)
		if err := c.ParseFlags(append([]string{"--app", dir}, row.flag...)); err != nil {
			t.Fatal(err)
		}
		err = settle(c, s)
		restore()
		hosts, _ := c.Flags().GetStringArray("allow-host")
		if err != nil || (len(hosts) == 1) != row.opened {
			t.Errorf("%s: allowed are %v, %v: %s", row.says, hosts, err, errs.String())
		}
	}
}
