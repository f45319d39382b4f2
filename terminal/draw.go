package terminal

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"bench/internal/inert"
	"bench/reports/page"
	"bench/reports/plot"
	"bench/stats"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
)

// Widths from which there is room for more than the figures themselves. The view is made for 60 columns; a
// narrower window cuts its lines off.
const (
	wide     = 80
	veryWide = 110
)

var (
	strong = lipgloss.NewStyle().Bold(true)
	faint  = lipgloss.NewStyle().Faint(true)
	bad    = lipgloss.NewStyle().Foreground(lipgloss.Color("#d55e00"))
)

// Draw is the state as lines of at most the given width, and as many as fit the height.
func (s State) Draw(width, height int, now time.Time) string {
	width = max(width, 20)
	top := []string{s.head(width, now), s.progress(width)}
	top = append(top, s.underWay(width)...)
	bottom := s.diagnoses(width)
	rows := s.table(width)
	if room := height - len(top) - len(bottom) - 2; len(rows) > max(room, 1) {
		room = max(room, 1)
		rows = append(rows[:room:room], faint.Render(fmt.Sprintf("… and %d more", len(rows)-room)))
	}
	var lines []string
	for i, part := range [][]string{top, rows, bottom} {
		if i == 1 && len(part) > 0 {
			lines = append(lines, "")
		}
		lines = append(lines, part...)
	}
	lines = lines[:min(len(lines), max(height-1, 1))]
	for i, line := range lines {
		lines[i] = ansi.Truncate(line, width, "…")
	}
	return strings.Join(lines, "\n")
}

// head says what runs, for how long, and how much longer.
func (s State) head(width int, now time.Time) string {
	head := strong.Render("bench "+s.kind) + "  " + clock(now.Sub(s.started))
	if !s.ends.IsZero() {
		head += ", about " + clock(max(0, s.ends.Sub(now))) + " left"
	}
	if width >= wide && s.plan != "" {
		head += faint.Render("  " + inert.Line(s.plan))
	}
	return head
}

// clock is a duration as a stopwatch shows it.
func clock(d time.Duration) string {
	s := int(d.Round(time.Second).Seconds())
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

const barLength = 24

// progress is a bar, and the step or what is being done.
func (s State) progress(width int) string {
	doing := cmp.Or(s.doing, s.step)
	if s.step != "" && s.doing != "" && width >= veryWide {
		doing = s.step + ": " + s.doing
	}
	if s.share <= 0 {
		return inert.Line(doing)
	}
	done := int(min(1, s.share) * barLength)
	bar := strings.Repeat("█", done) + faint.Render(strings.Repeat("░", barLength-done))
	return bar + " " + inert.Line(doing)
}

// underWay are the loads, each with its last second.
func (s State) underWay(width int) (lines []string) {
	for _, l := range s.loads {
		line := "  " + s.mark(l.arm) + " " + inert.Line(l.arm)
		if l.what != "" && width >= wide {
			line += faint.Render(" " + inert.Line(l.what))
		}
		if second := l.last; second.Elapsed > 0 {
			line = fmt.Sprintf("%s  %s req/s  p50 %s  p99 %s", line, page.Number(second.Rate), micros(second.P50),
				micros(second.P99))
			if failed := second.Counts.Failed(); failed > 0 {
				line += bad.Render(fmt.Sprintf("  %d failed", failed))
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// mark is the colour of an arm, the same as in the report.
func (s State) mark(arm string) string {
	group := 0
	for _, r := range s.rows {
		if r.arm == arm {
			break
		}
		group++
	}
	return lipgloss.NewStyle().Foreground(lipgloss.Color(plot.Arms[group%len(plot.Arms)].Dark)).Render("●")
}

// How wide the names in the table may be.
const (
	longestName   = 28
	longestNarrow = 18
)

// table is a line for each arm or measure: what its last load did, or the estimates so far.
func (s State) table(width int) (lines []string) {
	most := longestName
	if width < wide {
		most = longestNarrow
	}
	several := map[string]int{}
	for _, r := range s.rows {
		several[r.arm]++
	}
	var shown []row
	longest := 0
	for _, r := range s.rows {
		if len(several) == 1 && !r.measured() {
			continue // its load says it all
		}
		if r.name = r.arm; several[r.arm] > 1 || r.unit == "" && r.measure != "" {
			r.name = r.measure
		}
		r.name = ansi.Truncate(inert.Line(r.name), most, "…")
		longest = max(longest, lipgloss.Width(r.name))
		shown = append(shown, r)
	}
	for _, r := range shown {
		blank := strings.Repeat(" ", longest-lipgloss.Width(r.name))
		lines = append(lines, s.mark(r.arm)+" "+r.name+blank+"  "+r.figures(width))
	}
	return lines
}

// measured reports whether there is anything to show of a row.
func (r row) measured() bool { return r.cells > 0 || r.value.Value > 0 || r.ratio.Measured() }

// figures are the estimates of a row, or what its last load did while there are none.
func (r row) figures(width int) string {
	var parts []string
	if r.value.Value > 0 {
		text := soFar(r.value, page.Number) + " " + r.unit
		if width >= wide {
			text = inert.Line(r.measure) + " " + text
		}
		parts = append(parts, text)
	}
	if r.ratio.Measured() {
		text := strong.Render(difference(r.ratio)) + " so far"
		if r.ratio.Known() {
			text = strong.Render(difference(r.ratio)) + " " + ends(r.ratio) + " so far"
		}
		if width >= wide && r.baseline != "" {
			text += faint.Render(" against " + inert.Line(r.baseline))
		}
		parts = append(parts, text)
	}
	switch {
	case len(parts) > 0:
		return strings.Join(parts, "  ")
	case r.cells > 0 && (r.measure == "" || r.unit != ""):
		return faint.Render(fmt.Sprintf("last load: %s req/s, p99 %s", page.Number(r.rate), micros(r.p99)))
	}
	return faint.Render("not measured yet")
}

// soFar is an estimate with its ends, as far as they are known.
func soFar(i stats.Interval, format func(float64) string) string {
	switch {
	case i.High == 0 && i.Low > 0:
		return "at least " + format(i.Low)
	case i.Low == 0 && i.High > 0:
		return "at most " + format(i.High)
	case i.Low < i.High:
		return fmt.Sprintf("%s [%s, %s]", format(i.Value), format(i.Low), format(i.High))
	}
	return format(i.Value)
}

// Ratios within these bounds are read as changes, others as factors.
const leastChange, mostChange = 0.5, 2

func difference(ratio stats.Interval) string {
	if v := ratio.Value; v < leastChange || v > mostChange {
		return page.Factor(v)
	}
	return change(ratio.Value)
}

// change is a ratio as a change in whole percent: this is a glance, and the report has the digits.
func change(ratio float64) string { return fmt.Sprintf("%+.0f %%", (ratio-1)*100) }

// ends are those of a ratio, written as its value is.
func ends(ratio stats.Interval) string {
	if v := ratio.Value; v < leastChange || v > mostChange {
		return fmt.Sprintf("[%.3g, %.3g]", ratio.Low, ratio.High)
	}
	return fmt.Sprintf("[%+.0f, %+.0f]", (ratio.Low-1)*100, (ratio.High-1)*100)
}

func micros(d time.Duration) string { return page.Micros(d.Microseconds()) }

// How many diagnostics are shown, and how many lines of each; its hint is printed when the view is closed.
const (
	mostDiagnostics = 3
	mostLines       = 2
)

// diagnoses are the diagnostics so far, the latest last.
func (s State) diagnoses(width int) (lines []string) {
	if len(s.found) == 0 {
		return nil
	}
	lines = append(lines, "")
	shown := s.found
	if more := len(shown) - mostDiagnostics; more > 0 {
		lines = append(lines, faint.Render(fmt.Sprintf("  and %s before", page.Count(more, "diagnostic"))))
		shown = shown[more:]
	}
	for _, d := range shown {
		times := ""
		if d.times > 1 {
			times = fmt.Sprintf(" (%d times)", d.times)
		}
		text := ansi.Wrap(inert.Line(cmp.Or(d.Message, d.Code)+times), width-2, "")
		for i, line := range strings.SplitN(text, "\n", mostLines+1) {
			switch {
			case i == 0:
				line = bad.Render("!") + " " + line
			case i < mostLines:
				line = "  " + line
			default:
				lines[len(lines)-1] += " …"
				continue
			}
			lines = append(lines, line)
		}
	}
	return lines
}
