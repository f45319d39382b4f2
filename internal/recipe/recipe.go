// Package recipe lets tests follow the recipes of CONTRIBUTING.md to the letter: it reads a recipe,
// and puts files into the tree by an overlay of the go command, so that the tree stays as it is.
// It is imported by tests alone.
package recipe

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Recipe is a section of CONTRIBUTING.md.
type Recipe struct {
	t    testing.TB
	text string
}

// Read returns the recipe under a heading. The root of the tree is given relative to the test's
// package.
func Read(t testing.TB, root, heading string) Recipe {
	t.Helper()
	guide, err := os.ReadFile(filepath.Join(root, "CONTRIBUTING.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(guide), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("CONTRIBUTING.md has no section %q", heading)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	return Recipe{t, text}
}

// Blocks are the code blocks in a language.
func (r Recipe) Blocks(language string) (blocks []string) {
	for _, m := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(r.text, -1) {
		blocks = append(blocks, m[1])
	}
	return blocks
}

// Files are the code blocks that are introduced by a path below the folder, "`FOLDER/NAME`:", by
// that name.
func (r Recipe) Files(folder string) map[string]string {
	files := map[string]string{}
	introduced := "(?s)`" + regexp.QuoteMeta(folder) + "/([^`\n]+)`:\n\n```\\w+\n(.*?)```"
	for _, m := range regexp.MustCompile(introduced).FindAllStringSubmatch(r.text, -1) {
		files[m[1]] = m[2]
	}
	return files
}

// Find is the part of the recipe that the first group of the pattern matches.
func (r Recipe) Find(pattern string) string {
	r.t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(r.text)
	if m == nil {
		r.t.Fatalf("the recipe has no text like %q", pattern)
	}
	return m[1]
}

// AddRow is the text of a file of the package with a row behind the last one of a table.
func AddRow(t testing.TB, file, last, row string) string {
	t.Helper()
	table, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(table, []byte(last)); n != 1 {
		t.Fatalf("%s: the table ends in %d places with %q; want 1", file, n, last)
	}
	return string(bytes.Replace(table, []byte(last), []byte(last+row), 1))
}

// Overlay is the path of an overlay file, for go's flag -overlay, that puts files into the folder
// of the test's package.
func Overlay(t testing.TB, files map[string]string) string {
	t.Helper()
	dir, replace := t.TempDir(), map[string]string{}
	for name, text := range files {
		path, err := filepath.Abs(name)
		if err != nil {
			t.Fatal(err)
		}
		replace[path] = filepath.Join(dir, name)
		if err := os.WriteFile(replace[path], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(path, list, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Skip skips a test that follows a recipe in short runs: it builds the package and the command once
// more, and runs the package's own tests, short, with the recipe's result.
func Skip(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("it builds the package and the command once more")
	}
}
