package strict

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Entry is a mapping of words to texts whose keys are not known beforehand. It keeps where each stands,
// so that whoever reads it can say which line is wrong.
type Entry struct {
	Line  int
	Pairs []Pair
}

// Pair is one key of an entry with its text, as written.
type Pair struct {
	Key, Text string
	Line      int
}

// UnmarshalYAML is part of yaml.NodeUnmarshaler.
func (e *Entry) UnmarshalYAML(n ast.Node) error {
	e.Line = n.GetToken().Position.Line
	var values []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		return fmt.Errorf("line %d: %q: want keys with values", e.Line, n.String())
	}
	for i, v := range values {
		key := v.Key.GetToken()
		scalar, is := v.Value.(ast.ScalarNode)
		if !is {
			return fmt.Errorf("line %d: %s: want a text, not a list or a mapping; a text with [ or { needs quotes",
				key.Position.Line, key.Value)
		}
		if i == 0 {
			e.Line = key.Position.Line
		}
		e.Pairs = append(e.Pairs, Pair{key.Value, strings.TrimSpace(scalar.GetToken().Value), key.Position.Line})
	}
	return nil
}

// Take removes a key and returns its text; "" if it is not there.
func (e *Entry) Take(key string) string {
	for i, p := range e.Pairs {
		if p.Key == key {
			e.Pairs = append(e.Pairs[:i:i], e.Pairs[i+1:]...)
			return p.Text
		}
	}
	return ""
}
