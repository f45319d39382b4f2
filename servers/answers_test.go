package servers

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"bench/targets"
)

// A health path that gives the same wrong response ends a boot with its cause, long before the time-out.
func TestCasesOfHealthPaths(t *testing.T) {
	for _, row := range []struct {
		says   string
		app    targets.App
		answer func(w http.ResponseWriter, r *http.Request)
		err    string // empty: it boots
	}{
		{"25-health-needs-a-header: the host", targets.App{Host: "shop.example"}, onlyHost, ""},
		{"25-health-needs-a-header: the host is not set", targets.App{}, onlyHost, "app.host"},
		{"25-health-needs-a-header: another header",
			targets.App{HealthHeader: map[string]string{"x-token": "7"}}, onlyToken, ""},
		{"25-health-needs-a-header: the header is not set", targets.App{}, onlyToken, "app.health: {path: /up, headers"},
		{"02-ssl-redirect", targets.App{}, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://"+r.Host+r.URL.Path, http.StatusMovedPermanently)
		}, "SECURE_SSL_REDIRECT: false"},
		{"a redirect to a login shows that the app works", targets.App{}, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/login/?next=/up", http.StatusFound)
		}, ""},
		{"a path that does not exist", targets.App{}, http.NotFound, "no page at the health path /up"},
	} {
		t.Run(row.says, func(t *testing.T) {
			t.Parallel()
			took, err := bootAgainst(t, row.app, row.answer)
			if row.err == "" && err != nil || row.err != "" && (err == nil || !strings.Contains(err.Error(), row.err)) {
				t.Errorf("%v; want %q", err, row.err)
			}
			var failed *BootError
			if err != nil && !errors.As(err, &failed) || took > 10*time.Second {
				t.Errorf("it took %v: %v", took, err)
			}
		})
	}
}

// An app that is still starting is waited for, whatever stands in front of it says meanwhile.
func TestAnAppThatIsStillStartingIsWaitedFor(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	began := time.Now()
	_, err := bootAgainst(t, targets.App{}, func(w http.ResponseWriter, _ *http.Request) {
		if n.Add(1); time.Since(began) < steadyRefusal+200*time.Millisecond {
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	if err != nil || n.Load() < 2 {
		t.Errorf("%v after %d requests; want it to boot", err, n.Load())
	}
}

func onlyHost(w http.ResponseWriter, r *http.Request) {
	if r.Host != "shop.example" {
		w.WriteHeader(http.StatusBadRequest)
	}
}

func onlyToken(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-Token") != "7" {
		w.WriteHeader(http.StatusForbidden)
	}
}

func bootAgainst(t *testing.T, app targets.App, answer http.HandlerFunc) (time.Duration, error) {
	t.Helper()
	server := httptest.NewServer(answer)
	defer server.Close()
	app.Health = "/up"
	site := &Site{Scratch: t.TempDir(), Locks: t.TempDir(), Timeout: 20 * time.Second}
	began := time.Now()
	cluster, err := site.Boot(t.Context(), Topology{Name: string(Running), Params: server.URL}, app)
	if err == nil {
		err = cluster.Close()
	}
	return time.Since(began), err
}

func TestTheLastStatusIsNotLostToTheDeadline(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer server.Close()
	site := &Site{Scratch: t.TempDir(), Locks: t.TempDir(), Timeout: 200 * time.Millisecond}
	_, err := site.Boot(t.Context(), Topology{Name: string(Running), Params: server.URL}, targets.App{Health: "/up"})
	if err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("%v; want the status", err)
	}
}
