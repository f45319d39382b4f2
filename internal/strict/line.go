package strict

import (
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"
)

// Line is the line on which a part of a document stands, counted from 1, such as that of
// $.rungs[2].topology; 0 if the document has no such part.
func Line(data []byte, path string) (line int) {
	defer func() {
		if recover() != nil { // see YAML
			line = 0
		}
	}()
	wanted, err := yaml.PathString(path)
	if err != nil {
		return 0
	}
	file, err := parser.ParseBytes(Text(data), 0)
	if err != nil {
		return 0
	}
	node, err := wanted.FilterFile(file)
	if err != nil || node.GetToken() == nil {
		return 0
	}
	return node.GetToken().Position.Line
}
