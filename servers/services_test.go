package servers_test

import (
	"cmp"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"bench/results"
	"bench/servers"
)

// Each boot has a database of its own, with what the preparation put into it, and what one boot writes no other
// sees; its processes are a tier of the cluster, and it counts its connections.
func TestEachBootHasItsOwnDatabase(t *testing.T) {
	if testing.Short() {
		t.Skip("boots the real servers")
	}
	site, app := realSite(t, "postgres") // skips without Django
	if exec.Command(site.Host.Tools.Path("python"), "-c", "import psycopg").Run() != nil {
		t.Skip("psycopg is not installed: run `bench setup --with postgres`")
	}
	module := filepath.Join(cmp.Or(site.Host.Tree, app.Dir), "counting.py")
	if err := os.WriteFile(module, []byte(countingApp), 0o644); err != nil {
		t.Fatal(err)
	}
	app.WSGI = "counting:application"
	topology := servers.Topology{Name: "uwsgi", Params: "workers=2"}
	var first string
	for range 2 {
		cluster, err := site.Boot(t.Context(), topology, app)
		if err != nil {
			t.Fatal(err)
		}
		written := []string{get(t, cluster.URL()+"/order"), get(t, cluster.URL()+"/order")}
		if written[0] == written[1] || first != "" && first != written[0] {
			t.Errorf("writes %q, and those of the boot before began with %q", written, first)
		}
		first = written[0]
		usage, err := cluster.Usage()
		at := slices.IndexFunc(usage, func(u results.Usage) bool { return u.Tier == "postgres" })
		if err != nil || at < 0 || usage[at].CPU == 0 || usage[at].PSS == 0 || usage[at].Processes < 3 {
			t.Errorf("usage %+v, %v; want a tier of the database", usage, err)
		}
		if peaks := cluster.Peaks(t.Context())["postgres"]; peaks[results.ConnectionLimitMax] != 100 {
			t.Errorf("peaks %v; want the limit on connections", peaks)
		}
		if err := cluster.Close(); err != nil {
			t.Error(err)
		}
	}
}

// countingApp orders something for each request of /order, and says how many orders there are.
const countingApp = `
from django.core.wsgi import get_wsgi_application

get_wsgi_application()
from shop.models import Order


def application(environ, start_response):
    if environ["PATH_INFO"] == "/order":
        Order.objects.create(product_id=1, quantity=1)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(Order.objects.count()).encode()]
`

func get(t *testing.T, url string) string {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d, %v: %.300s", url, response.StatusCode, err, text)
	}
	return string(text)
}
