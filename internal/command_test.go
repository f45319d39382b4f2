package internal

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Limits on the files of cmd/bench and on the methods of the shell: a command that outgrows them
// decides something, and decisions belong in package experiments.
const (
	mostLines   = 200
	mostMethods = 12
)

func TestCommandsStaySmall(t *testing.T) {
	files, err := filepath.Glob("../cmd/bench/*.go")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files of cmd/bench, %v", len(files), err)
	}
	method := regexp.MustCompile(`(?m)^func \(\w* ?\*?shell\) (\w+)`)
	var methods []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if lines := strings.Count(string(text), "\n"); lines > mostLines {
			t.Errorf("%s has %d lines; at most %d", file, lines, mostLines)
		}
		for _, m := range method.FindAllStringSubmatch(string(text), -1) {
			methods = append(methods, m[1])
		}
	}
	if len(methods) == 0 || len(methods) > mostMethods {
		t.Errorf("shell has %d methods; at most %d: %v", len(methods), mostMethods, methods)
	}
}
