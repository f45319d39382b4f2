package page

import (
	"html"
	"regexp"
	"strings"
	"unicode"

	"bench/results"
)

// The escapers, one for each format that needs one; html/template is that of HTML. Each makes
// a text mean itself, on one line: no control character, no mark that turns the direction of
// writing, nothing that a CI takes for a command.

// A CI takes a line that begins with "::", and "##[" anywhere in a line, for a command.
var commandMark = strings.NewReplacer("##[", "##\u200b[")

// oneLine is a text on one line that holds no command: what html/template then escapes.
func oneLine(text string) string { return commandMark.Replace(results.Line(text)) }

// plainText is the escaper of the terminal. It gets a cell of a table or a whole line, with its
// indentation, and keeps its spaces: what matters is how the line begins.
func plainText(line string) string {
	text := commandMark.Replace(results.Plain(lineBreaks.Replace(line)))
	if rest := strings.TrimLeftFunc(text, blank); strings.HasPrefix(rest, "::") {
		text = text[:len(text)-len(rest)] + ":\u200b" + rest[1:]
	}
	return text
}

var lineBreaks = strings.NewReplacer("\n", " ", "\r", " ", "\t", " ")

// blank reports whether a character takes no ink.
func blank(c rune) bool { return unicode.IsSpace(c) || c == '\u200b' }

// Characters with a meaning in GitHub's Markdown are escaped with a backslash, or, where it
// looks at the rendered text, parted by a space of no width: bare addresses, @names, #numbers.
var markdownEscapes = strings.NewReplacer(
	`\`, `\\`, "|", `\|`, "<", "&lt;", ">", "&gt;", "&", "&amp;", "`", "\\`", "*", `\*`, "_", `\_`,
	"[", `\[`, "]", `\]`, "!", `\!`, "~", `\~`, "$", `\$`, "#", "\\#\u200b", "@", "@\u200b",
	"://", ":\u200b//", "www.", "www\u200b.", "::", ":\u200b:",
)

// What begins a block where a line of Markdown begins.
var markdownBlock = regexp.MustCompile(`^(\d{0,9})([-+=.)](?: |$)|[-=]{2,}$)`)

// markdown is the escaper of a text between the marks of Markdown.
func markdown(text string) string {
	return markdownBlock.ReplaceAllString(markdownEscapes.Replace(results.Line(text)), `${1}\${2}`)
}

// markdownTag is the escaper of a text within one of the few HTML tags of our Markdown.
func markdownTag(text string) string {
	return strings.ReplaceAll(html.EscapeString(oneLine(text)), "::", ":\u200b:")
}

// markdownCode is the escaper of a command to copy: a span of code, whose fence is longer
// than any row of backticks in it.
func markdownCode(text string) string {
	text = oneLine(text)
	fence := "`"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	if len(fence) > 1 {
		text = " " + text + " " // so that a backtick at an end is not taken for the fence
	}
	return fence + text + fence
}

// jsonText is the escaper of JSON: it gets encoded JSON, in which control characters are
// escapes already, and takes those escapes, and what turns the direction of writing, out of
// its strings. So no program that prints one has to.
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
	return []byte(strings.ReplaceAll(results.Plain(out.String()), "##[", `##\u005b`)) // the same string still
}

func jsonRune(hex string) string {
	switch {
	case strings.HasPrefix(hex, "000"), strings.HasPrefix(hex, "001"), hex == "007f", hex == "2028", hex == "2029":
		return `\ufffd`
	}
	return `\u` + hex
}
