// Package strict reads YAML written by people, and JSON of runs from elsewhere: an unknown key of YAML is an error
// with its line and column, what belongs to a text is kept as it was written, and no input makes it panic.
package strict

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
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
	var body ast.Node
	if err == nil {
		body, err = only(file)
	}
	if err == nil && body != nil {
		// The parser itself refuses a key that is given twice; one beside << only takes the place of a merged one.
		var t texts
		body = t.asWritten(body, reflect.TypeOf(into).Elem())
		if err = t.err; err == nil {
			err = yaml.NodeToValue(body, into, yaml.DisallowUnknownField(), yaml.AllowDuplicateMapKey())
		}
	}
	if err != nil {
		return errors.New("parsing: " + plain(yaml.FormatError(err, false, true)))
	}
	return nil
}

// only is what is in the only document of a file; nil: nothing.
func only(file *ast.File) (body ast.Node, err error) {
	for _, doc := range file.Docs {
		if _, directive := doc.Body.(*ast.DirectiveNode); directive || doc.Body == nil {
			continue
		}
		if body != nil {
			return nil, fmt.Errorf("[%d:1] a second document, after ---: want one in a file", doc.Body.GetToken().Position.Line)
		}
		body = doc.Body
	}
	return body, nil
}

// wanted are the kinds of values by the types that they become.
var wanted = []struct {
	of   *regexp.Regexp
	kind string
}{
	{regexp.MustCompile(`of type \*?u?int\d*`), "a whole number within its range"},
	{regexp.MustCompile(`of type \*?float\d*`), "a number"},
	{regexp.MustCompile(`of type \*?string`), "a text"},
	{regexp.MustCompile(`of type \*?bool`), "true or false"},
	{regexp.MustCompile(`of type \*?time\.Duration`), "a duration, such as 500ms or 10s"},
}

var conversion = regexp.MustCompile(`cannot unmarshal .*? into Go .*?(of type \S+)(?: \( overflow \))?`)

// plain is an error of the library without the names of the program's types.
func plain(text string) string {
	found := conversion.FindStringSubmatchIndex(text)
	if found == nil {
		return text
	}
	for _, w := range wanted {
		if w.of.MatchString(text[found[2]:found[3]]) {
			return text[:found[0]] + "want " + w.kind + text[found[1]:]
		}
	}
	return text
}

// texts finds the texts of a document.
type texts struct{ err error }

// asWritten returns the node with all numbers and truth values that are to become texts replaced by
// the texts that stand in the document: as a text, 01234 is not 668, and 24.10 is not 24.1.
func (t *texts) asWritten(n ast.Node, into reflect.Type) ast.Node {
	for into.Kind() == reflect.Pointer {
		into = into.Elem()
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		slices.SortStableFunc(n.Values, func(a, b *ast.MappingValueNode) int { // the last of two values counts
			return merged(b) - merged(a)
		})
		for _, entry := range n.Values {
			t.asWritten(entry, into)
		}
	case *ast.MappingValueNode:
		if of := member(into, n.Key.String()); of != nil && n.Value != nil {
			n.Value = t.asWritten(n.Value, of)
		}
	case *ast.SequenceNode:
		for i, element := range n.Values {
			if into.Kind() == reflect.Slice && element != nil {
				n.Values[i] = t.asWritten(element, into.Elem())
			}
		}
	case *ast.AnchorNode:
		if n.Value != nil {
			n.Value = t.asWritten(n.Value, into)
		}
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		if into.Kind() == reflect.Slice { // a list may be written as its only element
			into = into.Elem()
		}
		if fraction(n) && whole(into.Kind()) {
			at := n.GetToken().Position
			t.err = fmt.Errorf("[%d:%d] %s: want a whole number", at.Line, at.Column, n.GetToken().Value)
		}
		if into.Kind() == reflect.String {
			text := *n.GetToken()
			text.Type = token.StringType
			return ast.String(&text)
		}
	}
	return n
}

// merged is 1 for an entry with the key <<.
func merged(entry *ast.MappingValueNode) int {
	if entry.Key.IsMergeKey() {
		return 1
	}
	return 0
}

// fraction reports whether a number is not a whole one, and whole whether a type holds only those: the library would
// cut 1.5 down to 1.
func fraction(n ast.Node) bool {
	float, is := n.(*ast.FloatNode)
	return is && float.Value != math.Trunc(float.Value)
}

func whole(kind reflect.Kind) bool { return kind >= reflect.Int && kind <= reflect.Uint64 }

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
