package strict

import (
	"strings"
	"testing"
)

func TestJSON(t *testing.T) {
	for text, want := range map[string]string{
		`{"a": 1, "b": {"a": 2, "c": [{"a": 3}, {"a": 4}]}}`: "",
		`{"a": 1, "A": 2}`: "", `[1, 2, "x", "x", null]`: "", `"a"`: "",
		`{"a": 1, "a": 1}`:                 `the key "a" is there twice`,
		`{"b": [{"c": {"a": 1, "a": 2}}]}`: `the key "a" is there twice`,
		`{"a": 1, "\u0061": 2}`:            `the key "a" is there twice`,
		`{"a": 1`:                          "unexpected end",
		`{"a": 1} x`:                       "invalid character",
		strings.Repeat("[", 1_000_000):     "max depth",
	} {
		var v any
		if err := JSON([]byte(text), &v); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("JSON(%.40q) = %v; want %q", text, err, want)
		}
	}
}
