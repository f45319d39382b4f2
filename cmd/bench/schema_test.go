package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/schemas anew")

// published are the JSON Schemas in docs/schemas, with the sections of docs/RESULTS-FORMAT.md that
// they are made of. TestFormatHasEveryKey holds those against the code.
var published = map[string]string{
	"bench.compare-2": "compare-report", "bench.gate-2": "gate-report", "bench.capacity-2": "capacity-report",
	"bench.tune-1": "tune-report", "bench.claims-1": "claims-report",
	"bench.ladder-1": "ladder-report",
	"bench.load-2":   "bench-load", "bench.history-2": "historyjsonl",
}

func TestPublishedSchemasAreCurrent(t *testing.T) {
	f := readFormat(t)
	for name, anchor := range published {
		schema := f.schema(anchor)
		schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
		schema["title"] = strings.ReplaceAll(name, "-", "/")
		got, err := json.MarshalIndent(schema, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, '\n')
		path := filepath.Join("../../docs/schemas", name+".json")
		if *update {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not current (%v): go test ./cmd/bench -run Schemas -update", path, err)
		}
	}
}

// schema is the JSON Schema of a section, with those it refers to as definitions.
func (f format) schema(anchor string) map[string]any {
	definitions := map[string]any{}
	schema := f.object(f[anchor], definitions)
	schema["$defs"] = definitions
	return schema
}

func (f format) object(s *section, definitions map[string]any) map[string]any {
	properties, required := map[string]any{}, []string{}
	for _, r := range f.keys(s) {
		property := f.property(r.expression(), definitions)
		_, unit, _ := strings.Cut(strings.Replace(r.kind, ", optional", "", 1), ", ")
		if description := strings.Trim(r.meaning+"; "+unit, "; "); description != "" {
			property["description"] = description
		}
		properties[r.key] = property
		if !r.optional() {
			required = append(required, r.key)
		}
	}
	return map[string]any{"type": "object", "properties": properties, "required": required}
}

func (f format) property(expression string, definitions map[string]any) map[string]any {
	if part, is := strings.CutPrefix(expression, "list of "); is {
		return map[string]any{"type": []string{"array", "null"}, "items": f.property(part, definitions)}
	}
	if part, is := strings.CutPrefix(expression, "map of "); is {
		return map[string]any{"type": []string{"object", "null"}, "additionalProperties": f.property(part, definitions)}
	}
	if expression == "time" {
		return map[string]any{"type": "string", "format": "date-time"}
	}
	s := f.linked(expression)
	if s == nil {
		return map[string]any{"type": expression}
	}
	if definitions[s.anchor] == nil {
		definitions[s.anchor] = true // it may refer to itself
		definitions[s.anchor] = f.object(s, definitions)
	}
	return map[string]any{"$ref": "#/$defs/" + s.anchor}
}
