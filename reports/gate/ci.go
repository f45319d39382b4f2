package gate

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"

	"bench/internal/inert"
)

// What CI systems read: JUnit XML, which encoding/xml escapes, and GitHub annotations, whose escapers
// are below.

// maxAnnotations is the number of annotations that GitHub shows for one step.
const maxAnnotations = 10

// The escapers for the message and for a property of GitHub's workflow commands.
var (
	commandMessage  = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	commandProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// command is a workflow command, on one line whatever the texts hold.
func command(level, title, message string) string {
	return fmt.Sprintf("::%s title=%s::%s", level, commandProperty.Replace(inert.Line(title)),
		strings.ReplaceAll(commandMessage.Replace(inert.Line(message)), "##[", "##%5B"))
}

// annotations are the GitHub workflow commands that point out what is wrong.
func annotations(r Report) (lines []string) {
	switch r.Verdict {
	case Inconclusive, Unfit:
		return []string{command("warning", "bench gate", r.Headline())}
	case Regression, Likely:
	default:
		return nil
	}
	lines = append(lines, command("error", "bench gate", r.Headline()))
	for _, m := range r.tested() {
		if m.Verdict == Regression || m.Verdict == Likely {
			lines = append(lines, command("error", m.Name,
				fmt.Sprintf("%s, from %s to %s", m.change(), m.value(m.Base), m.value(m.Head))))
		}
	}
	for _, o := range r.Objectives {
		if o.Verdict == Regression {
			lines = append(lines, command("error", "objective", o.String()))
		}
	}
	for _, c := range r.Counters {
		if r.exactly.worse(c) {
			lines = append(lines, command("error", c.Name+" of "+c.Target, counted(c)))
		}
	}
	return lines[:min(len(lines), maxAnnotations)]
}

type suite struct {
	XMLName  xml.Name   `xml:"testsuite"`
	Name     string     `xml:"name,attr"`
	Tests    int        `xml:"tests,attr"`
	Failures int        `xml:"failures,attr"`
	Skipped  int        `xml:"skipped,attr"`
	Time     string     `xml:"time,attr"`
	Cases    []testcase `xml:"testcase"`
}

type testcase struct {
	Class   string   `xml:"classname,attr"`
	Name    string   `xml:"name,attr"`
	Failure *message `xml:"failure,omitempty"`
	Skipped *message `xml:"skipped,omitempty"`
}

type message struct {
	Message string `xml:"message,attr"`
}

// add adds a test case; an inconclusive one counts as skipped.
func (s *suite) add(name string, v Verdict, why string) {
	c := testcase{Class: "bench.gate", Name: inert.Line(name)}
	switch v {
	case Regression, Likely:
		c.Failure = &message{inert.Line(why)}
		s.Failures++
	case Inconclusive, Unfit:
		c.Skipped = &message{inert.Line(why)}
		s.Skipped++
	}
	s.Cases = append(s.Cases, c)
	s.Tests++
}

// junit has a test case for the gate itself, for each metric, for the failures, for each objective, and
// for each exact counter that got worse.
func junit(r Report) []byte {
	s := suite{Name: "bench gate", Time: fmt.Sprintf("%.1f", r.Elapsed)}
	s.add("verdict", r.Verdict, r.Headline())
	for _, m := range r.Metrics {
		s.add(m.Name, m.Verdict, m.change())
	}
	for _, m := range r.Targets {
		s.add("p50_ms of "+m.Name, m.Verdict, m.change())
	}
	s.add("failures", r.Failures.Verdict, r.Failures.String())
	for _, o := range r.Objectives {
		s.add(o.Objective, o.Verdict, o.String())
	}
	for _, c := range r.Counters {
		if r.exactly.worse(c) {
			s.add(c.Name+" of "+c.Target, Regression, counted(c))
		}
	}
	var out bytes.Buffer
	out.WriteString(xml.Header)
	encoder := xml.NewEncoder(&out)
	encoder.Indent("", "  ")
	if err := encoder.Encode(s); err != nil {
		panic(err) // texts and numbers, into memory: nothing can fail
	}
	out.WriteString("\n")
	return out.Bytes()
}
