// Package schemas holds the JSON Schemas of what bench writes, which tests make of docs/RESULTS-FORMAT.md.
package schemas

import (
	"embed"
	"strings"
)

//go:embed *.json
var files embed.FS

// All are the schemas by their names: bench.load/2.
func All() map[string][]byte {
	all := map[string][]byte{}
	entries, _ := files.ReadDir(".") // embedded: it cannot fail
	for _, e := range entries {
		text, _ := files.ReadFile(e.Name())
		name := strings.TrimSuffix(e.Name(), ".json")
		if at := strings.LastIndex(name, "-"); at > 0 {
			name = name[:at] + "/" + name[at+1:]
		}
		all[name] = text
	}
	return all
}
