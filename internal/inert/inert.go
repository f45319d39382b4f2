// Package inert makes texts from elsewhere (a server's log, the name of an app, a branch or a file) stand
// for themselves: no control characters, no marks that change the direction of writing, and nothing that a
// CI system takes for a command. There is one function for each kind of place that a text may go to. What
// is markup in a format of reports is up to the package that writes the format.
package inert

import (
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text makes a text of several lines inert. It keeps line breaks and tabs.
func Text(s string) string {
	var out strings.Builder
	at := start
	for _, c := range s {
		at.add(&out, c)
	}
	return out.String()
}

// Row makes a text inert that is part of a line, or a whole one with its indentation: it keeps the
// spaces, and turns line breaks and tabs into spaces.
func Row(s string) string { return Text(lineBreaks.Replace(s)) }

var lineBreaks = strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ", "\t", " ")

// Line makes a text inert on one line, with single spaces between its words.
func Line(s string) string { return strings.Join(strings.Fields(Text(s)), " ") }

// JSON makes encoded JSON inert, in which control characters are escaped already: it removes those
// escapes too, so that programs can print the strings as they are.
func JSON(encoded []byte) []byte {
	var out strings.Builder
	for i := 0; i < len(encoded); i++ {
		if encoded[i] != '\\' || i+1 == len(encoded) {
			out.WriteByte(encoded[i])
			continue
		}
		i++
		switch encoded[i] {
		case 'n', 'r', 't':
			out.WriteByte(' ')
		case 'b', 'f':
			out.WriteString(`\ufffd`)
		case 'u':
			out.WriteString(jsonRune(string(encoded[i+1 : i+5])))
			i += 4
		default:
			out.Write(encoded[i-1 : i+1])
		}
	}
	// A bracket that could end the mark of a command is escaped, so that the string stays the same.
	return []byte(strings.ReplaceAll(Text(out.String()), zeroWidth+"[", `\u005b`))
}

func jsonRune(hex string) string {
	switch {
	case strings.HasPrefix(hex, "000"), strings.HasPrefix(hex, "001"), hex == "007f", hex == "2028", hex == "2029":
		return `\ufffd`
	}
	return `\u` + hex
}

// Writer makes what is written to it inert, and passes it on at once: it remembers how the line began.
// One write may end within a character, and the next one continue it.
type Writer struct {
	to   io.Writer
	at   place
	part []byte // of a character
}

// NewWriter returns a writer for a terminal or the log of a CI system.
func NewWriter(to io.Writer) *Writer { return &Writer{to: to, at: start} }

func (w *Writer) Write(p []byte) (int, error) {
	var out strings.Builder
	data := append(w.part, p...)
	for len(data) > 0 && utf8.FullRune(data) {
		c, size := utf8.DecodeRune(data)
		w.at.add(&out, c)
		data = data[size:]
	}
	w.part = append([]byte(nil), data...)
	if _, err := io.WriteString(w.to, out.String()); err != nil {
		return 0, err
	}
	return len(p), nil
}

// zeroWidth is a space that nobody sees. Within the mark of a command, it makes it a mere text.
const zeroWidth = "\u200b"

// place is where in a line the next character stands, as far as CI systems care. A line that begins with
// "::" is a command to one; so is, anywhere in a line, "##[", "##vso[" or "##teamcity[" to others.
type place struct {
	blank  bool // nothing visible so far
	colon  bool // nothing but blanks and one colon
	hashes int  // up to two, then letters
}

var start = place{blank: true}

// add writes the next character of a text in an inert form.
func (at *place) add(out *strings.Builder, c rune) {
	if c == '\n' {
		*at = start
		out.WriteRune(c)
		return
	}
	switch {
	case c == '\r':
		c = ' '
	case c != '\t' && Unsafe(c):
		c = unicode.ReplacementChar
	case c == ':' && at.colon, c == '[' && at.hashes == 2:
		out.WriteString(zeroWidth)
	}
	out.WriteRune(c)
	at.colon = at.blank && c == ':'
	at.blank = at.blank && isBlank(c)
	switch {
	case c == '#':
		at.hashes = min(2, at.hashes+1)
	case at.hashes < 2 || !unicode.IsLetter(c):
		at.hashes = 0
	}
}

// isBlank reports whether a character is invisible.
func isBlank(c rune) bool { return unicode.IsSpace(c) || c == '\u200b' || c == '\ufeff' }

// Unsafe reports whether a character controls a terminal, breaks a line, changes the direction of writing
// or hides text. Go's tables name the direction marks, among them those from 200E and 061C on.
func Unsafe(c rune) bool {
	hidden := 0xFFF9 <= c && c <= 0xFFFB || 0xE0000 <= c && c <= 0xE007F
	return unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c) || c == '\u2028' || c == '\u2029' || hidden
}
