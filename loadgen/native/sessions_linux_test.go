package native_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"bench/loadgen"
	"bench/loadgen/native"
	"bench/loadgen/pacing"
	"bench/targets"
)

// loginServer responds like a site with a login: a token that has to come back, a session
// cookie that grants access, and a cookie that is deleted.
func loginServer(t *testing.T) (url string, users func() map[string]int) {
	t.Helper()
	var mu sync.Mutex
	seen := map[string]int{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) {
		if len(r.Cookies()) > 0 {
			http.Error(w, "a new session has cookies", http.StatusBadRequest)
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "csrftoken", Value: "t0k", Path: "/", MaxAge: 100})
		http.SetCookie(w, &http.Cookie{Name: "once", Value: "x"})
	})
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		token, err := r.Cookie("csrftoken")
		if err != nil || r.FormValue("token") != token.Value || r.FormValue("password") != "a&b=c d" {
			http.Error(w, "no token or a wrong password", http.StatusForbidden)
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "session", Value: r.FormValue("user")})
		http.SetCookie(w, &http.Cookie{Name: "once", MaxAge: -1})
		http.Redirect(w, r, "/account", http.StatusFound)
	})
	mux.HandleFunc("GET /account/{user}", func(w http.ResponseWriter, r *http.Request) {
		session, err := r.Cookie("session")
		_, once := r.Cookie("once")
		if err != nil || once == nil || session.Value != r.PathValue("user") {
			http.Error(w, "not logged in", http.StatusForbidden)
			return
		}
		mu.Lock()
		seen[session.Value]++
		mu.Unlock()
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL, func() map[string]int {
		mu.Lock()
		defer mu.Unlock()
		return seen
	}
}

const loginSession = `
- name: visitor
  steps:
    - {name: form, path: /login}
    - name: login
      method: POST
      path: /login
      think: 5ms
      headers: {Content-Type: application/x-www-form-urlencoded}
      body: "user={{user}}&password={{password}}&token={{cookie:csrftoken}}"
      expect: {status: 302}
    - {name: account, path: "/account/{{user}}", think: 5ms}
`

func loginMix(t *testing.T) targets.Mix {
	t.Helper()
	feed, err := targets.ParseFeed("u.csv", []byte("user,password\nann,a&b=c d\nb-o,a&b=c d\n"))
	if err != nil {
		t.Fatal(err)
	}
	mix, err := targets.ParseSessions([]byte(loginSession), feed, "")
	if err != nil {
		t.Fatal(err)
	}
	return mix
}

func TestSessionsLogIn(t *testing.T) {
	for _, shards := range []int{1, 3} {
		url, users := loginServer(t)
		p := plan(url)
		p.Mix, p.Mode, p.Pacer, p.Duration = loginMix(t), loadgen.Open, pacing.Constant{PerSecond: 100}, 300*time.Millisecond
		p.Conns.Max = 6
		m := run(t, native.Engine{Shards: shards}, p)
		// 30 visits start; those of the last 10 ms end before their last step is due.
		if m.Counts.OK != m.Counts.Intended || m.Counts.OK < 80 || m.Counts.OK > 90 {
			t.Errorf("%d shards: counts %+v; want 30 visits of up to 3 requests, all ok", shards, m.Counts)
		}
		got := users()
		if len(got) != 2 || got["ann"] < 12 || got["b-o"] < 12 {
			t.Errorf("%d shards: the users seen are %v; want both of the feed, equally often", shards, got)
		}
	}
}

func TestSessionsInAClosedLoop(t *testing.T) {
	url, _ := loginServer(t)
	p := plan(url)
	p.Mix, p.Conns.Max = loginMix(t), 4
	m := run(t, native.Engine{}, p)
	if m.Counts.OK != m.Counts.Intended || m.Counts.OK < 20 || m.Opened > 4 {
		t.Errorf("counts %+v on %d connections; want four users without failures", m.Counts, m.Opened)
	}
	// A visit pauses for 10 ms in all: in 200 ms four users make at most 80 visits of three requests.
	if m.Counts.OK > 240+12 {
		t.Errorf("%d requests: the users did not pause", m.Counts.OK)
	}
}

// A step that fails ends its visit: its later steps are not sent.
func TestAFailedStepEndsItsSession(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	p := plan(server.URL)
	p.Mix, p.Mode, p.Pacer = loginMix(t), loadgen.Open, pacing.Constant{PerSecond: 100}
	m := run(t, native.Engine{}, p)
	if m.Counts.HTTPError != 20 || m.Counts.Intended != 20 {
		t.Errorf("counts %+v; want the first step of 20 visits", m.Counts)
	}
}

// A feed alone makes request n differ by row n.
func TestFeedFillsPlaceholders(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]int{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen[r.URL.RequestURI()+" "+r.Header.Get("X-Key")]++
		mu.Unlock()
	}))
	defer server.Close()
	p := plan(server.URL)
	p.Mode, p.Pacer, p.Duration = loadgen.Open, pacing.Constant{PerSecond: 100}, 100*time.Millisecond
	p.Mix = targets.Mix{
		Targets: []targets.Target{{Name: "a", Method: "GET", Path: "/?q={{q}}", Header: http.Header{"X-Key": {"k-{{q}}"}}}},
		Feed:    &targets.Feed{Columns: []string{"q"}, Rows: [][]string{{"1"}, {"a b/"}}},
	}
	m := run(t, native.Engine{Shards: 2}, p)
	mu.Lock()
	defer mu.Unlock()
	if want := "map[/?q=1 k-1:5 /?q=a%20b%2F k-a b/:5]"; m.Counts.OK != 10 || fmt.Sprint(seen) != want {
		t.Errorf("counts %+v, the server saw %v; want %s", m.Counts, seen, want)
	}
}
