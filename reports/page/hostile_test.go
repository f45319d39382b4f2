package page

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"bench/internal/inert"
	"bench/internal/proof"
	"bench/reports/plot"
)

// filled is a document with a text in every field that can hold one. Reflection finds the fields, so
// that none can be forgotten; text supplies the text for each.
func filled(t testing.TB, text func(path string) string) Document {
	var d Document
	fill(t, reflect.ValueOf(&d).Elem(), "Document", text)
	d.Data = map[string]any{"schema": "x/1", text("Data.key"): []string{text("Data.value")}}
	// These never come from outside: names of the program's own, or bytes already written.
	d.Kind, d.Files, d.Annotations = "compare", nil, nil
	d.Outcome.Verdict = Regressed
	d.Glance.Kind = ""
	for i := range d.Sections {
		d.Sections[i].ID = "section"
		for j := range d.Sections[i].Figures {
			f := &d.Sections[i].Figures[j]
			f.Name, f.Kind, f.X.Scale, f.Y.Scale = "figure", "over-time", plot.Linear, plot.Log
			f.X.Names, f.Y.Names = nil, nil
		}
		rowed := d.Sections[i].Figures[0] // laid out as rows, with its texts in the page itself
		rowed.Kind, rowed.Y.Names = "intervals", []string{text("Document.Glance.Y.Names")}
		d.Glance = rowed
	}
	folded := d.Sections[0]
	folded.Folded = true
	d.Sections = append(d.Sections, folded)
	return d
}

func fill(t testing.TB, v reflect.Value, path string, text func(string) string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text(path))
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(t, v.Index(0), path, text)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), path, text)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			fill(t, v.Field(i), path+"."+v.Type().Field(i).Name, text)
		}
	case reflect.Float64:
		v.SetFloat(1)
	case reflect.Bool, reflect.Int, reflect.Interface:
	default:
		t.Fatalf("%s is a %s, which this test does not know how to fill", path, v.Kind())
	}
}

func write(t testing.TB, f format, d Document) string {
	var out bytes.Buffer
	if err := f.write(&out, d); err != nil {
		t.Fatalf("%s: %v", f.file, err)
	}
	return out.String()
}

// paths are the paths of all fields of a document that hold text.
func paths(t testing.TB) (all []string) {
	filled(t, func(path string) string { all = append(all, path); return "x" })
	return all
}

// bare leaves the page without its style and scripts, which are the same for every text and slow to copy,
// until the returned function is called.
func bare() (restore func()) {
	oldStyle, oldScripts := style, scripts
	style, scripts = "", nil
	return func() { style, scripts = oldStyle, oldScripts }
}

func TestNoTextBecomesMoreThanText(t *testing.T) {
	proof.WithoutRace(t)
	defer bare()()
	// Shortened, each payload is tried in every third field, and each field has a third of the payloads.
	stride := proof.Size(3, 1)
	fields := paths(t)
	if len(fields) < 25 {
		t.Fatalf("a document has only %d fields of text: %v; were all found?", len(fields), fields)
	}
	for _, f := range formats {
		for i, field := range fields {
			document := func(text func(path string) string) Document {
				d := filled(t, text)
				// Drawing takes most of the time: figures are there, once, only if one of their texts is tried.
				for i := range d.Sections {
					if i > 0 || !strings.Contains(field, ".Figures") {
						d.Sections[i].Figures = nil
					}
				}
				return d
			}
			benign := write(t, f, document(func(string) string { return "x" }))
			for j, evil := range inert.Payloads {
				if (i+j)%stride != 0 {
					continue
				}
				got := write(t, f, document(func(path string) string {
					if path == field {
						return evil + "x"
					}
					return "x"
				}))
				if complaint := harmful(f.file, benign, got); complaint != "" {
					t.Errorf("%s, %q in %s: %s", f.file, evil, field, complaint)
				}
			}
		}
	}
}

func FuzzNoTextBecomesMoreThanText(f *testing.F) {
	for _, evil := range inert.Payloads {
		f.Add(evil)
	}
	f.Fuzz(func(t *testing.T, evil string) {
		for _, format := range formats {
			benign := write(t, format, filled(t, func(string) string { return "x" }))
			got := write(t, format, filled(t, func(string) string { return evil + "x" }))
			if complaint := harmful(format.file, benign, got); complaint != "" {
				t.Errorf("%s, %q: %s", format.file, evil, complaint)
			}
		}
	})
}

var (
	escaped     = regexp.MustCompile("\\\\[!-/:-@\\[-`{-~]") // Markdown's escapes
	marksOf     = regexp.MustCompile(`[*_<>\[\]|~$!&]|://|www\.[a-z]|@\w|#\w`)
	blockMark   = regexp.MustCompile(`^([-+]( |$)|[-=]{2,}$|=$|[>#]|\d{1,9}[.)]( |$)|    |\t)`)
	hashCommand = regexp.MustCompile(`##\pL*\[`)
	image       = regexp.MustCompile(`src="data:[^"]*"`)
)

// harmful says what harm a text did, by comparing what was written to what is written for a harmless
// text in its place: the lines and marks must be the same.
func harmful(file, benign, got string) string {
	if file == "report.html" {
		got, benign = withoutCode(got), withoutCode(benign)
	}
	if strings.ContainsFunc(got, func(c rune) bool { return c != '\n' && inert.Unsafe(c) }) {
		return "a control character or a direction mark got through"
	}
	if mark := hashCommand.FindString(got); mark != "" {
		return mark + " got through"
	}
	for line := range strings.Lines(got) {
		if strings.HasPrefix(strings.TrimLeft(line, " \t\u00a0\u3000\u200b\ufeff"), "::") {
			return "a line begins with ::"
		}
	}
	if a, b := strings.Count(benign, "\n"), strings.Count(got, "\n"); a != b && (file != "report.txt" || !wraps(got)) {
		return "the number of lines differs"
	}
	switch file {
	case "report.md":
		return harmfulMarkdown(benign, got)
	case "report.html":
		got, benign = image.ReplaceAllString(got, ""), image.ReplaceAllString(benign, "")
		for _, mark := range []string{"<", ">", `="`} {
			if strings.Count(got, mark) != strings.Count(benign, mark) {
				return "the number of " + mark + " differs"
			}
		}
	case "report.json":
		return harmfulJSON(got)
	}
	return ""
}

// wraps reports whether a text for a terminal has a line that nearly fills it, and so may go on in the next.
func wraps(text string) bool {
	for line := range strings.Lines(text) {
		if len(line) > columns*3/4 {
			return true
		}
	}
	return false
}

// harmfulJSON looks at the decoded strings, in which "##[" is unchanged.
func harmfulJSON(got string) string {
	tokens := json.NewDecoder(strings.NewReader(got))
	for {
		token, err := tokens.Token()
		if err == io.EOF {
			return ""
		}
		if err != nil {
			return "it is not JSON: " + err.Error()
		}
		if text, is := token.(string); is && strings.ContainsFunc(text, inert.Unsafe) {
			return "a string holds a control character"
		}
	}
}

func harmfulMarkdown(benign, got string) string {
	a, b := strings.Split(benign, "\n"), strings.Split(got, "\n")
	for i := range a {
		if strings.HasSuffix(b[i], "`") { // a code span, in which only the fence is a mark
			continue
		}
		plain := escaped.ReplaceAllString(b[i], " ")
		plain = strings.NewReplacer("&lt;", "", "&gt;", "", "&amp;", "", "&#34;", "", "&#39;", "").Replace(plain)
		was := marksOf.FindAllString(escaped.ReplaceAllString(a[i], " "), -1)
		if is := marksOf.FindAllString(plain, -1); len(is) != len(was) && !strings.HasPrefix(b[i], "<details>") {
			return "an additional mark in " + b[i]
		}
		if blockMark.MatchString(b[i]) != blockMark.MatchString(a[i]) {
			return "an additional block: " + b[i]
		}
	}
	return ""
}

// The check above can fail: without an escaper, some text harms each format.
func TestHarmIsNoticed(t *testing.T) {
	raw := func(evil string) string { return "- a: " + evil + "x\n" }
	for _, row := range []struct{ file, evil string }{
		{"report.txt", "\x1b[31m"}, {"report.txt", "a\n::error::"}, {"report.txt", "##[error]"}, {"report.txt", "\u202e"},
		{"report.md", "<b>"}, {"report.md", "![x](y)"}, {"report.md", "|"}, {"report.md", "http://evil"},
		{"report.md", "@all"},
		{"report.html", "<b>"}, {"report.html", `a="b"`},
		{"report.json", `"`},
	} {
		if harmful(row.file, raw(""), raw(row.evil)) == "" {
			t.Errorf("%s: the harm done by %q goes unnoticed", row.file, row.evil)
		}
	}
}

func TestPageLoadsNothing(t *testing.T) {
	got := write(t, format{"report.html", HTML}, filled(t, func(string) string { return "x" }))
	if strings.Contains(got, "ZgotmplZ") {
		t.Error("a text in a place where none is safe")
	}
	policy := regexp.MustCompile(`Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(got)[1]
	if !strings.HasPrefix(policy, "default-src 'none';") || strings.Contains(policy, "unsafe") {
		t.Errorf("the policy is %s", policy)
	}
	// What the policy allows is what the page holds: each script and style, byte for byte.
	elements := regexp.MustCompile(`(?s)<(script|style)>(.*?)</(?:script|style)>`).FindAllStringSubmatch(got, -1)
	if len(elements) != 3 {
		t.Errorf("%d scripts and styles; want two and one", len(elements))
	}
	for _, e := range elements {
		if !strings.Contains(policy, Hash(e[2])) {
			t.Errorf("the policy %s has no hash of a %s of %d bytes", policy, e[1], len(e[2]))
		}
	}
	if attribute := regexp.MustCompile(`<[^>]* (style|on\w+)=`).FindString(withoutCode(got)); attribute != "" {
		t.Errorf("%s needs what the policy forbids", attribute)
	}
}

// withoutCode is a page without its scripts and its style, whose text is the program's own.
func withoutCode(page string) string {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(page, "<script>")
		if i := strings.Index(page, "<style>"); i >= 0 {
			before, rest = page[:i], page[i:]
		}
		out.WriteString(before)
		if !found {
			return out.String()
		}
		_, page, _ = strings.Cut(rest, "</s")
	}
}

// The embedded library is the one that its source file names.
func TestEmbeddedLibraryIsPinned(t *testing.T) {
	source, err := os.ReadFile("assets/uplot/SOURCE")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"uPlot.iife.min.js": chartScript, "uPlot.min.css": chartStyle} {
		if line := fmt.Sprintf("%x  %s\n", sha256.Sum256([]byte(text)), name); !strings.Contains(string(source), line) {
			t.Errorf("%s is not the file of which assets/uplot/SOURCE has the hash", name)
		}
	}
	if _, err := os.Stat("assets/uplot/LICENSE"); err != nil {
		t.Error(err)
	}
}

// A harmless text stays as it is.
func TestHarmlessTextsStayThemselves(t *testing.T) {
	for _, text := range []string{
		"p99 < 100ms", "a/b-c.d", "1,239 [1,096, 1,358]", "nginx-uwsgi:workers=2", "0.5 %", "naïve · Ωμέγα · 数",
	} {
		if got := inert.Row("  " + text); got != "  "+text {
			t.Errorf("on a terminal, %q becomes %q", text, got)
		}
		if got := inert.Line(text); got != text {
			t.Errorf("on a page, %q becomes %q", text, got)
		}
	}
	var out bytes.Buffer
	d := Document{Kind: "x", Data: map[string]string{"a": `C:\n "q" <b> \u0041 é`}}
	if err := JSON(&out, d); err != nil {
		t.Fatal(err)
	}
	var back map[string]any
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || back["a"] != `C:\n "q" <b> \u0041 é` {
		t.Errorf("as JSON: %v, %v", back["a"], err)
	}
	if err := JSON(io.Discard, Document{Kind: "x", Data: "a text"}); err == nil {
		t.Error("data that is not an object is accepted")
	}
}
