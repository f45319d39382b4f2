package main

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"bench/scenarios"
	"bench/targets"

	"github.com/spf13/cobra"
)

// documentTexts are what people read about the commands.
func documentTexts(t *testing.T) (text string) {
	t.Helper()
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, "../../README.md", "../../CONTRIBUTING.md") {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text += string(content)
	}
	return text
}

// documentedLines are the lines of shell blocks and of the commands' own examples, without comments, each
// command by itself.
func documentedLines(t *testing.T, root *cobra.Command) (lines []string) {
	t.Helper()
	var all []string
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(documentTexts(t), -1) {
		all = append(all, strings.Split(block[1], "\n")...)
	}
	for _, c := range documented(root) {
		all = append(all, strings.Split(c.Example, "\n")...)
	}
	for _, line := range all {
		line, _, _ = strings.Cut(line, "#")
		for one := range strings.SplitSeq(line, "&&") {
			lines = append(lines, strings.TrimPrefix(strings.TrimSpace(one), "bin/"))
		}
	}
	return lines
}

// Every `bench` command line in the documents' shell blocks and in the commands' own examples is valid:
// its command exists and has its flags.
func TestDocumentedCommandLinesExist(t *testing.T) {
	root := newRootCommand(&shell{env: map[string]string{}})
	tested := 0
	for _, line := range documentedLines(t, root) {
		words := strings.Fields(line)
		if len(words) < 2 || words[0] != "bench" {
			continue
		}
		command, _, err := root.Find(words[1:])
		if err != nil || command == root {
			t.Errorf("%q: there is no such command", line)
			continue
		}
		for i, word := range words {
			if command.DisableFlagParsing {
				break // they are flags of the command that it explains
			}
			if word == "--" { // a job, which is a command of bench too
				if command, _, err = root.Find(words[i+1:]); err != nil || command == root {
					t.Fatalf("%q: there is no such job", line)
				}
				continue
			}
			name, _, _ := strings.Cut(strings.TrimPrefix(word, "--"), "=")
			if strings.HasPrefix(word, "--") && name != "help" && command.Flags().Lookup(name) == nil {
				t.Errorf("%q: there is no flag --%s", line, name)
			}
		}
		tested++
	}
	if tested < 15 {
		t.Errorf("only %d command lines were found", tested)
	}
}

// Nothing of a help is taken for a secret.
func TestHelpHidesNothing(t *testing.T) {
	for _, c := range documented(newRootCommand(&shell{env: map[string]string{}})) {
		var out, errs strings.Builder
		s := &shell{out: &out, errs: &errs, env: map[string]string{}}
		args := append(strings.Fields(c.CommandPath())[1:], "--help")
		if code := s.run(t.Context(), args); code != exitOK || !strings.Contains(out.String(), "Usage:") {
			t.Errorf("%s --help: exit code %d: %s%s", c.CommandPath(), code, out.String(), errs.String())
		}
		if strings.Contains(out.String(), "redacted") {
			t.Errorf("%s --help hides a part of itself:\n%s", c.CommandPath(), out.String())
		}
	}
}

// idle are the documented command lines that start nothing.
var idle = regexp.MustCompile(`^bench (topologies|render|config|schema|.* --dry-run|.* --help)\b`)

// Those that start nothing work as written, in an empty folder, unless they name a file of the reader's.
func TestDocumentedCommandLinesWork(t *testing.T) {
	var lines []string
	for _, line := range documentedLines(t, newRootCommand(&shell{env: map[string]string{}})) {
		if idle.MatchString(line) && !strings.ContainsAny(line, "<>$'/") && !strings.Contains(line, ".yaml") {
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	lines = slices.Compact(lines)
	if len(lines) < 8 {
		t.Errorf("only %d command lines start nothing: %q", len(lines), lines)
	}
	t.Chdir(t.TempDir())
	cache := t.TempDir()
	for _, line := range lines {
		var out, errs strings.Builder
		s := &shell{out: &out, errs: &errs, env: map[string]string{"PATH": os.Getenv("PATH"), "BENCH_CACHE": cache}}
		if code := s.run(t.Context(), strings.Fields(line)[1:]); code != exitOK || out.Len() == 0 {
			t.Errorf("%q: exit code %d, %d bytes on stdout: %s", line, code, out.Len(), errs.String())
		}
	}
}

// A bench.yaml shown in a document is valid.
func TestDocumentedProjectFilesParse(t *testing.T) {
	for file, targetsOf := range map[string]int{"../../docs/OWN-APP.md": 2, "../../docs/CI.md": 1} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		m := regexp.MustCompile("(?s)```yaml\n(app:.*?)```").FindSubmatch(text)
		if m == nil {
			t.Fatalf("%s shows no bench.yaml", file)
		}
		if p, err := targets.ParseProject(m[1], ""); err != nil || len(p.Mix.Targets) != targetsOf {
			t.Errorf("%s: ParseProject = %+v, %v; want %d targets", file, p, err, targetsOf)
		}
	}
}

// So are the mix and the sessions of docs/MIX.md, which names every key, and no other.
func TestDocumentedMixesParse(t *testing.T) {
	text, err := os.ReadFile("../../docs/MIX.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(text, -1)
	if len(blocks) != 2 {
		t.Fatalf("docs/MIX.md shows %d files; want a mix, and sessions", len(blocks))
	}
	if mix, err := targets.ParseMix(blocks[0][1], ""); err != nil || len(mix.Targets) != 3 {
		t.Errorf("ParseMix = %+v, %v", mix, err)
	}
	feed := &targets.Feed{Columns: []string{"user", "password"}, Rows: [][]string{{"a", "b"}}}
	mix, err := targets.ParseSessions(blocks[1][1], feed, "")
	if err != nil || len(mix.Sessions) != 1 || len(mix.Targets) != 3 {
		t.Errorf("ParseSessions = %+v, %v", mix, err)
	}
	var rows []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_0-9]+)` \\|").FindAllSubmatch(text, -1) {
		rows = append(rows, string(m[1]))
	}
	var keys []string
	for _, of := range []any{targets.Entry{}, targets.Expect{}, targets.SessionEntry{}, targets.StepEntry{}} {
		keys = append(keys, yamlKeys(reflect.TypeOf(of))...)
	}
	keys = append(keys, targets.ListFormats()...)
	slices.Sort(rows)
	slices.Sort(keys)
	if !slices.Equal(rows, keys) {
		t.Errorf("the tables of docs/MIX.md have %q; the code %q", rows, keys)
	}
}

// yamlKeys are the keys of a value in YAML, without those of values that have a table of their own.
func yamlKeys(of reflect.Type) (keys []string) {
	for i := range of.NumField() {
		if name, options, _ := strings.Cut(of.Field(i).Tag.Get("yaml"), ","); options != "inline" {
			keys = append(keys, name)
		}
	}
	return keys
}

// Following the recipe for a scenario gives one that can be measured, and the recipe names every key.
func TestTheRecipeForAScenarioHolds(t *testing.T) {
	text, err := os.ReadFile("../../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	_, recipe, _ := strings.Cut(string(text), "\n## Add a scenario\n")
	recipe, _, _ = strings.Cut(recipe, "\n## ")
	example := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindStringSubmatch(recipe)
	command := regexp.MustCompile("`bench (compare .* --dry-run)`").FindStringSubmatch(recipe)
	if example == nil || command == nil {
		t.Fatal("the recipe shows no file, or no command")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "visit.yaml"), []byte(example[1]), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	var out, errs strings.Builder
	s := &shell{out: &out, errs: &errs, env: map[string]string{"PATH": os.Getenv("PATH"), "BENCH_CACHE": t.TempDir()}}
	if code := s.run(t.Context(), strings.Fields(command[1])); code != exitOK {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	for _, want := range []string{
		"visit: closed loop on up to 32 keep-alive", "visit: open loop at ", "on at most 128 connections",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the plan does not say %q:\n%s", want, out.String())
		}
	}
	for _, key := range scenarios.Keys() {
		if !regexp.MustCompile(`\b` + key + `\b`).MatchString(recipe) {
			t.Errorf("the recipe does not name the key %s", key)
		}
	}
}
