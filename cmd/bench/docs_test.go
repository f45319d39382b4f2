package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"bench/scenarios"
	"bench/targets"
)

// Every `bench` command line in the README's shell blocks and in the commands' own examples is valid:
// its command exists and has its flags.
func TestDocumentedCommandLinesExist(t *testing.T) {
	var readme []byte
	for _, file := range []string{"README.md", "docs/TUTORIAL.md", "docs/HOWTO.md"} {
		text, err := os.ReadFile("../../" + file)
		if err != nil {
			t.Fatal(err)
		}
		readme = append(readme, text...)
	}
	var lines []string
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(readme), -1) {
		lines = append(lines, strings.Split(block[1], "\n")...)
	}
	root := newRootCommand(&shell{env: map[string]string{}})
	lines = append(lines, strings.Split(root.Example, "\n")...)
	for _, c := range root.Commands() {
		lines = append(lines, strings.Split(c.Example, "\n")...)
		for _, sub := range c.Commands() {
			lines = append(lines, strings.Split(sub.Example, "\n")...)
		}
	}
	tested := 0
	var alone []string // without the comment, and each command of several in a line by itself
	for _, line := range lines {
		line, _, _ = strings.Cut(line, "#")
		alone = append(alone, strings.Split(line, "&&")...)
	}
	for _, line := range alone {
		words := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "bin/"))
		if len(words) < 2 || words[0] != "bench" {
			continue
		}
		command, _, err := root.Find(words[1:])
		if err != nil || command == root {
			t.Errorf("%q: there is no such command", line)
			continue
		}
		for _, word := range words[2:] {
			if command.DisableFlagParsing {
				break // they are flags of the command that it explains
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

// A bench.yaml shown in a document is valid.
func TestDocumentedProjectFilesParse(t *testing.T) {
	for file, targetsOf := range map[string]int{"../../README.md": 2, "../../docs/CI.md": 1} {
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

// So is the file of sessions.
func TestDocumentedSessionsParse(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?s)```yaml\n(- name:.*?)```").FindSubmatch(readme)
	if m == nil {
		t.Fatal("the README shows no sessions")
	}
	feed := &targets.Feed{Columns: []string{"user", "password"}, Rows: [][]string{{"a", "b"}}}
	if mix, err := targets.ParseSessions(m[1], feed, ""); err != nil || len(mix.Sessions) != 1 || len(mix.Targets) != 3 {
		t.Errorf("ParseSessions = %+v, %v", mix, err)
	}
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
