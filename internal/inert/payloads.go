package inert

// Payloads are texts with a meaning to some reader of some format. Tests put each of them into every field
// of every output.
var Payloads = []string{
	// markup
	"<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "javascript:alert(1)", "</details></table><h1>x",
	"</textarea><svg onload=alert(1)>", "{{.Title}}", "&lt;b&gt;", "-->", "]]>", "</script><script>x", "<!--",
	"![x](http://evil/x.png)", "![x][1]", "[x](http://evil)", "<http://evil>", "http://evil/ and www.evil.com",
	"@everyone #1 $x$", "| a | b |", "`code` ``more``", "*b* _i_ ~~s~~", "# head", "- item", "1. item", "> quote", "---",
	"=== x", "\\| \\",
	// commands of CI systems
	"::error::x", " ::set-output name=x::y", "\t::error::x", "\u00a0::error::x", "\u200b::error::x", "\u3000::error::x",
	"\ufeff::error::x", "::add-mask::a", "##[error]x", "a ##[command]b", "###[error]x", "##vso[task.complete]x",
	"##teamcity[message text='x']", "a ##vso[x]",
	// lines of their own
	"a\n::error::x", "a\r\n::error::x", "a\r::error::x", "a\n- item\n\n# head", "a\tb", "a\u2028::error::x", "a\u2029b",
	"a\x85b", "a\v::error::x", "a\f::error::x", "%0A::error::x", "a\n##[error]x", "a\n\n| b |\n",
	// control characters of terminals
	"\x1b[31mred\x1b]0;title\x07", "\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "\x1bP+q\x1b\\", "\u009b31m",
	"\u009d0;t\u009c",
	"\x00\x08\x7f", "\x1b[2J\x1b[H", "a\rb",
	// direction and hiding
	"\u202eright to left", "\u2066a\u2069\u061c\u200e\u200f", "\u202aa\u202c", "\U000e0061\U000e0062", "\ufff9a\ufffb",
	// not text
	"invalid \xff\xfe utf-8", "\xc0\xaf", "\xed\xa0\x80",
}
