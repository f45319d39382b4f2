package internal

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"bench/internal/proof"
)

// glossary are the terms of docs/GLOSSARY.md, in their order.
func glossary(t *testing.T) (terms []string) {
	t.Helper()
	text, err := os.ReadFile("../docs/GLOSSARY.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^\| (.+?) \| .+ \|$`).FindAllStringSubmatch(string(text), -1) {
		if m[1] != "term" {
			terms = append(terms, m[1])
		}
	}
	if len(terms) < 50 {
		t.Fatalf("the glossary has %d terms; is the table still there?", len(terms))
	}
	return terms
}

func TestGlossaryIsAlphabetical(t *testing.T) {
	terms := glossary(t)
	for i := range terms[1:] {
		if a, b := strings.ToLower(terms[i]), strings.ToLower(terms[i+1]); a >= b {
			t.Errorf("%q stands before %q", terms[i], terms[i+1])
		}
	}
}

// exported are the names that readers of the code meet first; each is a term of the glossary, or
// made of two.
var exported = map[string][]string{
	"targets":        {"App", "Feed", "Mix", "Session", "Target"},
	"servers":        {"Topology", "Blueprint", "Cluster", "Keeper"},
	"servers/probe":  {"Probe", "Counter"},
	"loadgen":        {"Engine", "Guard", "Measurer", "Part", "Plan"},
	"loadgen/pacing": {"Pacer"},
	"results": {
		"Baseline", "Cell", "Class", "Configuration", "Counter", "Diagnostic", "Findings", "Grade", "Hint", "Interval",
		"Kind", "Objective", "Role", "Run", "Spec",
	},
	"scenarios":            {"Arm", "Block", "Cell", "Event", "Load", "Preset", "Scenario", "Trial"},
	"experiments":          {"Event", "Outcome", "Run"},
	"experiments/compare":  {"Plan", "Spec"},
	"experiments/gate":     {"Spec"},
	"experiments/capacity": {"Spec"},
	"stats":                {"Interval"},
	"reports/gate":         {"Verdict", "Attribution"},
}

func TestExportedNamesAreInTheGlossary(t *testing.T) {
	var terms []string
	for _, term := range glossary(t) {
		for part := range strings.SplitSeq(term, ", ") {
			terms = append(terms, strings.ReplaceAll(strings.ToLower(part), " ", ""))
		}
	}
	for dir, names := range exported {
		declared := declarations(t, filepath.Join("..", filepath.FromSlash(dir)))
		for _, name := range names {
			if !slices.Contains(declared, name) {
				t.Errorf("package %s exports no %s", dir, name)
			}
			if !slices.Contains(terms, strings.ToLower(name)) {
				t.Errorf("%s.%s is not a term of docs/GLOSSARY.md", dir, name)
			}
		}
	}
}

// declarations are the exported types of a package, and the names of its exported fields.
func declarations(t *testing.T, dir string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				return false
			case *ast.TypeSpec:
				names = append(names, n.Name.Name)
			case *ast.Field:
				for _, name := range n.Names {
					names = append(names, name.Name)
				}
			}
			return true
		})
	}
	return names
}

// replaced are words that this project does not use any more, each with what stands for it now
// (docs/GLOSSARY.md). They are looked for in everything that people read: documents, and the
// comments and texts of the code.
var replaced = []struct{ old, now string }{
	{`greatest rates?`, "maximum throughput, or capacity"},
	{`right answers?`, "successful response"},
	{`\bslots?\b`, "concurrency"},
	{`\befforts?\b`, "preset"},
	{`\bduels?\b`, "paired A/B run"},
	{`\bunsent\b`, "dropped"},
	{`\bgiven up\b`, "abandoned"},
	{`\bunseen\b`, "held out"},
	{`\b(is|are) no (commit|topology|folder|program|run|number|interval|measure|text|part|file|JSON|duration|rate)\b`,
		"is not a ..."},
	{`\bmends?\b`, "fix"},
	{`\bso many\b`, "the number"},
	{`not to be told\b`, "inconclusive"},
}

// What is read, and where old words stand on purpose: in what older versions wrote.
var (
	read   = []string{".md", ".go", ".tmpl", ".yaml", ".yml"}
	unread = []string{".git", "bin", "bench-runs", "examples", "testdata"}
	kept   = regexp.MustCompile(`(CHANGELOG\.md|THIRD-PARTY\.md|words_test\.go|/schema1(_test)?\.go)`)
)

func TestReplacedWordsAreGone(t *testing.T) {
	proof.WithoutRace(t)
	patterns, all := make([]*regexp.Regexp, len(replaced)), make([]string, len(replaced))
	for i, word := range replaced {
		patterns[i], all[i] = regexp.MustCompile(`(?i)`+word.old), word.old
	}
	gone := regexp.MustCompile(`(?i)` + strings.Join(all, "|"))
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && slices.Contains(unread, entry.Name()) {
			return fs.SkipDir
		}
		if !slices.Contains(read, filepath.Ext(path)) || kept.MatchString(path) {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if !gone.Match(text) {
			return nil
		}
		for i, line := range strings.Split(string(text), "\n") {
			for n, pattern := range patterns {
				if found := pattern.FindString(line); found != "" {
					t.Errorf("%s:%d: %q: write %q", strings.TrimPrefix(path, "../"), i+1, found, replaced[n].now)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
