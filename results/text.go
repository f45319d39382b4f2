package results

import (
	"strings"
	"unicode"
)

// Plain removes what a terminal would take for a command: everything that a server, an app
// or a file name could have smuggled in, and what turns the direction of writing.
func Plain(s string) string {
	s = strings.ReplaceAll(s, "\n::", "\n ::\u200b") // a workflow command of a CI
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

// Line is a text on one line, plain: what comes from a server, an app or a file's name must not
// start a line of its own, where a terminal or a CI could take it for a command.
func Line(s string) string { return strings.Join(strings.Fields(Plain(s)), " ") }
