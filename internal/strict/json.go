package strict

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// JSON decodes data into the value that into points to. An object with the same key twice is refused: readers
// differ in which of the two values counts, so that two of them would report different things of one file.
func JSON(data []byte, into any) error {
	if err := json.Unmarshal(data, into); err != nil {
		return err
	}
	return unique(json.NewDecoder(bytes.NewReader(data))) // whose depth is limited by now
}

// unique reads the next value, and reports a key that it holds twice.
func unique(in *json.Decoder) error {
	start, err := in.Token()
	if err != nil {
		return err
	}
	bracket, is := start.(json.Delim)
	if !is {
		return nil
	}
	seen := map[string]bool{}
	for in.More() {
		if bracket == '{' {
			token, err := in.Token()
			if err != nil {
				return err
			}
			key := token.(string) // in an object, one is before each value
			if seen[key] {
				return fmt.Errorf("the key %q is there twice", key)
			}
			seen[key] = true
		}
		if err := unique(in); err != nil {
			return err
		}
	}
	_, err = in.Token() // the closing bracket
	return err
}
