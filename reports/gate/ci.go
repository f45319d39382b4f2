package gate

import (
	"fmt"
	"strings"

	"bench/internal/inert"
	"bench/reports/page"
	"bench/results"
)

// What CI systems read: JUnit XML, which package page writes, and GitHub annotations, whose escapers
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

// junit has a test case for the gate itself, for each metric, for the failures, for each objective, and
// for each exact counter that got worse.
func junit(r Report) page.File {
	s := page.NewSuite(results.KindGate, page.Subject(r.manifest), page.Moment(r.manifest.Started),
		page.Lasted(r.Elapsed))
	add := func(name string, v Verdict, why string) { s.Add(name, outcomes[v], why) }
	add("verdict", r.Verdict, r.Headline())
	for _, m := range r.Metrics {
		add(m.Name, m.Verdict, m.change())
	}
	for _, m := range r.Targets {
		add("p50_ms of "+m.Name, m.Verdict, m.change())
	}
	add("failures", r.Failures.Verdict, r.Failures.String())
	for _, o := range r.Objectives {
		add(o.Objective, o.Verdict, o.String())
	}
	for _, c := range r.Counters {
		if r.exactly.worse(c) {
			add(c.Name+" of "+c.Target, Regression, counted(c))
		}
	}
	return s.File()
}
