package loadgen_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Times of a load are differences of the monotonic clock, so a step of the wall clock changes none. What would
// read the wall clock instead is named here, with the one place that may: it compares two stamps of the
// kernel's, and leaves out what a step makes of them.
func TestNoLatencyIsReadFromTheWallClock(t *testing.T) {
	wall := []string{"Unix", "UnixMilli", "UnixMicro", "UnixNano", "UTC", "CLOCK_REALTIME", "Gettimeofday"}
	allowed := []string{"native/stamp_linux.go: UnixNano"}
	var found []string
	for _, dir := range []string{".", "native", "vegeta", "pacing", "http1"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no files in %s: %v", dir, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(tree, func(n ast.Node) bool {
				if of, is := n.(*ast.SelectorExpr); is && slices.Contains(wall, of.Sel.Name) {
					found = append(found, file+": "+of.Sel.Name)
				}
				return true
			})
		}
	}
	if !slices.Equal(found, allowed) {
		t.Errorf("the wall clock is read in %q; want %q", found, allowed)
	}
}
