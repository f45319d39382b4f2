package targets

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// jsonTarget is a target in vegeta's format "json", whose header has a list for each field and whose
// body is base64. What people write by hand is understood as well: one value in place of a list, and
// an object or a list as a body of JSON.
type jsonTarget struct {
	method, url string
	header      http.Header
	body        []byte
	bodyFile    string
}

// objects reads vegeta's format "json".
func (r *listReader) objects(data []byte) error {
	all, err := jsonValues[jsonTarget](data)
	if err != nil {
		return err
	}
	for i, t := range all {
		if t.bodyFile != "" {
			if t.body, err = r.files.read(t.bodyFile); err != nil {
				return fmt.Errorf("target %d: %w", i+1, err)
			}
		}
		if err := r.add(asked{t.method, t.url, t.header, t.body}); err != nil {
			return fmt.Errorf("target %d: %w", i+1, err)
		}
	}
	return nil
}

// UnmarshalJSON reads one target.
func (t *jsonTarget) UnmarshalJSON(data []byte) error {
	var f struct {
		Method   string          `json:"method"`
		URL      string          `json:"url"`
		Path     string          `json:"path"`
		Header   headerFields    `json:"header"`
		Headers  headerFields    `json:"headers"`
		Body     json.RawMessage `json:"body"`
		BodyFile string          `json:"body_file"`
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&f); err != nil {
		return fmt.Errorf("a target has method, url, header, body and body_file: %w", err)
	}
	*t = jsonTarget{method: f.Method, url: f.URL, header: http.Header(f.Header), bodyFile: f.BodyFile}
	if t.url == "" {
		t.url = f.Path
	}
	if t.url == "" {
		return errors.New("a target without a url")
	}
	if t.header == nil {
		t.header = http.Header(f.Headers)
	}
	if len(f.Body) > 0 && f.Body[0] != '"' && !bytes.Equal(f.Body, []byte("null")) {
		t.body = f.Body
		return nil
	}
	if err := json.Unmarshal(f.Body, &t.body); len(f.Body) > 0 && err != nil {
		return errors.New("body: want base64, as vegeta writes it; a text goes into a file, named in body_file")
	}
	return nil
}

// headerFields are header fields, each with one value or several.
type headerFields http.Header

// UnmarshalJSON reads the fields. Numbers stay as they were written.
func (h *headerFields) UnmarshalJSON(data []byte) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return errors.New("header: want an object of names and values")
	}
	*h = headerFields{}
	for name, raw := range fields {
		list := []json.RawMessage{raw}
		if raw[0] == '[' {
			if err := json.Unmarshal(raw, &list); err != nil {
				return err
			}
		}
		for _, one := range list {
			decoder := json.NewDecoder(bytes.NewReader(one))
			decoder.UseNumber()
			var value any
			if err := decoder.Decode(&value); err != nil {
				return err
			}
			text, err := jsonText(value)
			if err != nil {
				return fmt.Errorf("header %s: %w", name, err)
			}
			http.Header(*h).Add(name, text)
		}
	}
	return nil
}

// isRecording reports whether JSON has the shape of a HAR file.
func isRecording(data []byte) bool {
	var top map[string]json.RawMessage
	err := json.NewDecoder(bytes.NewReader(data)).Decode(&top)
	_, is := top["log"]
	return err == nil && is
}
