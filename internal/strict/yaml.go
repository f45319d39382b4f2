// Package strict reads YAML written by people: an unknown key is an error with its line and
// column, and no input makes it panic.
package strict

import (
	"errors"
	"fmt"

	"github.com/goccy/go-yaml"
)

// YAML decodes data into the value that into points to.
func YAML(data []byte, into any) (err error) {
	// The library panics on some documents with tags that name no type, such as "! {a: b}"
	// read into a list (found by fuzzing; kept in the corpora of package targets).
	defer func() {
		if recovered := recover(); recovered != nil {
			err = fmt.Errorf("parsing: the YAML reader cannot handle this document: %v", recovered)
		}
	}()
	if err := yaml.UnmarshalWithOptions(data, into, yaml.Strict()); err != nil {
		return errors.New("parsing: " + yaml.FormatError(err, false, true))
	}
	return nil
}
