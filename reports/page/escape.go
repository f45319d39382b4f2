package page

import (
	"html"
	"regexp"
	"strings"
	"unicode"

	"bench/results"
)

// The escapers, one for each format that needs one; HTML has html/template. Each makes a text stand
// for itself, on one line: no control characters, no marks that change the direction of writing,
// nothing that a CI system takes for a command.

// CI systems take a line that begins with "::", and "##[" anywhere in a line, for a command.
var commandMark = strings.NewReplacer("##[", "##\u200b[")

// oneLine is a text on one line without commands, which html/template then escapes.
func oneLine(text string) string { return commandMark.Replace(results.Line(text)) }

// plainText is the escaper of the terminal. It takes a cell of a table or a whole line, with its
// indentation, and keeps the spaces: what matters is how the line begins.
func plainText(line string) string {
	text := commandMark.Replace(results.Plain(lineBreaks.Replace(line)))
	if rest := strings.TrimLeftFunc(text, blank); strings.HasPrefix(rest, "::") {
		text = text[:len(text)-len(rest)] + ":\u200b" + rest[1:]
	}
	return text
}

var lineBreaks = strings.NewReplacer("\n", " ", "\r", " ", "\t", " ")

// blank reports whether a character is invisible.
func blank(c rune) bool { return unicode.IsSpace(c) || c == '\u200b' }

// Characters with a meaning in GitHub's Markdown are escaped with a backslash, or, where GitHub looks at
// the rendered text (bare addresses, @names, #numbers), separated by a zero-width space.
var markdownEscapes = strings.NewReplacer(
	`\`, `\\`, "|", `\|`, "<", "&lt;", ">", "&gt;", "&", "&amp;", "`", "\\`", "*", `\*`, "_", `\_`,
	"[", `\[`, "]", `\]`, "!", `\!`, "~", `\~`, "$", `\$`, "#", "\\#\u200b", "@", "@\u200b",
	"://", ":\u200b//", "www.", "www\u200b.", "::", ":\u200b:",
)

// What begins a block at the start of a line of Markdown.
var markdownBlock = regexp.MustCompile(`^(\d{0,9})([-+=.)](?: |$)|[-=]{2,}$)`)

// markdown is the escaper for text in Markdown.
func markdown(text string) string {
	return markdownBlock.ReplaceAllString(markdownEscapes.Replace(results.Line(text)), `${1}\${2}`)
}

// markdownTag is the escaper for text within one of the few HTML tags in our Markdown.
func markdownTag(text string) string {
	return strings.ReplaceAll(html.EscapeString(oneLine(text)), "::", ":\u200b:")
}

// markdownCode is the escaper for a command to copy: a code span, with a fence longer than any run of
// backticks in it.
func markdownCode(text string) string {
	text = oneLine(text)
	fence := "`"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	if len(fence) > 1 {
		text = " " + text + " " // so that a backtick at either end is not part of the fence
	}
	return fence + text + fence
}

// jsonText is the escaper of JSON. It takes encoded JSON, in which control characters are escaped
// already, and removes those escapes, and marks that change the direction of writing, from its strings,
// so that programs can print them as they are.
func jsonText(encoded []byte) []byte {
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
	return []byte(strings.ReplaceAll(results.Plain(out.String()), "##[", `##\u005b`)) // still the same string
}

func jsonRune(hex string) string {
	switch {
	case strings.HasPrefix(hex, "000"), strings.HasPrefix(hex, "001"), hex == "007f", hex == "2028", hex == "2029":
		return `\ufffd`
	}
	return `\u` + hex
}
