// Package notices writes down the licences of everything that a binary of bench contains besides bench:
// the modules it is linked with, on every platform that is released, and the assets it embeds.
package notices

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// File is where the tree keeps the notices.
const File = "THIRD-PARTY.md"

// Program is the package whose binary the notices are about.
const Program = "./cmd/bench"

// systems are those that bench is released for. What is linked depends on the system, not on the
// processor.
var systems = []string{"linux", "darwin"}

// assets are the licences of what is embedded and is not a Go module.
var assets = []Part{
	{Name: "Go standard library", dir: "$GOROOT"},
	{Name: "uPlot", Version: "1.6.32", dir: "reports/page/assets/uplot"},
}

// chosen are the texts of licences that a module offers a choice of.
var chosen = map[string]string{"github.com/golang/freetype": "licenses/ftl.txt"}

// Part is something that a binary contains, with its licence.
type Part struct {
	Name, Version string
	Texts         []string // of its licence files

	dir string
}

// Read finds what the program is made of. The tree is the folder of the module.
func Read(ctx context.Context, tree string) ([]Part, error) {
	parts, err := modules(ctx, tree)
	if err != nil {
		return nil, err
	}
	for _, a := range assets {
		if a.dir = filepath.Join(tree, a.dir); a.Version == "" {
			if a.dir, err = goRoot(ctx, tree); err != nil {
				return nil, err
			}
		}
		parts = append(parts, a)
	}
	for i := range parts {
		if parts[i].Texts, err = licences(parts[i].dir); err != nil {
			return nil, fmt.Errorf("licence of %s: %w", parts[i].Name, err)
		}
		if file := chosen[parts[i].Name]; file != "" {
			text, err := os.ReadFile(filepath.Join(parts[i].dir, file))
			if err != nil {
				return nil, err
			}
			parts[i].Texts = append(parts[i].Texts, strings.TrimSpace(string(text)))
		}
	}
	return parts, nil
}

// modules are those that the program is linked with, on any of the systems, by name.
func modules(ctx context.Context, tree string) ([]Part, error) {
	found := map[string]Part{}
	for _, system := range systems {
		c := exec.CommandContext(ctx, "go", "list", "-deps", "-json=Module", Program)
		c.Dir, c.Env = tree, append(c.Environ(), "GOOS="+system, "CGO_ENABLED=0")
		out, err := output(c)
		if err != nil {
			return nil, err
		}
		for d := json.NewDecoder(bytes.NewReader(out)); ; {
			var p struct {
				Module *struct {
					Path, Version, Dir string
					Main               bool
				}
			}
			if err := d.Decode(&p); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return nil, fmt.Errorf("reading the list of packages: %w", err)
			}
			if m := p.Module; m != nil && !m.Main {
				found[m.Path] = Part{Name: m.Path, Version: m.Version, dir: m.Dir}
			}
		}
	}
	var parts []Part
	for _, p := range found {
		parts = append(parts, p)
	}
	slices.SortFunc(parts, func(a, b Part) int { return strings.Compare(a.Name, b.Name) })
	return parts, nil
}

func goRoot(ctx context.Context, tree string) (string, error) {
	c := exec.CommandContext(ctx, "go", "env", "GOROOT")
	c.Dir = tree
	out, err := output(c)
	return strings.TrimSpace(string(out)), err
}

func output(c *exec.Cmd) ([]byte, error) {
	out, err := c.Output()
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
		return nil, fmt.Errorf("%s: %w: %s", strings.Join(c.Args, " "), err, bytes.TrimSpace(failed.Stderr))
	}
	return out, err
}

// licences are the texts of a folder's licence files.
func licences(dir string) (texts []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.IsDir() || !isLicence(e.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		texts = append(texts, strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n")))
	}
	if len(texts) == 0 {
		return nil, fmt.Errorf("no licence file in %s", dir)
	}
	return texts, nil
}

// isLicence reports whether a file is a licence, or a notice that a licence asks to be passed on.
func isLicence(name string) bool {
	base, _, _ := strings.Cut(strings.ToLower(name), ".")
	for _, word := range []string{"license", "licence", "copying", "notice", "patents"} {
		if base == word || strings.HasPrefix(base, word+"-") {
			return !strings.HasSuffix(name, ".go")
		}
	}
	return false
}

// Write writes the notices. A text that several parts share stands once.
func Write(w io.Writer, parts []Part) error {
	var out bytes.Buffer
	out.WriteString("# What bench contains\n\nbench is under the licence in LICENSE. Its binaries also contain the " +
		"following, under the licences below. `make notices` writes this file.\n\n" +
		"| part | version | licence |\n|---|---|---|\n")
	var texts []string
	for _, p := range parts {
		var places []string
		for _, text := range p.Texts {
			at := slices.Index(texts, text)
			if at < 0 {
				at, texts = len(texts), append(texts, text)
			}
			places = append(places, fmt.Sprintf("[%d](#licence-%d)", at+1, at+1))
		}
		fmt.Fprintf(&out, "| %s | %s | %s |\n", p.Name, p.Version, strings.Join(places, ", "))
	}
	for i, text := range texts {
		fmt.Fprintf(&out, "\n## Licence %d\n\n````text\n%s\n````\n", i+1, text)
	}
	_, err := w.Write(out.Bytes())
	return err
}
