package page

import (
	"html"
	"regexp"
	"strings"

	"bench/internal/inert"
)

// The escapers, one for each format that needs one; HTML has html/template, and texts for a terminal have
// inert.Row. Each makes a text stand for itself, on one line.

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
	return markdownBlock.ReplaceAllString(markdownEscapes.Replace(inert.Line(text)), `${1}\${2}`)
}

// markdownTag is the escaper for text within one of the few HTML tags in our Markdown.
func markdownTag(text string) string {
	return strings.ReplaceAll(html.EscapeString(inert.Line(text)), "::", ":\u200b:")
}

// markdownCode is the escaper for a command to copy: a code span, with a fence longer than any run of
// backticks in it.
func markdownCode(text string) string {
	text = inert.Line(text)
	fence := "`"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	if len(fence) > 1 {
		text = " " + text + " " // so that a backtick at either end is not part of the fence
	}
	return fence + text + fence
}
