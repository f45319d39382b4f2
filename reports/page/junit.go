package page

import (
	"encoding/xml"
	"io"
	"slices"

	"bench/internal/inert"
)

// junitSuite is the form of JUnit's files that CI systems read.
type junitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Failure *junitMessage `xml:"failure"`
	Error   *junitMessage `xml:"error"`
	Skipped *junitMessage `xml:"skipped"`
}

type junitMessage struct {
	Text string `xml:"message,attr"`
}

// JUnit writes a document's outcome as a test case: a regression or a missed objective is a failure, an
// invalid run an error, and an inconclusive one is skipped. A kind with a JUnit file of its own, which has
// more cases, gets that.
func JUnit(w io.Writer, d Document) error {
	if i := slices.IndexFunc(d.Files, func(f File) bool { return f.Name == "junit.xml" }); i >= 0 {
		_, err := w.Write(d.Files[i].Data)
		return err
	}
	suite := junitSuite{Name: "bench " + d.Kind, Tests: 1}
	verdict := junitCase{Class: "bench." + d.Kind, Name: "verdict"}
	message := &junitMessage{inert.Line(labelled(d))}
	switch d.Outcome.Verdict {
	case Regressed, Likely:
		suite.Failures, verdict.Failure = 1, message
	case Invalid:
		suite.Errors, verdict.Error = 1, message
	case Inconclusive:
		suite.Skipped, verdict.Skipped = 1, message
	}
	suite.Cases = []junitCase{verdict}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	out := xml.NewEncoder(w)
	out.Indent("", "  ")
	if err := out.Encode(suite); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}
