package results

import (
	"strings"
	"unicode"
)

// Plain removes what a terminal would take for a command, which a server, an app or a file name
// could have smuggled in, and what changes the direction of text.
func Plain(s string) string {
	s = strings.ReplaceAll(s, "\n::", "\n ::\u200b") // a CI workflow command
	return strings.Map(func(c rune) rune {
		switch {
		case c == '\n', c == '\t':
			return c
		case unicode.IsControl(c), unicode.Is(unicode.Bidi_Control, c), c == '\u2028', c == '\u2029':
			return '\uFFFD'
		}
		return c
	}, s)
}

// Line is a plain text on one line: what comes from a server, an app or a file name must not
// start a new line, where a terminal or a CI could take it for a command.
func Line(s string) string { return strings.Join(strings.Fields(Plain(s)), " ") }
