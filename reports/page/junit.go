package page

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"time"

	"bench/internal/inert"
)

// junitFile is the name of a kind's own JUnit file.
const junitFile = "junit.xml"

// Suite is a report as CI systems read it: a test case for each verdict. It has what both public schemas of
// JUnit's files require (that of Ant and that of Jenkins).
type Suite struct {
	XMLName    xml.Name        `xml:"testsuite"`
	Name       string          `xml:"name,attr"`
	Started    string          `xml:"timestamp,attr"` // UTC; the schema allows no zone
	Host       string          `xml:"hostname,attr"`
	Tests      int             `xml:"tests,attr"`
	Failures   int             `xml:"failures,attr"`
	Errors     int             `xml:"errors,attr"`
	Skipped    int             `xml:"skipped,attr"`
	Time       string          `xml:"time,attr"`
	Properties []suiteProperty `xml:"properties>property"`
	Cases      []suiteCase     `xml:"testcase"`
	Out        string          `xml:"system-out"`
	Err        string          `xml:"system-err"`
}

type suiteProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type suiteCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Time    string        `xml:"time,attr"`
	Failure *suiteMessage `xml:"failure,omitempty"`
	Error   *suiteMessage `xml:"error,omitempty"`
	Skipped *suiteMessage `xml:"skipped,omitempty"`
}

type suiteMessage struct {
	Type string `xml:"type,attr"`
	Text string `xml:"message,attr"`
}

// NewSuite is an empty suite of a kind of run. Runs do not record the name of their machine.
func NewSuite(kind, subject, started, seconds string) *Suite {
	return &Suite{
		Name: "bench " + kind, Started: inert.Line(started), Host: "localhost", Time: inert.Line(seconds),
		Properties: []suiteProperty{{"kind", kind}, {"subject", inert.Line(subject)}},
	}
}

// Moment and Lasted are a run's start and length as the schemas have them: UTC without a zone, and seconds.
func Moment(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05") }

// Lasted is described with Moment.
func Lasted(seconds float64) string { return fmt.Sprintf("%.3f", seconds) }

// Add adds a test case: a regression or a missed objective is a failure, an invalid run an error, and an
// inconclusive one is skipped.
func (s *Suite) Add(name string, verdict Verdict, why string) {
	c := suiteCase{Class: "bench." + s.Properties[0].Value, Name: inert.Line(name), Time: "0"}
	message := &suiteMessage{string(verdict), inert.Line(why)}
	switch verdict {
	case Regressed, Likely:
		s.Failures, c.Failure = s.Failures+1, message
	case Invalid:
		s.Errors, c.Error = s.Errors+1, message
	case Inconclusive:
		s.Skipped, c.Skipped = s.Skipped+1, message
	}
	s.Cases = append(s.Cases, c)
	s.Tests++
}

// File is the suite as a file of a report.
func (s *Suite) File() File {
	var out bytes.Buffer
	out.WriteString(xml.Header)
	encoder := xml.NewEncoder(&out)
	encoder.Indent("", "  ")
	if err := encoder.Encode(s); err != nil {
		panic(err) // texts and numbers, into memory: nothing can fail
	}
	out.WriteString("\n")
	return File{junitFile, out.Bytes()}
}

// JUnit writes a document's outcome as a test case. A kind with a JUnit file of its own, which has more
// cases, gets that.
func JUnit(w io.Writer, d Document) error {
	if i := slices.IndexFunc(d.Files, func(f File) bool { return f.Name == junitFile }); i >= 0 {
		_, err := w.Write(d.Files[i].Data)
		return err
	}
	suite := NewSuite(d.Kind, d.Subject, d.Started, d.Seconds)
	suite.Add("verdict", d.Outcome.Verdict, labelled(d))
	_, err := w.Write(suite.File().Data)
	return err
}
