package page

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"bench/internal/inert"
	"bench/reports/plot"

	"golang.org/x/net/websocket"
)

// browser is a page in headless Chromium, driven by its DevTools protocol.
type browser struct {
	t     *testing.T
	conn  *websocket.Conn
	calls int
	// requests are the addresses that the page asked for, apart from its own; dialogs its calls of alert and
	// the like, and faults its errors, violations of its policy among them.
	requests, dialogs, faults []string
}

// open opens a page in a window of the given size; the test is skipped where there is no Chromium.
func open(t *testing.T, file string, width, height int) *browser {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed: the page cannot be looked at")
	}
	profile, err := os.MkdirTemp("", "chromium")
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(program, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0",
		"--remote-allow-origins=*",
		"--user-data-dir="+profile, fmt.Sprintf("--window-size=%d,%d", width, height), "about:blank")
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stderr, err := c.StderrPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL), c.Wait()
		// Its children may end a little later.
		for until := time.Now().Add(10 * time.Second); os.RemoveAll(profile) != nil; {
			if time.Now().After(until) {
				t.Errorf("%s cannot be removed", profile)
				return
			}
		}
	})
	b := &browser{t: t}
	for lines := bufio.NewScanner(stderr); b.conn == nil && lines.Scan(); {
		if _, at, found := strings.Cut(lines.Text(), "DevTools listening on "); found {
			b.attach(at)
		}
	}
	if b.conn == nil {
		t.Skip("chromium does not start here: the page cannot be looked at")
	}
	go func() { _, _ = bufio.NewReader(stderr).WriteTo(new(bytes.Buffer)) }()
	for _, domain := range []string{"Runtime", "Log", "Network", "Page"} {
		b.call(domain+".enable", nil)
	}
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{
		"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500,
	})
	b.call("Page.navigate", map[string]any{"url": "file://" + file})
	for until := time.Now().Add(20 * time.Second); b.run("document.readyState") != "complete"; {
		if time.Now().After(until) {
			t.Fatal("the page does not load")
		}
	}
	return b
}

// attach connects to the browser's first page.
func (b *browser) attach(address string) {
	at, err := url.Parse(address)
	if err != nil {
		b.t.Fatal(err)
	}
	response, err := http.Get("http://" + at.Host + "/json")
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	var targets []struct {
		Type string `json:"type"`
		URL  string `json:"webSocketDebuggerUrl"`
	}
	if err := json.NewDecoder(response.Body).Decode(&targets); err != nil {
		b.t.Fatal(err)
	}
	for _, target := range targets {
		if target.Type == "page" {
			if b.conn, err = websocket.Dial(target.URL, "", "http://127.0.0.1"); err != nil {
				b.t.Fatal(err)
			}
			b.t.Cleanup(func() { _ = b.conn.Close() })
			return
		}
	}
}

// call calls a method, and notes what the page does meanwhile.
func (b *browser) call(method string, params map[string]any) (result map[string]any) {
	b.t.Helper()
	b.calls++
	if params == nil {
		params = map[string]any{}
	}
	if err := websocket.JSON.Send(b.conn, map[string]any{"id": b.calls, "method": method, "params": params}); err != nil {
		b.t.Fatal(err)
	}
	_ = b.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	for {
		var message struct {
			ID     int            `json:"id"`
			Method string         `json:"method"`
			Params map[string]any `json:"params"`
			Result map[string]any `json:"result"`
			Error  any            `json:"error"`
		}
		if err := websocket.JSON.Receive(b.conn, &message); err != nil {
			b.t.Fatalf("%s: %v", method, err)
		}
		switch {
		case message.ID == b.calls:
			if message.Error != nil {
				b.t.Fatalf("%s: %v", method, message.Error)
			}
			return message.Result
		case message.Method == "Network.requestWillBeSent":
			address := message.Params["request"].(map[string]any)["url"].(string)
			if !strings.HasPrefix(address, "data:") && !strings.HasSuffix(address, "/page.html") {
				b.requests = append(b.requests, address)
			}
		case message.Method == "Page.javascriptDialogOpening":
			b.dialogs = append(b.dialogs, fmt.Sprint(message.Params["message"]))
		case message.Method == "Runtime.exceptionThrown", message.Method == "Log.entryAdded":
			b.faults = append(b.faults, fmt.Sprint(message.Params))
		}
	}
}

// run runs a script in the page, and returns its value.
func (b *browser) run(script string) any {
	b.t.Helper()
	r := b.call("Runtime.evaluate", map[string]any{"expression": script, "returnByValue": true, "awaitPromise": true})
	return r["result"].(map[string]any)["value"]
}

// quiet checks that the page ran into nothing, asked for nothing and opened nothing.
func (b *browser) quiet() {
	b.t.Helper()
	if len(b.requests)+len(b.dialogs)+len(b.faults) > 0 {
		b.t.Errorf("requests %v, dialogs %v, faults %v", b.requests, b.dialogs, b.faults)
	}
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
	for _, size := range [][2]int{{1280, 800}, {390, 844}} {
		b := open(t, file, size[0], size[1])
		for _, part := range []string{"h1", ".label", ".answer", ".tile:nth-child(3)", "header figure .row:nth-child(3)"} {
			bottom, is := b.run(fmt.Sprintf("document.querySelector(%q).getBoundingClientRect().bottom", part)).(float64)
			if !is || bottom <= 0 || bottom > float64(size[1]) {
				t.Errorf("at %v, %s ends at %v", size, part, bottom)
			}
		}
		if more := b.run("document.documentElement.scrollWidth - document.documentElement.clientWidth"); more != 0.0 {
			t.Errorf("at %v the page is %v pixels wider than the screen", size, more)
		}
		t.Logf("at %v the first charts were there within %v ms", size, b.run("performance.now()"))
		b.quiet()
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
		if got := b.run(row.script); got != row.want {
			t.Errorf("%s: %v; want %v", row.script, got, row.want)
		}
	}
	b.quiet()
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
	if n := b.run(`document.querySelectorAll("script").length`); n != 3.0 {
		t.Errorf("%v scripts", n)
	}
	b.quiet()
}
