package page

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"bench/internal/chromium"
	"bench/internal/inert"
	"bench/reports/plot"
)

// open opens a page in a window of the given size; the test is skipped where there is no Chromium.
func open(t *testing.T, file string, width, height int) *chromium.Page {
	t.Helper()
	return chromium.Start(t).Open("file://"+file, chromium.Look{Width: width, Height: height})
}

// written writes the page of a document into a file.
func written(t *testing.T, d Document) string {
	t.Helper()
	var out bytes.Buffer
	if err := HTML(&out, d); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// large is a report of twelve topologies and 120 cells: every kind of chart, and a table of each.
func large() Document {
	d := sample()
	d.Title, d.Subject = "How should shop be deployed?", "shop · 2 cores, 24 GiB · 27 Nov 2026, 03:55 UTC"
	var curves, dots, rates []plot.Series
	var rows []string
	table := Table{Columns: Columns("topology", "#req/s", "#p99")}
	for i := range 12 {
		name := fmt.Sprintf("topology-%d", i)
		line := plot.Series{Name: name, Group: i}
		for x := range 60 {
			line.Points = append(line.Points, plot.Point{X: float64(x) / 20, Y: float64(1000 * (i + 1) * (x + 1))})
		}
		curves = append(curves, line)
		rate := plot.Series{Name: name, Group: i}
		for x := range 6 {
			rate.Points = append(rate.Points, plot.Point{X: float64(100 * (x + 1)), Y: float64(i + x + 1)})
		}
		rates = append(rates, rate)
		dots = append(dots, plot.Series{Name: name + ", p99", Group: i, Points: line.Points})
		rows = append(rows, name)
		table.Rows = append(table.Rows, []string{name, Number(float64(100 * (12 - i))), Micros(int64(900 * (i + 1)))})
	}
	var bars []plot.Series
	for i, name := range rows[:3] {
		d.Tiles = append(d.Tiles, Tile{Name: "a measure", Value: "1,239", Rows: []TileRow{{name, i, "1,239"}}})
		at := plot.Point{X: 100, Y: float64(i), Low: 90, High: 110}
		bars = append(bars, plot.Series{Name: name, Group: i, Points: []plot.Point{at}})
	}
	d.Glance = plot.Intervals("glance", "Requests per second", "requests per second", rows[:3], bars)
	d.Sections = []Section{{ID: "latency", Title: "Latency", Tables: []Table{table}, Figures: []plot.Figure{
		plot.Percentiles("percentiles", "By percentile", curves), plot.Histogram("histogram", "Distribution", rates),
		plot.ByRate("by-rate", "By rate", rates), plot.OverTime("over-time", "Over time", dots),
	}}, {ID: "method", Title: "Method", Folded: true, Text: []string{"Measured in blocks."}}}
	return d
}

// The first screen of a desk and of a phone shows the answer, and no page is wider than its screen.
func TestFirstScreenAnswers(t *testing.T) {
	t.Parallel()
	file := written(t, large())
	if info, err := os.Stat(file); err != nil || info.Size() > 1_500_000 {
		t.Errorf("the page has %d bytes, %v", info.Size(), err)
	}
	browser := chromium.Start(t)
	for _, size := range [][2]int{{1280, 800}, {390, 844}} {
		b := browser.Open("file://"+file, chromium.Look{Width: size[0], Height: size[1]})
		for _, part := range []string{"h1", ".label", ".answer", ".tile:nth-child(3)", "header figure .row:nth-child(3)"} {
			bottom, is := b.Run(fmt.Sprintf("document.querySelector(%q).getBoundingClientRect().bottom", part)).(float64)
			if !is || bottom <= 0 || bottom > float64(size[1]) {
				t.Errorf("at %v, %s ends at %v", size, part, bottom)
			}
		}
		if more := b.Sideways(); more != 0 {
			t.Errorf("at %v the page is %v pixels wider than the screen", size, more)
		}
		t.Logf("at %v the first charts were there within %v ms", size, b.Run("performance.now()"))
		b.Quiet()
	}
}

// Charts draw, read their values to the keyboard, and hide a topology everywhere; tables sort; links open.
func TestPageResponds(t *testing.T) {
	t.Parallel()
	b := open(t, written(t, large()), 1280, 800)
	for _, row := range []struct {
		script string
		want   any
	}{
		{`document.querySelectorAll("canvas").length`, 4.0},
		{`(() => { const p = document.querySelector(".plot"); p.focus();
			p.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowRight"}));
			return new Promise(done => setTimeout(() => done(p.querySelector(".said").textContent.includes("topology-0")), 100));
			})()`, true},
		{`document.querySelector(".legend button").click();
			document.querySelectorAll(".legend button[aria-pressed=false]").length`, 4.0},
		{`document.querySelectorAll("th button")[1].click(); document.querySelector("tbody td").textContent`, "topology-11"},
		{`document.querySelectorAll("th button")[1].click(); document.querySelector("tbody td").textContent`, "topology-0"},
		{`location.hash = "#method"; new Promise(done => setTimeout(() =>
			done(document.getElementById("method").open), 100))`, true},
	} {
		if got := b.Run(row.script); got != row.want {
			t.Errorf("%s: %v; want %v", row.script, got, row.want)
		}
	}
	b.Quiet()
}

// Whatever texts a report holds, a browser runs none of them, and asks for nothing.
func TestNoTextRunsInABrowser(t *testing.T) {
	t.Parallel()
	i := 0
	d := filled(t, func(string) string {
		i++
		return inert.Payloads[i%len(inert.Payloads)] + "<img src=http://127.0.0.1:1/x onerror=alert(1)>"
	})
	b := open(t, written(t, d), 1280, 800)
	if n := b.Run(`document.querySelectorAll("script").length`); n != 3.0 {
		t.Errorf("%v scripts", n)
	}
	b.Quiet()
}
