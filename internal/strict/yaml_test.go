package strict

import (
	"fmt"
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
		{"a version", "%YAML 1.2\n---\na: 1\n", ""},
		{"an end", "a: 1\n...\n", ""},
		{"two documents", "a: 1\n---\na: 2\n", "[3:1] a second document"},
		{"a fraction of a whole number", "a: 1.5\n", "[1:4] 1.5: want a whole number"},
		{"a whole number with a point", "a: 1.0\n", ""},
		{"a number beyond all bounds", "a: 99999999999999999999\n", "want a whole number"},
		{"a list instead of a text", "a: 1\nb: [[x]]\n", "want a text"},
	} {
		var v value
		err := YAML([]byte(row.text), &v)
		if (err == nil) != (row.err == "") || err != nil && !strings.Contains(err.Error(), row.err) {
			t.Errorf("%s: YAML(%q) = %v; want an error with %q", row.says, row.text, err, row.err)
		}
	}
}

// A key beside << takes the place of the merged one, wherever it stands; given twice, it is refused.
func TestMerges(t *testing.T) {
	type entry struct {
		A int    `yaml:"a"`
		B string `yaml:"b"`
	}
	for text, want := range map[string]string{
		"- &x {a: 1, b: x}\n- <<: *x\n  a: 2\n": "[{1 x} {2 x}]", "- &x {a: 1, b: x}\n- a: 2\n  <<: *x\n": "[{1 x} {2 x}]",
		"- &x {a: 1, b: 010}\n- <<: *x\n": "[{1 010} {1 010}]",
	} {
		var got []entry
		if err := YAML([]byte(text), &got); err != nil || fmt.Sprint(got) != want {
			t.Errorf("%q is %v, %v; want %s", text, got, err, want)
		}
	}
	var got []entry
	if err := YAML([]byte("- &x {a: 1}\n- <<: *x\n  a: 2\n  a: 3\n"), &got); err == nil {
		t.Errorf("a key given twice is read as %v", got)
	}
}

// What belongs to a text stays as it was written; what belongs to a number is one.
func TestTextsStayAsWritten(t *testing.T) {
	type Inner struct {
		Word string `yaml:"word"`
	}
	var got struct {
		Inner  `yaml:",inline"`
		Env    map[string]string   `yaml:"env"`
		Steps  [][]string          `yaml:"steps"`
		Twice  map[string][]string `yaml:"twice"`
		Weight uint32              `yaml:"weight"`
		Share  float64             `yaml:"share"`
		Any    map[string]any      `yaml:"any"`
		On     bool                `yaml:"on"`
	}
	const text = `
word: 007
env: {OCT: 01234, FLOAT: 24.10, GROUPED: 1_000, HEX: 0x1F, BIN: 0b11, EXP: 1e3, PLUS: +1, LONG: 12345678901234567890123,
  YES: True, NO: off, INF: .inf, NEG: -0, QUOTED: "010", TIME: 12:30:45, DATE: 2026-11-27, ANCHOR: &a 010, ALIAS: *a}
steps: [[seed, 010], [0o17]]
twice: {A: [1.0, 2.50]}
weight: 0x10
share: 0.50
any: {n: 3}
on: true
`
	if err := YAML([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"OCT": "01234", "FLOAT": "24.10", "GROUPED": "1_000", "HEX": "0x1F", "BIN": "0b11", "EXP": "1e3", "PLUS": "+1",
		"LONG": "12345678901234567890123", "YES": "True", "NO": "off", "INF": ".inf", "NEG": "-0", "QUOTED": "010",
		"TIME": "12:30:45", "DATE": "2026-11-27", "ANCHOR": "010", "ALIAS": "010",
	}
	for name, value := range want {
		if got.Env[name] != value {
			t.Errorf("%s = %q; want %q", name, got.Env[name], value)
		}
	}
	if got.Word != "007" || fmt.Sprint(got.Steps, got.Twice) != "[[seed 010] [0o17]] map[A:[1.0 2.50]]" {
		t.Errorf("texts in other places: %+v", got)
	}
	if got.Weight != 16 || got.Share != 0.5 || !got.On || fmt.Sprint(got.Any["n"]) != "3" {
		t.Errorf("numbers: %+v", got)
	}
}

// Case 12-bom: a byte order mark, as editors and spreadsheets write it, is not part of the text.
func TestByteOrderMarks(t *testing.T) {
	for says, text := range map[string]string{
		"none": "a: ü", "UTF-8": "\xef\xbb\xbfa: ü", "UTF-16, little-endian": "\xff\xfea\x00:\x00 \x00\xfc\x00",
		"UTF-16, big-endian": "\xfe\xff\x00a\x00:\x00 \x00\xfc",
	} {
		var got struct {
			A string `yaml:"a"`
		}
		if err := YAML([]byte(text), &got); err != nil || got.A != "ü" {
			t.Errorf("%s: %q, %v; want ü", says, got.A, err)
		}
	}
}
