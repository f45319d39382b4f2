// Package strict reads YAML written by people: an unknown key is an error with its line and
// column, what belongs to a text is kept as it was written, and no input makes it panic.
package strict

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// YAML decodes data into the value that into points to. Data may be in any of the encodings that
// Text knows.
func YAML(data []byte, into any) (err error) {
	// The library panics on some documents with tags that name no type, such as "! {a: b}"
	// read into a list (found by fuzzing; kept in the corpora of package targets).
	defer func() {
		if recovered := recover(); recovered != nil {
			err = fmt.Errorf("parsing: the YAML reader cannot handle this document: %v", recovered)
		}
	}()
	file, err := parser.ParseBytes(Text(data), 0)
	if err == nil && len(file.Docs) > 0 && file.Docs[0].Body != nil {
		body := asWritten(file.Docs[0].Body, reflect.TypeOf(into).Elem())
		err = yaml.NodeToValue(body, into, yaml.Strict())
	}
	if err != nil {
		return errors.New("parsing: " + yaml.FormatError(err, false, true))
	}
	return nil
}

// asWritten returns the node with all numbers and truth values that are to become texts replaced by
// the texts that stand in the document: as a text, 01234 is not 668, and 24.10 is not 24.1.
func asWritten(n ast.Node, into reflect.Type) ast.Node {
	for into.Kind() == reflect.Pointer {
		into = into.Elem()
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		for _, entry := range n.Values {
			asWritten(entry, into)
		}
	case *ast.MappingValueNode:
		if of := member(into, n.Key.String()); of != nil && n.Value != nil {
			n.Value = asWritten(n.Value, of)
		}
	case *ast.SequenceNode:
		for i, element := range n.Values {
			if into.Kind() == reflect.Slice && element != nil {
				n.Values[i] = asWritten(element, into.Elem())
			}
		}
	case *ast.AnchorNode:
		if n.Value != nil {
			n.Value = asWritten(n.Value, into)
		}
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		if into.Kind() == reflect.Slice { // a list may be written as its only element
			into = into.Elem()
		}
		if into.Kind() == reflect.String {
			text := *n.GetToken()
			text.Type = token.StringType
			return ast.String(&text)
		}
	}
	return n
}

// member is the type of what a key stands for in a value of the given type; nil: unknown.
func member(of reflect.Type, key string) reflect.Type {
	switch of.Kind() {
	case reflect.Map:
		return of.Elem()
	case reflect.Struct:
		for i := range of.NumField() {
			field := of.Field(i)
			name, options, _ := strings.Cut(field.Tag.Get("yaml"), ",")
			if options == "inline" {
				if inner := member(field.Type, key); inner != nil {
					return inner
				}
			}
			if name == key || name == "" && strings.ToLower(field.Name) == key {
				return field.Type
			}
		}
	}
	return nil
}

// Line is the line at which the value of a path such as $.arms[1].name begins, from 1; 0: there is none.
func Line(data []byte, path string) (line int) {
	defer func() {
		if recover() != nil { // as in YAML
			line = 0
		}
	}()
	at, err := yaml.PathString(path)
	if err != nil {
		return 0
	}
	file, err := parser.ParseBytes(Text(data), 0)
	if err != nil {
		return 0
	}
	node, err := at.FilterFile(file)
	if err != nil || node == nil {
		return 0
	}
	return node.GetToken().Position.Line
}
