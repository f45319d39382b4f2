package secret

import (
	"bytes"
	"io"
	"strings"
)

// Writer takes the secrets out of what is written to it, and passes it on line by line, since a secret may
// come in several writes.
type Writer struct {
	to   io.Writer
	line []byte
	key  bool // within a private key
}

// NewWriter returns a writer; Flush passes on a last line that does not end.
func NewWriter(to io.Writer) *Writer { return &Writer{to: to} }

func (w *Writer) Write(p []byte) (int, error) {
	w.line = append(w.line, p...)
	end := bytes.LastIndexByte(w.line, '\n') + 1
	lines := string(w.line[:end])
	w.line = append([]byte(nil), w.line[end:]...)
	if err := w.pass(lines); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush passes on what is left.
func (w *Writer) Flush() error {
	rest := string(w.line)
	w.line = nil
	return w.pass(rest)
}

func (w *Writer) pass(lines string) error {
	if lines == "" {
		return nil
	}
	if w.key {
		_, after, ended := strings.Cut(lines, "PRIVATE KEY")
		if !ended {
			return nil
		}
		w.key, lines = false, after
	}
	last := strings.LastIndex(lines, "-----BEGIN ")
	w.key = last >= 0 && strings.Contains(lines[last:], "PRIVATE KEY") && !strings.Contains(lines[last:], "-----END ")
	clean := Redact(lines)
	if w.key {
		clean += "\n"
	}
	_, err := io.WriteString(w.to, clean)
	return err
}
