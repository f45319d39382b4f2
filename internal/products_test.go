package internal

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"bench/internal/proof"
)

// Names of servers, in an identifier or a literal. An interpreter counts only as a whole literal,
// as the name of a tier or tool: `app.python` is a key of bench.yaml, and Django is Python.
var (
	product     = regexp.MustCompile(`(?i)uwsgi|nginx|gunicorn|apache|httpd|mod_?wsgi|uvicorn|granian|waitress|runserver`)
	interpreter = regexp.MustCompile("^[\"`]python3?[\"`]$")
)

// mayName lists the files that may name a product, and why.
var mayName = map[string]string{
	"results/schema1.go": "reads records that were written under the names of two products",
	"results/history.go": "distinguishes the interpreter from the servers among the tools of a manifest",
}

// Knowledge of a product belongs in servers/ and in topology files: everything else asks for a
// role, a tool's row or a counter's name. Help and its examples are for people, who use names.
func TestNoProductIsNamedOutsideServers(t *testing.T) {
	proof.WithoutRace(t)
	named := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := filepath.ToSlash(strings.TrimPrefix(path, "../"))
		if entry.IsDir() && (name == "servers" || name == "bin" || strings.HasPrefix(entry.Name(), ".git")) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		for _, found := range productsIn(t, path) {
			if named[name] = true; mayName[name] == "" {
				t.Errorf("%s", found)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, why := range mayName {
		if !named[name] {
			t.Errorf("%s no longer names a product (%s): remove it from the list", name, why)
		}
	}
}

// productsIn lists the identifiers and literals of a file that name a product, with positions.
func productsIn(t *testing.T, path string) (found []string) {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		text := ""
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			return !isHelp(n)
		case *ast.Ident:
			text = n.Name
		case *ast.BasicLit:
			text = n.Value
		}
		if product.MatchString(text) || interpreter.MatchString(text) {
			found = append(found, files.Position(n.Pos()).String()+": "+text)
		}
		return true
	})
	return found
}

// isHelp reports whether a field is a command's help.
func isHelp(field *ast.KeyValueExpr) bool {
	key, named := field.Key.(*ast.Ident)
	return named && slices.Contains([]string{"Short", "Long", "Example"}, key.Name)
}
