package page

import (
	"encoding/xml"
	"regexp"
	"strings"
	"testing"
	"time"
)

// What the schemas of JUnit's files (Ant's, and that of Jenkins' xUnit plugin) require: attributes that are
// there, a time without a zone, elements in this order, a type with each message.
func TestSuitesHaveWhatTheSchemasRequire(t *testing.T) {
	s := NewSuite("gate", "site at 1a2b", Moment(time.Date(2026, 1, 2, 3, 4, 5, 600, time.UTC)), Lasted(61.5))
	for _, v := range []Verdict{Passed, Regressed, Likely, Invalid, Inconclusive} {
		s.Add("a <b> & \"c\"\n", v, "because\x1b[31m")
	}
	text := string(s.File().Data)
	order := -1
	for _, want := range []string{
		`<testsuite name="bench gate" timestamp="2026-01-02T03:04:05" hostname="localhost" tests="5" failures="2" ` +
			`errors="1" skipped="1" time="61.500">`,
		"<properties>", `<property name="kind" value="gate">`, "</properties>", "<testcase ", "<system-out>", "<system-err>",
	} {
		at := strings.Index(text, want)
		if at <= order {
			t.Errorf("%s is missing, or not in its place:\n%s", want, text)
		}
		order = at
	}
	if n := len(regexp.MustCompile(`<testcase classname="[^"]+" name="[^"]+" time="0">`).FindAllString(text, -1)); n != 5 {
		t.Errorf("%d cases", n)
	}
	message := regexp.MustCompile(`<(failure|error|skipped) type="[^"]+" message="[^"]+">`)
	if n := len(message.FindAllString(text, -1)); n != 4 {
		t.Errorf("%d messages", n)
	}
	if err := xml.Unmarshal(s.File().Data, new(Suite)); err != nil || strings.ContainsRune(text, '\x1b') {
		t.Error(err, text)
	}
}
