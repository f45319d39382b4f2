package strict

import (
	"strings"
	"testing"
)

func TestYAML(t *testing.T) {
	type value struct {
		A int      `yaml:"a"`
		B []string `yaml:"b"`
	}
	for _, row := range []struct{ says, text, err string }{
		{"a document", "a: 1\nb: [x]\n", ""},
		{"an unknown key has its line and column", "a: 1\nc: 2\n", "[2:1]"},
		{"a value of another type has its line", "a: 1\nb: {x: y}\n", "[2:"},
		{"a duplicate key", "a: 1\na: 2\n", "[2:1]"},
		{"a document that makes the library panic", "b: ! {x: {0},y: {0}}\n", "parsing"},
		{"not a document", "\x00", "parsing"},
	} {
		var v value
		err := YAML([]byte(row.text), &v)
		if (err == nil) != (row.err == "") || err != nil && !strings.Contains(err.Error(), row.err) {
			t.Errorf("%s: YAML(%q) = %v; want an error with %q", row.says, row.text, err, row.err)
		}
	}
}
