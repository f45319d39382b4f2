// Package chromium looks at pages as people do: in headless Chromium, driven by its DevTools protocol. It
// is for tests, which are skipped where there is no Chromium.
package chromium

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/websocket"
)

// Axe is axe-core, which finds what keeps people from using a page. testdata/axe/SOURCE says where it is from.
//
//go:embed testdata/axe/axe.min.js
var Axe string

// Browser is a running Chromium.
type Browser struct {
	t    testing.TB
	host string // of its DevTools
}

// Start starts Chromium for a test, which it ends with; without Chromium the test is skipped.
func Start(t testing.TB) *Browser {
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
		"--remote-allow-origins=*", "--user-data-dir="+profile, "about:blank")
	c.Env = append(c.Environ(), "TMPDIR="+profile) // its own lock files are never removed
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
	b := &Browser{t: t}
	for lines := bufio.NewScanner(stderr); b.host == "" && lines.Scan(); {
		if _, at, found := strings.Cut(lines.Text(), "DevTools listening on "); found {
			if address, err := url.Parse(at); err == nil {
				b.host = address.Host
			}
		}
	}
	if b.host == "" {
		t.Skip("chromium does not start here: the page cannot be looked at")
	}
	go func() { _, _ = bufio.NewReader(stderr).WriteTo(new(bytes.Buffer)) }()
	return b
}

// Look is how a page is looked at.
type Look struct {
	Width, Height int
	Dark, Print   bool
}

// Page is a page that is open in a window of its own.
type Page struct {
	t       testing.TB
	conn    *websocket.Conn
	calls   int
	address string
	// Requests are the addresses that the page asked for, apart from its own; Dialogs its calls of alert and
	// the like, and Faults its errors, violations of its policy among them.
	Requests, Dialogs, Faults []string
}

// Open opens an address and waits until all of it is there.
func (b *Browser) Open(address string, look Look) *Page {
	b.t.Helper()
	p := &Page{t: b.t, address: address}
	request, err := http.NewRequest(http.MethodPut, "http://"+b.host+"/json/new?about:blank", nil)
	if err != nil {
		b.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	var window struct {
		URL string `json:"webSocketDebuggerUrl"`
	}
	if err := json.NewDecoder(response.Body).Decode(&window); err != nil {
		b.t.Fatal(err)
	}
	if p.conn, err = websocket.Dial(window.URL, "", "http://127.0.0.1"); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = p.conn.Close() })
	for _, domain := range []string{"Runtime", "Log", "Network", "Page"} {
		p.call(domain+".enable", nil)
	}
	p.Look(look)
	p.call("Page.navigate", map[string]any{"url": address})
	p.Await(`document.readyState == "complete" && location.href != "about:blank"`)
	return p
}

// Look looks at the page in another way.
func (p *Page) Look(look Look) {
	p.t.Helper()
	p.call("Emulation.setDeviceMetricsOverride", map[string]any{
		"width": look.Width, "height": look.Height, "deviceScaleFactor": 1, "mobile": look.Width < 500,
	})
	p.call("Emulation.setScrollbarsHidden", map[string]any{"hidden": true}) // as on a phone, on paper and on many desks
	media, scheme := "screen", "light"
	if look.Print {
		media = "print"
	}
	if look.Dark {
		scheme = "dark"
	}
	p.call("Emulation.setEmulatedMedia", map[string]any{
		"media": media, "features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}},
	})
}

// call calls a method, and notes what the page does meanwhile.
func (p *Page) call(method string, params map[string]any) (result map[string]any) {
	p.t.Helper()
	p.calls++
	if params == nil {
		params = map[string]any{}
	}
	err := websocket.JSON.Send(p.conn, map[string]any{"id": p.calls, "method": method, "params": params})
	if err != nil {
		p.t.Fatal(err)
	}
	_ = p.conn.SetReadDeadline(time.Now().Add(60 * time.Second))
	for {
		var message struct {
			ID     int            `json:"id"`
			Method string         `json:"method"`
			Params map[string]any `json:"params"`
			Result map[string]any `json:"result"`
			Error  any            `json:"error"`
		}
		if err := websocket.JSON.Receive(p.conn, &message); err != nil {
			p.t.Fatalf("%s: %v", method, err)
		}
		if message.ID == p.calls {
			if message.Error != nil {
				p.t.Fatalf("%s: %v", method, message.Error)
			}
			return message.Result
		}
		p.note(message.Method, message.Params)
	}
}

// note notes what a page did.
func (p *Page) note(method string, params map[string]any) {
	switch method {
	case "Network.requestWillBeSent":
		request, _ := params["request"].(map[string]any)
		if address := fmt.Sprint(request["url"]); !strings.HasPrefix(address, "data:") && address != p.address {
			p.Requests = append(p.Requests, address)
		}
	case "Page.javascriptDialogOpening":
		p.Dialogs = append(p.Dialogs, fmt.Sprint(params["message"]))
	case "Runtime.exceptionThrown", "Log.entryAdded":
		p.Faults = append(p.Faults, fmt.Sprint(params))
	}
}

// Run runs a script in the page, and returns its value; of a promise, what becomes of it.
func (p *Page) Run(script string) any {
	p.t.Helper()
	r := p.call("Runtime.evaluate", map[string]any{"expression": script, "returnByValue": true, "awaitPromise": true})
	if fault, is := r["exceptionDetails"]; is {
		p.t.Fatalf("%.200s: %v", script, fault)
	}
	return r["result"].(map[string]any)["value"]
}

// Await waits until a script says true.
func (p *Page) Await(script string) {
	p.t.Helper()
	for until := time.Now().Add(20 * time.Second); p.Run(script) != true; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(until) {
			p.t.Fatalf("%s: still not true: %v", p.address, script)
		}
	}
}

// Quiet checks that the page ran into nothing, asked for nothing and opened nothing.
func (p *Page) Quiet() {
	p.t.Helper()
	if len(p.Requests)+len(p.Dialogs)+len(p.Faults) > 0 {
		p.t.Errorf("%s: requests %v, dialogs %v, faults %v", p.address, p.Requests, p.Dialogs, p.Faults)
	}
}

// Sideways is by how many pixels the page is wider than its window, once charts have had the time to follow a
// change of its size.
func (p *Page) Sideways() (wider float64) {
	p.t.Helper()
	for until := time.Now().Add(3 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		wider, _ = p.Run("document.documentElement.scrollWidth - document.documentElement.clientWidth").(float64)
		if wider <= 0 || time.Now().After(until) {
			return wider
		}
	}
}

// Barriers are what axe-core finds to be serious or worse: a line each.
func (p *Page) Barriers() (found []string) {
	p.t.Helper()
	p.Run(Axe + "; true")
	list, _ := p.Run(`axe.run({resultTypes: ["violations"]}).then(r => r.violations
		.filter(v => v.impact == "serious" || v.impact == "critical")
		.map(v => v.id + ": " + v.help + ": " + v.nodes.slice(0, 3).map(n => n.html.slice(0, 150)).join(" and ")))`).([]any)
	for _, line := range list {
		found = append(found, fmt.Sprint(line))
	}
	return found
}

// Picture writes the window as a small PNG file.
func (p *Page) Picture(file string) {
	p.t.Helper()
	r := p.call("Page.captureScreenshot", map[string]any{"format": "png"})
	data, err := base64.StdEncoding.DecodeString(fmt.Sprint(r["data"]))
	if err == nil {
		data, err = Small(data)
	}
	if err == nil {
		err = os.WriteFile(file, data, 0o644)
	}
	if err != nil {
		p.t.Error(err)
	}
}
