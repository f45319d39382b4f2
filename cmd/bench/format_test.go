package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"bench/experiments/compare"
	selftest "bench/experiments/gate"
	"bench/fleet/jobs"
	"bench/loadgen/accuracy"
	"bench/reports/capacity"
	"bench/reports/claims"
	comparison "bench/reports/compare"
	"bench/reports/diff"
	"bench/reports/gate"
	"bench/reports/history"
	"bench/reports/ladder"
	"bench/reports/plot"
	"bench/reports/tune"
	"bench/results"
	"bench/servers"
	"bench/servers/setup"
)

// docs/RESULTS-FORMAT.md has a section for each JSON object, with a row for each key. A type in it
// is "string", "list of number", "map of [load](#load)" and so on, followed by ", optional" and by
// the unit.

const formatFile = "../../docs/RESULTS-FORMAT.md"

// format is the document's sections by their anchors.
type format map[string]*section

type section struct {
	anchor string
	rows   []row
	read   bool // some value was held against it
}

type row struct{ key, kind, meaning string }

// embedded is the key of a row that stands for all keys of another section.
const embedded = "…"

// expression is the type of a row without unit and mark.
func (r row) expression() string {
	kind, _, _ := strings.Cut(r.kind, ",")
	return kind
}

func (r row) optional() bool { return strings.Contains(r.kind, ", optional") }

var (
	headingLine = regexp.MustCompile(`^#+ (.*)$`)
	rowLine     = regexp.MustCompile("^\\| `?([^`|]+?)`? \\| (.+?) \\| (.*?) ?\\|$")
	linked      = regexp.MustCompile(`^\[.+\]\(#(.+)\)$`)
)

func readFormat(t *testing.T) format {
	t.Helper()
	text, err := os.ReadFile(formatFile)
	if err != nil {
		t.Fatal(err)
	}
	sections, current, inKeys := format{}, (*section)(nil), false
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		line := lines.Text()
		if m := headingLine.FindStringSubmatch(line); m != nil {
			current, inKeys = &section{anchor: anchor(m[1])}, false
			if sections[current.anchor] != nil {
				t.Errorf("two headings have the anchor #%s", current.anchor)
			}
			sections[current.anchor] = current
		}
		switch m := rowLine.FindStringSubmatch(line); {
		case line == "| key | type | meaning |":
			inKeys = true
		case !strings.HasPrefix(line, "|"):
			inKeys = false
		case inKeys && m != nil:
			current.rows = append(current.rows, row{m[1], m[2], m[3]})
		}
	}
	return sections
}

// anchor is the one that GitHub gives to a heading.
func anchor(heading string) string {
	kept := regexp.MustCompile(`[^a-z0-9 -]`).ReplaceAllString(strings.ToLower(heading), "")
	return strings.ReplaceAll(kept, " ", "-")
}

// linked is the section that a type refers to.
func (f format) linked(expression string) *section {
	if m := linked.FindStringSubmatch(expression); m != nil {
		return f[m[1]]
	}
	return nil
}

// field is a key of a struct as JSON has it.
type field struct {
	key      string
	of       reflect.Type
	optional bool
}

func fieldsOf(of reflect.Type) (fields []field) {
	for i := range of.NumField() {
		f := of.Field(i)
		name, options, tagged := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported():
		case f.Anonymous && name == "":
			fields = append(fields, field{embedded, f.Type, false})
		default:
			fields = append(fields, field{name, f.Type, tagged && strings.HasPrefix(options, "omit")})
		}
	}
	return fields
}

// hold compares the rows of a section to the fields of a struct, and what they refer to likewise.
// Keys in extra are those that a report adds to the struct's own.
func (f format) hold(t *testing.T, s *section, of reflect.Type, extra ...string) {
	t.Helper()
	if s == nil {
		t.Errorf("%v has no section", of)
		return
	}
	s.read = true
	rows := slices.DeleteFunc(slices.Clone(s.rows), func(r row) bool { return slices.Contains(extra, r.key) })
	fields := fieldsOf(of)
	for i, field := range fields {
		if i >= len(rows) || rows[i].key != field.key {
			t.Errorf("#%s, row %d: want the key %q of %v", s.anchor, i+1, field.key, of)
			return
		}
		if rows[i].optional() != field.optional {
			t.Errorf("#%s, %s: it is optional: %v", s.anchor, field.key, field.optional)
		}
		f.holdType(t, s.anchor+", "+field.key, rows[i].expression(), field.of)
	}
	for _, r := range rows[len(fields):] {
		t.Errorf("#%s: %v has no key %q", s.anchor, of, r.key)
	}
}

func (f format) holdType(t *testing.T, where, expression string, of reflect.Type) {
	t.Helper()
	want := simple(of)
	list, isList := strings.CutPrefix(expression, "list of ")
	values, isMap := strings.CutPrefix(expression, "map of ")
	switch {
	case want != "":
		if expression != want {
			t.Errorf("#%s is a %q; want %q", where, expression, want)
		}
	case of.Kind() == reflect.Pointer:
		f.holdType(t, where, expression, of.Elem())
	case of.Kind() == reflect.Slice && isList:
		f.holdType(t, where, list, of.Elem())
	case of.Kind() == reflect.Map && isMap:
		f.holdType(t, where, values, of.Elem())
	case of.Kind() == reflect.Struct && f.linked(expression) != nil:
		if s := f.linked(expression); !s.read {
			f.hold(t, s, of)
		}
	default:
		t.Errorf("#%s is a %q; want one for %v", where, expression, of)
	}
}

// simple is the expression of a type without parts, or "".
func simple(of reflect.Type) string {
	switch of {
	case reflect.TypeFor[time.Time]():
		return "time"
	case reflect.TypeFor[json.RawMessage]():
		return "object"
	}
	switch of.Kind() {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Float64:
		return "number"
	case reflect.Int, reflect.Int64, reflect.Uint32, reflect.Uint64:
		return "integer"
	}
	return ""
}

// Every key that bench writes has a row with its type, and every row is a key that it writes.
func TestFormatHasEveryKey(t *testing.T) {
	f := readFormat(t)
	for anchor, value := range map[string]any{
		"manifestjson": results.Manifest{}, "spec-of-a-comparison": compare.Spec{}, "spec-of-a-gate": results.GateSpec{},
		"findings-of-a-gate": results.GateFindings{}, "spec-of-a-capacity-run": results.CapacitySpec{},
		"findings-of-a-capacity-run": results.CapacityFindings{}, "celljson": results.Cell{},
		"compare-report": comparison.Report{}, "gate-report": gate.Report{}, "capacity-report": capacity.Report{},
		"tune-report": tune.Report{}, "spec-of-a-tuning-run": results.TuneSpec{},
		"findings-of-a-tuning-run": results.TuneFindings{},
		"claims-report":            claims.Report{}, "spec-of-a-run-of-claims": results.ClaimsSpec{},
		"findings-of-a-run-of-claims": results.ClaimsFindings{},
		"bench-load":                  loadResult{}, "historyjsonl": results.Entry{}, "figure": plot.Figure{},
		"diagnostic-counts": results.Tally{},
		"ladder-report":     ladder.Report{}, "spec-of-a-ladder": results.LadderSpec{},
		"machine-check": setup.Check{}, "parameter": servers.Param{}, "trend": history.Series{},
		"agreement": diff.Agreement{}, "selftest-row": accuracy.Row{}, "gate-self-test": selftest.Ability{},
		"job": jobs.Job{},
	} {
		f.hold(t, f[anchor], reflect.TypeOf(value), "diagnostic_counts", "figures")
	}
	// These are written without a struct of their own, or with one that is not exported.
	for _, anchor := range []string{
		"predictionjson", "bench-doctor", "bench-topologies", "listed-topology", "bench-render", "process", "file", "plan",
		"bench-up", "bench-bundle", "bench-config-explain", "setting", "bench-schema", "bench-version",
		"bench-history", "bench-trend", "bench-selftest", "bench-replay", "bench-jobs", "bench-jobs-fetch",
	} {
		if f[anchor] == nil {
			t.Errorf("there is no section #%s", anchor)
			continue
		}
		f[anchor].read = true
	}
	for _, s := range f {
		if len(s.rows) > 0 && !s.read {
			t.Errorf("#%s: nothing that bench writes refers to this section", s.anchor)
		}
	}
}

// walk compares JSON to a section: its keys, their types, and what must not be missing.
func (f format) walk(t *testing.T, where string, s *section, value any) {
	t.Helper()
	object, is := value.(map[string]any)
	if s == nil || !is {
		t.Errorf("%s is a %T; want an object with a section", where, value)
		return
	}
	known := map[string]bool{}
	for _, r := range f.keys(s) {
		known[r.key] = true
		part, there := object[r.key]
		switch {
		case there:
			f.walkType(t, where+"."+r.key, r.expression(), part)
		case !r.optional():
			t.Errorf("%s: the key %s of #%s is missing", where, r.key, s.anchor)
		}
	}
	for key := range object {
		if !known[key] {
			t.Errorf("%s: the key %s has no row in #%s", where, key, s.anchor)
		}
	}
}

// keys are the rows of a section, with those of sections that it embeds.
func (f format) keys(s *section) (rows []row) {
	for _, r := range s.rows {
		if part := f.linked(r.expression()); r.key == embedded && part != nil {
			rows = append(rows, f.keys(part)...)
			continue
		}
		rows = append(rows, r)
	}
	return rows
}

func (f format) walkType(t *testing.T, where, expression string, value any) {
	t.Helper()
	is := "null"
	switch v := value.(type) {
	case string:
		is = "string"
		if _, err := time.Parse(time.RFC3339, v); expression == "time" && err == nil {
			is = "time"
		}
	case bool:
		is = "boolean"
	case json.Number:
		is = "number"
		if _, err := v.Int64(); expression == "integer" && err == nil {
			is = "integer"
		}
	case []any:
		if part, list := strings.CutPrefix(expression, "list of "); list {
			for i, each := range v {
				f.walkType(t, fmt.Sprintf("%s[%d]", where, i), part, each)
			}
			return
		}
	case map[string]any:
		if part, values := strings.CutPrefix(expression, "map of "); values {
			for key, each := range v {
				f.walkType(t, where+"."+key, part, each)
			}
			return
		}
		if expression != "object" {
			f.walk(t, where, f.linked(expression), value)
			return
		}
		is = "object"
	}
	empty := is == "null" && (strings.HasPrefix(expression, "list of ") || strings.HasPrefix(expression, "map of "))
	if is != expression && !empty {
		t.Errorf("%s is %v; want a %s", where, value, expression)
	}
}

func decoded(t *testing.T, data []byte) (value map[string]any) {
	t.Helper()
	in := json.NewDecoder(bytes.NewReader(data))
	in.UseNumber()
	if err := in.Decode(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

// What bench has written, and what its commands write, is as the document says.
func TestFormatIsWhatIsWritten(t *testing.T) {
	f := readFormat(t)
	cell := "../../results/testdata/run-2/cells/001-uwsgi-page-rate-300-r2/cell.json"
	for file, anchor := range map[string]string{
		"../../reports/compare/testdata/compare.json": "compare-report",
		"../../reports/gate/testdata/gate.json":       "gate-report",
		"../../results/testdata/run-2/manifest.json":  "manifestjson",
		cell: "celljson",
	} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		f.walk(t, file, f[anchor], decoded(t, data))
	}
	for command, anchor := range map[string]string{
		"version": "bench-version", "topologies": "bench-topologies", "doctor": "bench-doctor",
		"render url:http://127.0.0.1:1": "bench-render", "render nginx-uwsgi": "bench-render",
		"compare --topologies all --dry-run": "plan", "gate --base bundled --head bundled --dry-run": "plan",
		"capacity --topology uwsgi --dry-run": "plan", "ladder --dry-run": "plan",
	} {
		var out, errs strings.Builder
		s := &shell{out: &out, errs: &errs, env: map[string]string{"PATH": os.Getenv("PATH"), "BENCH_CACHE": t.TempDir()}}
		if s.run(t.Context(), append(strings.Fields(command), "--json")); out.Len() == 0 {
			t.Errorf("bench %s --json: %s", command, errs.String())
			continue
		}
		f.walk(t, "bench "+command, f[anchor], decoded(t, []byte(out.String())))
	}
}
