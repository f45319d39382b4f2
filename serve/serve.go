// Package serve shows the runs in a folder in a browser on this machine: a list that filters, the report of
// each, one figure of several laid over one another, trends, and the events of a run that is under way.
//
// It reads and changes nothing. Whoever has no token gets nothing; a name that is not this machine's own is
// refused, so that no page elsewhere can reach it by having its name resolve to this machine; and no answer
// allows another page to read it.
package serve

import (
	"crypto/subtle"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"bench/internal/inert"
	"bench/reports"
	"bench/reports/page"
	"bench/results"
)

// Server answers for the runs in one folder.
type Server struct {
	folder string
	root   *os.Root
	token  string
	port   string
	mux    *http.ServeMux

	mu    sync.Mutex // guards what follows; reports are made one at a time
	pages map[string]cached
	lists map[string]listed
}

// cached is a report and the state of the run that it was made of.
type cached struct {
	of   string
	page []byte
}

// mostPages is how many reports are kept.
const mostPages = 16

// New opens the folder of runs. The address is the one that the server listens on; requests must bring the
// token.
func New(folder, address, token string) (*Server, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("serving on %s: %w", address, err)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("opening the folder of runs: %w", err)
	}
	s := &Server{
		folder: folder, root: root, token: token, port: port, mux: http.NewServeMux(),
		pages: map[string]cached{}, lists: map[string]listed{},
	}
	for pattern, handle := range map[string]func(http.ResponseWriter, *http.Request) error{
		"GET /{$}":               s.list,
		"GET /runs/{run}":        s.report,
		"GET /runs/{run}/live":   s.live,
		"GET /runs/{run}/events": s.events,
		"GET /overlay":           s.overlay,
		"GET /trend":             s.trend,
	} {
		s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := handle(w, r); err != nil {
				s.fail(w, err)
			}
		})
	}
	return s, nil
}

// Close closes the folder.
func (s *Server) Close() error { return s.root.Close() }

// ServeHTTP is part of http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	switch {
	case !s.own(r.Host):
		http.Error(w, "this server answers for this machine's own names only", http.StatusMisdirectedRequest)
	case s.admits(r.URL.Query().Get(tokenKey)):
		// The token moves out of the address, where it would be seen and kept.
		http.SetCookie(w, &http.Cookie{
			Name: s.cookie(), Value: s.token, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode,
		})
		to := *r.URL
		query := to.Query()
		query.Del(tokenKey)
		to.RawQuery = query.Encode()
		http.Redirect(w, r, to.RequestURI(), http.StatusSeeOther)
	case !s.known(r):
		http.Error(w, "open the address that bench serve printed, with its token", http.StatusForbidden)
	default:
		s.mux.ServeHTTP(w, r)
	}
}

const tokenKey = "token"

// own reports whether a Host header names this machine, on this server's port.
func (s *Server) own(host string) bool {
	name, port, err := net.SplitHostPort(host)
	return err == nil && port == s.port && (name == "127.0.0.1" || name == "localhost" || name == "::1")
}

func (s *Server) admits(token string) bool {
	return subtle.ConstantTimeCompare([]byte(token), []byte(s.token)) == 1
}

// cookie is the name of the server's cookie: browsers keep those of all ports together.
func (s *Server) cookie() string { return "bench-" + s.port }

func (s *Server) known(r *http.Request) bool {
	c, err := r.Cookie(s.cookie())
	return err == nil && s.admits(c.Value)
}

// refusal is an error that is the request's fault.
type refusal struct {
	status int
	text   string
}

func (e refusal) Error() string { return e.text }

func (s *Server) fail(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	if r := (refusal{}); errors.As(err, &r) {
		status = r.status
	} else if errors.Is(err, fs.ErrNotExist) {
		status = http.StatusNotFound
	}
	http.Error(w, inert.Line(err.Error()), status)
}

// directory is the folder of a run, which is one directly below the server's, and not a link.
func (s *Server) directory(name string) (results.Folder, error) {
	info, err := s.root.Lstat(name)
	if err != nil || !info.IsDir() || name != filepath.Base(name) || name == "." || name == ".." {
		return "", refusal{http.StatusNotFound, "there is no such run"}
	}
	return results.Folder(filepath.Join(s.folder, name)), nil
}

// report is the page of a run, made of its directory alone.
func (s *Server) report(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("run")
	dir, err := s.directory(name)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	state, err := s.state(name)
	if err != nil {
		return refusal{http.StatusNotFound, name + " is not a run directory"}
	}
	kept := s.pages[name]
	if kept.of != state {
		run, err := results.LoadFrom(dir)
		if err != nil {
			return fmt.Errorf("reading run %s: %w", name, err)
		}
		judged, err := reports.Judge(reports.Kinds, run)
		if err != nil {
			return fmt.Errorf("judging run %s: %w", name, err)
		}
		if kept.page, err = rendered(judged.Document); err != nil {
			return err
		}
		if len(s.pages) >= mostPages {
			clear(s.pages)
		}
		kept.of = state
		s.pages[name] = kept
	}
	return writePage(w, kept.page)
}

// state is what changes whenever a run does.
func (s *Server) state(name string) (string, error) {
	info, err := s.root.Stat(filepath.Join(name, "SHA256SUMS"))
	if err != nil {
		return "", err
	}
	return fmt.Sprint(info.ModTime().UnixNano(), info.Size()), nil
}

// writePage writes a report, whose own policy the headers repeat.
func writePage(w http.ResponseWriter, html []byte) error {
	w.Header().Set("Content-Security-Policy", page.Policy()+"; frame-ancestors 'none'")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, err := w.Write(html)
	return err
}

//go:embed assets/list.html.tmpl
var listText string

//go:embed assets/live.html.tmpl
var liveText string

//go:embed assets/trend.html.tmpl
var trendText string

//go:embed assets/serve.css
var ownStyle string

//go:embed assets/live.js
var liveScript string

var (
	listPage  = template.Must(template.New("list").Parse(listText))
	livePage  = template.Must(template.New("live").Parse(liveText))
	trendPage = template.Must(template.New("trend").Parse(trendText))
)
