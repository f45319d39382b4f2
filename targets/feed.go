package targets

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"bench/internal/strict"
)

// Feed is rows of data for placeholders: {{user}} in a path, a header or a body stands for
// the column user of the row of the request or session. Request (or session) n has row n
// modulo the number of rows.
type Feed struct {
	Columns []string   `json:"columns"`
	Rows    [][]string `json:"rows"`
}

// ParseFeed reads a feed: a table with the column names in its first row, whose columns are separated
// by commas, semicolons, tabs or bars, or JSON objects, in a list or one after the other. The text
// shows which; the name is for errors.
func ParseFeed(name string, data []byte) (*Feed, error) {
	data = strict.Text(data)
	read := tableFeed
	if first := bytes.TrimSpace(data); len(first) > 0 && (first[0] == '[' || first[0] == '{') {
		read = jsonFeed
	}
	f, err := read(data)
	if err == nil {
		err = f.validate()
	}
	if err != nil {
		return nil, fmt.Errorf("feed %s: %w", name, err)
	}
	return f, nil
}

// separators of a table's columns; the first of several that fit equally well is taken.
const separators = ",;\t|"

func tableFeed(data []byte) (*Feed, error) {
	rows, err := table(data)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, errors.New("no row with the column names")
	}
	f := &Feed{Columns: rows[0], Rows: rows[1:]}
	for i := range f.Columns {
		f.Columns[i] = strings.TrimSpace(f.Columns[i])
	}
	return f, nil
}

// table reads rows with the separator that makes the most of the first one. Blanks after a separator
// do not belong to a value, unless it is quoted.
func table(data []byte) (rows [][]string, err error) {
	best := ','
	for columns, separator := 1, 0; separator < len(separators); separator++ {
		reader := tableReader(data, rune(separators[separator]))
		if head, err := reader.Read(); err == nil && len(head) > columns {
			columns, best = len(head), rune(separators[separator])
		}
	}
	return tableReader(data, best).ReadAll()
}

func tableReader(data []byte, separator rune) *csv.Reader {
	r := csv.NewReader(bytes.NewReader(data))
	r.Comma = separator
	r.TrimLeadingSpace = separator != '\t' // a tab after a tab is an empty value
	return r
}

func jsonFeed(data []byte) (*Feed, error) {
	objects, err := jsonValues[map[string]any](data)
	if err != nil {
		return nil, err
	}
	f := &Feed{}
	for i, o := range objects {
		if i == 0 {
			f.Columns = slices.Sorted(maps.Keys(o))
		}
		if len(o) != len(f.Columns) {
			return nil, fmt.Errorf("object %d has %d members, the first one %d", i+1, len(o), len(f.Columns))
		}
		row := make([]string, len(f.Columns))
		for j, name := range f.Columns {
			value, has := o[name]
			if !has {
				return nil, fmt.Errorf("object %d has no %q", i+1, name)
			}
			if row[j], err = jsonText(value); err != nil {
				return nil, fmt.Errorf("object %d: %q: %w", i+1, name, err)
			}
		}
		f.Rows = append(f.Rows, row)
	}
	return f, nil
}

// jsonValues reads a list of values, or one value after the other, over as many lines as they take.
func jsonValues[T any](data []byte) (all []T, err error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
		if err := decoder.Decode(&all); err != nil {
			return nil, jsonError(data, decoder.InputOffset(), err)
		}
		if decoder.More() {
			return nil, jsonError(data, decoder.InputOffset(), errors.New("something follows the list"))
		}
		return all, nil
	}
	for {
		var one T
		err := decoder.Decode(&one)
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return nil, jsonError(data, decoder.InputOffset(), err)
		}
		all = append(all, one)
	}
}

// jsonError is an error with its line, in words of the file rather than of this program.
func jsonError(data []byte, at int64, err error) error {
	var kind *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &kind):
		at, err = kind.Offset, fmt.Errorf("a %s where an object is expected", kind.Value)
		if kind.Field != "" {
			err = fmt.Errorf("%s: a %s does not belong there", kind.Field, kind.Value)
		}
	case errors.As(err, &syntax):
		at = syntax.Offset
	case errors.Is(err, io.ErrUnexpectedEOF):
		at, err = int64(len(data)), errors.New("the file ends within a value")
	}
	line := 1 + bytes.Count(data[:min(int64(len(data)), max(0, at))], []byte("\n"))
	return fmt.Errorf("line %d: %w", line, err)
}

// jsonText is a plain JSON value as a text, a number as it was written.
func jsonText(value any) (string, error) {
	switch v := value.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case bool, json.Number:
		return fmt.Sprint(v), nil
	}
	return "", errors.New("want a text, a number or a truth value")
}

func (f *Feed) validate() error {
	if len(f.Columns) == 0 {
		return errors.New("no columns")
	}
	seen := map[string]bool{}
	for _, name := range f.Columns {
		if !validToken(name) || seen[name] {
			return fmt.Errorf("column %q: want distinct names of letters, digits and _, in the first row", name)
		}
		seen[name] = true
	}
	if len(f.Rows) == 0 {
		return errors.New("no rows")
	}
	for i, row := range f.Rows {
		for _, value := range row {
			if strings.ContainsAny(value, "\x00") {
				return fmt.Errorf("row %d contains a zero byte", i+1)
			}
		}
	}
	return nil
}
