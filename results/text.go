package results

import "strings"

// Plain removes what a terminal would take for a command: everything that a server, an app
// or a file name could have smuggled in.
func Plain(s string) string {
	s = strings.ReplaceAll(s, "\n::", "\n ::\u200b") // a workflow command of a CI
	return strings.Map(func(c rune) rune {
		switch {
		case c == '\n', c == '\t':
			return c
		case c < ' ', c == 0x7f, c >= 0x80 && c < 0xa0, c >= 0x202a && c <= 0x202e, c >= 0x2066 && c <= 0x2069:
			return '\uFFFD'
		}
		return c
	}, s)
}

// Line is a text on one line, plain: what comes from a server, an app or a file's name must not
// start a line of its own, where a terminal or a CI could take it for a command.
func Line(s string) string { return strings.Join(strings.Fields(Plain(s)), " ") }
