package serve

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bench/experiments"
	"bench/internal/chromium"
)

var pictures = flag.String("pictures", "", "write pictures of the pages into this `folder`")

// In a browser, runs are listed, chosen and laid over one another, and a run under way is followed. No name
// is run as a script, and the pages are for everybody.
func TestABrowserShowsRuns(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	one := stored(t, folder, "shop", began)
	stored(t, folder, "shop<img src=x onerror=alert(1)>", began.Add(time.Hour))
	events := `{"kind":"doing","event":{"text":"<img src=x onerror=alert(1)> boots"}}` + "\n" +
		`{"kind":"second","event":{"arm":"uwsgi","rate":412.4,"p50_ns":2e6,"p99_ns":9e6,"counts":{"intended":9,"ok":9}}}` +
		"\n" + `{"kind":"estimated","event":{"arm":"uwsgi","measure":"throughput","unit":"req/s",` +
		`"value":{"value":412,"low":401,"high":425,"confidence":0.95}}}` + "\n"
	if err := os.WriteFile(filepath.Join(folder, one, experiments.EventsFile), []byte(events), 0o600); err != nil {
		t.Fatal(err)
	}
	browser := chromium.Start(t)
	address, _ := started(t, folder)
	phone, desk := chromium.Look{Width: 390, Height: 844, Dark: true}, chromium.Look{Width: 1280, Height: 800}
	p := browser.Open(address+"/?token=secret", desk)
	check := func(name string) {
		t.Helper()
		for _, look := range []chromium.Look{phone, desk} {
			p.Look(look)
			if wider := p.Sideways(); wider > 0 {
				t.Errorf("%s is %g pixels wider than a window of %d", name, wider, look.Width)
			}
			for _, barrier := range p.Barriers() {
				t.Errorf("%s: %s", name, barrier)
			}
		}
		if *pictures != "" {
			p.Picture(filepath.Join(*pictures, "serve-"+name+".png"))
		}
	}
	if at := p.Run("location.search"); at != "" {
		t.Errorf("the token stays in the address: %v", at)
	}
	check("list")
	p.Run(`document.querySelectorAll("input[type=checkbox]").forEach(box => box.click());
		document.querySelector("form[action='/overlay'] button").click()`)
	p.Await(`document.readyState == "complete" && location.pathname == "/overlay"`)
	check("overlay")
	p.Run(`location.href = "/runs/` + one + `/live"`)
	p.Await(`document.readyState == "complete" && document.querySelectorAll("#estimates tr").length == 1`)
	if said := p.Run(`document.getElementById("doing").textContent`); said != "<img src=x onerror=alert(1)> boots" {
		t.Errorf("the run is said to be at %v", said)
	}
	if row := p.Run(`document.querySelector("#loads tr").textContent`); row != "uwsgi4122.00 ms9.00 ms0" {
		t.Errorf("the load is shown as %v", row)
	}
	check("live")
	for _, request := range p.Requests {
		if !strings.HasPrefix(request, address+"/") {
			t.Errorf("a page asked for %s", request)
		}
	}
	if len(p.Dialogs)+len(p.Faults) > 0 {
		t.Errorf("dialogs %v, faults %v", p.Dialogs, p.Faults)
	}
}
