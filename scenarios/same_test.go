package scenarios

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"bench/loadgen"
	"bench/targets"
)

func texts(all ...string) (out [][]byte) {
	for _, text := range all {
		out = append(out, []byte(text))
	}
	return out
}

func TestDisagree(t *testing.T) {
	page := func(clock, nonce, row string) string {
		return "<html>\n<p>now " + clock + "</p><script nonce=\"" + nonce + "\"></script>\n<li>" + row + "</li>\n</html>\n"
	}
	for _, row := range []struct {
		says       string
		one, other [][]byte
		want       bool
	}{
		{"equal", texts("a", "a"), texts("a", "a"), false},
		{"different", texts("a", "a"), texts("b", "b"), true},
		{"different lengths", texts("abc", "abc"), texts("abcd", "abcd"), true},
		{"empty", texts("", ""), texts("x", "x"), true},
		{"a clock", texts(page("12:30:01", "a", "x"), page("12:30:02", "a", "x")),
			texts(page("12:31:07", "a", "x"), page("12:31:08", "a", "x")), false},
		{"a nonce in any alphabet", texts(page("1", "a+/=b", "x"), page("1", "cc-_d", "x")),
			texts(page("1", "z", "x"), page("1", "q/w", "x")), false},
		{"a random row of another shape", texts(page("1", "a", "one"), page("1", "a", "two, <b>three</b>")),
			texts(page("1", "a", "four"), page("1", "a", "five six")), false},
		{"what varies does not excuse the rest", texts(page("12:30:01", "a", "x"), page("12:30:02", "a", "x")),
			texts(page("12:31:07", "a", "y"), page("12:31:08", "a", "y")), true},
		{"nor what comes before a random row", texts(page("1", "a", "one"), page("1", "a", "two, <b>three</b>")),
			texts(page("2", "a", "four"), page("2", "a", "five six")), true},
		{"only the other varies", texts(page("1", "a", "x"), page("1", "a", "x")),
			texts(page("1", "b", "x"), page("1", "c", "x")), false},
		{"a number in JSON", texts(`{"t": 1.5, "n": [1, 2]}`, `{"t": 2.5, "n": [1, 2]}`),
			texts(`{"t": 9.25, "n": [1, 2]}`, `{"t": 9.5, "n": [1, 2]}`), false},
		{"another list in JSON", texts(`{"t": 1.5, "n": [1, 2]}`, `{"t": 2.5, "n": [1, 2]}`),
			texts(`{"t": 9.25, "n": [1, 3]}`, `{"t": 9.5, "n": [1, 3]}`), true},
		{"one more row", texts("a\nb\n", "a\nb\n"), texts("a\nb\nc\n", "a\nb\nc\n"), true},
	} {
		for _, sides := range [][2][][]byte{{row.one, row.other}, {row.other, row.one}} {
			at := disagree(sides[0], sides[1])
			if (at >= 0) != row.want || at > len(sides[1][0]) {
				t.Errorf("%s: they disagree at %d; want a difference: %v", row.says, at, row.want)
			}
		}
	}
	if at := disagree(texts("line\nsame, other"), texts("line\nsame, thing")); at != len("line\nsame, ") {
		t.Errorf("the first difference is at %d", at)
	}
	got := around([]byte(strings.Repeat("x", 100)+"HERE"+strings.Repeat("y", 100)), 100)
	if !strings.Contains(got, "xHEREy") || !strings.HasPrefix(got, `"…x`) || !strings.HasSuffix(got, `y…"`) {
		t.Errorf("around = %s", got)
	}
}

func TestTheServersOwnAddressDoesNotCount(t *testing.T) {
	for text, want := range map[string]string{
		`{"next": "http://127.0.0.1:25009/p?page=2"}`: `{"next": "http://SERVER/p?page=2"}`,
		`http:\/\/127.0.0.1:25009\/`:                  `http:\/\/SERVER\/`,
		`?next=http%3A%2F%2F127.0.0.1%3A25009%2F`:     `?next=http%3A%2F%2FSERVER%2F`,
		"localhost:25009":                             "SERVER",
		"port 25009.":                                 "port SERVER.",
		"125009 and 250091":                           "125009 and 250091",
		"127.0.0.1:80":                                "127.0.0.1:80",
	} {
		if got := string(withoutAddress([]byte(text), "127.0.0.1:25009")); got != want {
			t.Errorf("%q becomes %q; want %q", text, got, want)
		}
	}
}

// Responses of servers from public bug reports, named as where they were collected, and others like them.
func TestCasesOfResponses(t *testing.T) {
	n := 0
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n++
		switch r.URL.Path {
		case "/absolute":
			_, _ = fmt.Fprintf(w, `{"next": "http://%s/p", "port": %q}`, r.Context().Value(http.LocalAddrContextKey), r.Host)
		case "/secure":
			http.Redirect(w, r, "https://"+r.Host+r.URL.Path, http.StatusMovedPermanently)
		case "/account":
			http.Redirect(w, r, "/login/?next=/account", http.StatusFound)
		case "/here":
			http.Redirect(w, r, "http://"+r.Host+"/there", http.StatusFound)
		case "/clock":
			_, _ = fmt.Fprintf(w, "request %d", n)
		case "/host":
			w.WriteHeader(http.StatusBadRequest)
		}
	})
	servers := [2]*httptest.Server{httptest.NewServer(handler), httptest.NewServer(handler)}
	for _, s := range servers {
		defer s.Close()
	}
	for _, row := range []struct {
		says, path string
		host       string
		wrong      string // what the unexpected response is said to be
		leads      string
	}{
		{"01-absolute-url-in-body", "/absolute", "", "", ""},
		{"01-absolute-url-in-body with one host", "/absolute", "shop.example", "", ""},
		{"02-ssl-redirect", "/secure", "127.0.0.1", "SECURE_SSL_REDIRECT: false", ""},
		{"a login", "/account", "127.0.0.1", "", "/login/?next=/account"},
		{"an absolute redirect", "/here", "", "", "http://"},
		{"DisallowedHost", "/host", "127.0.0.1", "app.host", ""},
		{"a clock", "/clock", "", "", ""},
	} {
		s := testScenario()
		s.Mix.Targets = []targets.Target{{Name: "a", Method: "GET", Path: row.path, Weight: 1}}
		if row.host != "" {
			s.Mix = s.Mix.WithHost(row.host)
		}
		var found [2]map[string]response
		for i, server := range servers {
			for range 2 {
				responses, err := Verify(t.Context(), server.URL, loadgen.Guard{}, []Scenario{s})
				if err != nil {
					t.Fatal(err)
				}
				if found[i] == nil {
					found[i] = responses
				}
				first := found[i][s.Name+"/a"]
				first.also(responses[s.Name+"/a"])
				found[i][s.Name+"/a"] = first
			}
		}
		if diff := differences(found[0], found[1]); len(diff) > 0 {
			t.Errorf("%s: %v; want the same responses", row.says, diff)
		}
		wrong := strings.Join(unexpected(found[0]), "; ")
		if !strings.Contains(wrong, row.wrong) || (wrong == "") != (row.wrong == "") {
			t.Errorf("%s: %q; want %q", row.says, wrong, row.wrong)
		}
		warned := redirected(s, found[0])
		if (row.leads != "") != (len(warned) == 1) || row.leads != "" && !strings.Contains(warned[0].Message, row.leads) {
			t.Errorf("%s: %v; want a warning of redirects to %q", row.says, warned, row.leads)
		}
	}
}
