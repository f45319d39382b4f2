package gate

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"bench/results"
)

// WorkTree is the name of a head that is no commit: the files as they are.
const WorkTree = "work tree"

// Files are the forms of a report that a run directory holds, by name.
var Files = map[string]func(io.Writer, Report) error{
	"report.json": JSON, "report.md": Markdown, "report.txt": Text, "junit.xml": JUnit, "report.html": HTML,
}

// Headline is the verdict in one line.
func (r Report) Headline() string {
	return results.Line(fmt.Sprintf("%s: %s (%d pairs, %.0f s)", strings.ToUpper(string(r.Verdict)), r.Reason, r.Pairs, r.Elapsed))
}

// Reproduce is the command that measures the same again, as far as a command can say it: the
// flags that were given, in their order of names.
func (r Report) Reproduce() string {
	out := "bench gate --base " + quoted(r.Duel.Base)
	if r.Duel.Head != WorkTree {
		out += " --head " + quoted(r.Duel.Head)
	}
	out += " --topology " + quoted(r.Duel.Topology)
	for _, name := range slices.Sorted(maps.Keys(r.flags)) {
		if value := r.flags[name]; value != "" {
			out += " --" + name + " " + quoted(value)
		}
	}
	return fmt.Sprintf("%s --seed %d", out, r.seed)
}

// told are the flags that are told again beside base, head, topology and seed.
var told = []string{"app", "scenario", "metrics", "objective", "head-env", "profile", "budget"}

// flagsOf are those of a run that its report tells again.
func flagsOf(run Run) map[string]string {
	flags := map[string]string{}
	for _, name := range told {
		// Lists print as [a,b].
		flags[name] = strings.TrimSuffix(strings.TrimPrefix(run.Manifest.Config[name], "["), "]")
	}
	if flags["profile"] == "controlled" {
		delete(flags, "profile")
	}
	return flags
}

func quoted(text string) string {
	if strings.ContainsAny(text, " '\"$`\\;&|<>()*?[]{}~#\n\t") || text == "" {
		return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
	}
	return text
}

func percent(ratio float64) string { return fmt.Sprintf("%+.1f %%", (ratio-1)*100) }

func (m Result) interval() string {
	if m.Confidence == 0 {
		return "-"
	}
	return fmt.Sprintf("[%s, %s]", percent(m.Low), percent(m.High))
}

func (m Result) value(v float64) string {
	if m.Pairs == 0 {
		return "-"
	}
	if m.Unit == "" {
		return fmt.Sprintf("%.2f %%", v*100)
	}
	return fmt.Sprintf("%.4g %s", v, m.Unit)
}

func (m Result) change() string {
	if m.Pairs == 0 {
		return "-"
	}
	return percent(m.Ratio)
}

func (m Result) detectable() string {
	if m.Pairs == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", m.Detectable*100)
}

var columns = []string{"metric", "base", "head", "cost", "95 % interval", "verdict", "pairs", "detectable"}

func (m Result) row() []string {
	return []string{m.Name, m.value(m.Base), m.value(m.Head), m.change(), m.interval(), string(m.Verdict), fmt.Sprint(m.Pairs), m.detectable()}
}

// Text writes the report for a terminal.
func Text(w io.Writer, r Report) error {
	var out strings.Builder
	fmt.Fprintln(&out, r.Headline())
	fmt.Fprintf(&out, "base %s, head %s, %s on %s at %.0f req/s each\n\n", described(r.Duel.Base, r.Duel.BaseCommit, false), described(r.Duel.Head, r.Duel.HeadCommit, r.Duel.Dirty), r.Duel.Scenario, r.Duel.Topology, r.Duel.Rate)
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, strings.Join(columns, "\t"))
	for _, m := range r.Metrics {
		fmt.Fprintln(table, strings.Join(m.row(), "\t"))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, line := range r.remarks() {
		fmt.Fprintln(&out, line)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func described(name, commit string, dirty bool) string {
	if commit != "" && !strings.HasPrefix(commit, name) {
		name += " (" + commit + ")"
	}
	if dirty {
		name += " with uncommitted changes"
	}
	return results.Line(name)
}

// remarks are the lines below the table.
func (r Report) remarks() (lines []string) {
	for _, m := range r.Metrics {
		if c := m.Confirm; c != nil && c.Pairs > 0 {
			lines = append(lines, fmt.Sprintf("%s again, in %d pairs that had no part in finding it: %s [%s, %s]", m.Name, c.Pairs, percent(c.Ratio), percent(c.Low), percent(c.High)))
		}
		if m.Raw != nil && m.Pairs > 0 {
			lines = append(lines, fmt.Sprintf("%s before the machine's pace was taken out: %s [%s, %s]", m.Name, percent(m.Raw.Ratio), percent(m.Raw.Low), percent(m.Raw.High)))
		}
	}
	for _, c := range r.Counters {
		lines = append(lines, fmt.Sprintf("%s of %s: %d, was %d (exact)", c.Name, c.Target, c.Head, c.Base))
	}
	for _, d := range r.Duel.Differences {
		lines = append(lines, "another answer: "+strings.ReplaceAll(d, "the baseline", "base"))
	}
	if r.Where != nil {
		lines = append(lines, "cost moved "+r.Where.String())
	}
	for _, o := range r.Objectives {
		lines = append(lines, o.String())
	}
	if r.Failures.Head > 0 || r.Failures.Base > 0 || r.Failures.HeadSilent > 0 || r.Failures.BaseSilent > 0 {
		lines = append(lines, r.Failures.String())
	}
	if r.Void > 0 {
		lines = append(lines, fmt.Sprintf("%d pairs were void and do not count: %s", r.Void, r.Voided))
	}
	if d := r.Duel; d.Retried > 0 {
		lines = append(lines, fmt.Sprintf("%d boots failed and were repeated, the last of %s", d.Retried, firstLine(d.RetriedFor)))
	}
	if len(r.Metrics) > 0 && r.Pairs > 0 && !r.Duel.Queries {
		lines = append(lines, "database queries are not counted: the app does not say how many an answer took (docs/CI.md)")
	}
	for _, w := range r.Warnings {
		lines = append(lines, w.Code+": "+w.Message)
	}
	if r.Verdict == Inconclusive {
		lines = append(lines, "detectable is the slowdown that so many pairs find with 90 % probability; a longer --budget finds less")
	}
	lines = append(lines, "again: "+r.Reproduce())
	if d := r.Duel; strings.Contains(d.Failed, "\n") {
		lines = append(lines, "what "+d.FailedArm+" said: "+strings.Join(strings.Fields(d.Failed), " "))
	}
	for i := range lines {
		lines[i] = results.Line(lines[i])
	}
	return lines
}

// firstLine is the first line of a text from a server, without what a terminal would obey.
func firstLine(text string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return results.Line(first)
}

// Markdown writes the report for a pull request.
func Markdown(w io.Writer, r Report) error {
	var out strings.Builder
	mark := map[Verdict]string{Pass: "✅", Small: "✅", Regression: "❌", Inconclusive: "❔", Unfit: "⚠️"}[r.Verdict]
	fmt.Fprintf(&out, "### %s %s\n\n", mark, cell(r.Headline()))
	fmt.Fprintf(&out, "| %s |\n|%s\n", strings.Join(columns, " | "), strings.Repeat("---|", len(columns)))
	for _, m := range r.Metrics {
		fmt.Fprintf(&out, "| %s |\n", strings.Join(m.row(), " | "))
	}
	fmt.Fprintf(&out, "\nbase %s, head %s; %s on %s at %.0f req/s each.\n\n", cell(described(r.Duel.Base, r.Duel.BaseCommit, false)), cell(described(r.Duel.Head, r.Duel.HeadCommit, r.Duel.Dirty)), r.Duel.Scenario, r.Duel.Topology, r.Duel.Rate)
	for _, line := range r.remarks() {
		fmt.Fprintf(&out, "- %s\n", cell(line))
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// cell keeps a text from a server or a branch's name from being more than a text.
func cell(text string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ", "<", "&lt;", "`", "'").Replace(text)
}

// JSON writes the whole report.
func JSON(w io.Writer, r Report) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	return out.Encode(r)
}

// maxAnnotations is how many annotations of one step GitHub shows.
const maxAnnotations = 10

// Annotations are GitHub's workflow commands for what is wrong.
func Annotations(r Report) (lines []string) {
	escape := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace
	if r.Verdict != Regression {
		if r.Verdict == Inconclusive || r.Verdict == Unfit {
			lines = append(lines, "::warning title=bench gate::"+escape(r.Headline()))
		}
		return lines
	}
	lines = append(lines, "::error title=bench gate::"+escape(r.Headline()))
	for _, m := range r.Metrics {
		if m.Verdict == Regression && len(lines) < maxAnnotations {
			lines = append(lines, fmt.Sprintf("::error title=%s::%s", m.Name, escape(fmt.Sprintf("%s %s, from %s to %s", m.change(), m.interval(), m.value(m.Base), m.value(m.Head)))))
		}
	}
	for _, o := range r.Objectives {
		if o.Verdict == Regression && len(lines) < maxAnnotations {
			lines = append(lines, "::error title=objective::"+escape(o.String()))
		}
	}
	for _, c := range r.Counters {
		if worse(c) && len(lines) < maxAnnotations {
			lines = append(lines, fmt.Sprintf("::error title=%s of %s::%d, was %d", property(c.Name), property(c.Target), c.Head, c.Base))
		}
	}
	return lines
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

// JUnit writes a test case for each metric, for the failures, each objective and each exact
// counter that moved for the worse, and one for the gate itself; what is inconclusive is skipped.
func JUnit(w io.Writer, r Report) error {
	s := suite{Name: "bench gate", Time: fmt.Sprintf("%.1f", r.Elapsed)}
	add := func(name string, v Verdict, why string) {
		c := testcase{Class: "bench.gate", Name: name}
		switch v {
		case Regression:
			c.Failure = &message{why}
			s.Failures++
		case Inconclusive, Unfit:
			c.Skipped = &message{why}
			s.Skipped++
		}
		s.Cases = append(s.Cases, c)
	}
	add("verdict", r.Verdict, r.Headline())
	for _, m := range r.Metrics {
		add(m.Name, m.Verdict, m.change()+" "+m.interval())
	}
	add("failures", r.Failures.Verdict, r.Failures.String())
	for _, o := range r.Objectives {
		add(o.Objective, o.Verdict, o.String())
	}
	for _, c := range r.Counters {
		if worse(c) {
			add(c.Name+" of "+c.Target, Regression, fmt.Sprintf("%d, was %d", c.Head, c.Base))
		}
	}
	s.Tests = len(s.Cases)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	out := xml.NewEncoder(w)
	out.Indent("", "  ")
	if err := out.Encode(s); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}
