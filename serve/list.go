package serve

import (
	"bytes"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"bench/experiments"
	"bench/internal/inert"
	"bench/reports/diff"
	"bench/reports/page"
	"bench/results"
)

// listed is a line of the list, and the state of the run that it was read from.
type listed struct {
	of                            string
	Name, Kind, When, App, Of     string
	Status, Verdict, Grade, Fault string
	Running                       bool
}

// text is what the filter looks at.
func (l listed) text() string {
	return strings.ToLower(strings.Join([]string{l.Name, l.Kind, l.App, l.Of, l.Status, l.Verdict, l.Grade}, " "))
}

// runs are all runs, the newest first.
func (s *Server) runs() ([]listed, error) {
	entries, err := fs.ReadDir(s.root.FS(), ".")
	if err != nil {
		return nil, fmt.Errorf("reading the folder of runs: %w", err)
	}
	verdicts := s.verdicts()
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []listed
	for _, e := range entries {
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") { // one that was never finished
			continue
		}
		state, err := s.state(e.Name())
		if err != nil {
			continue // some other folder
		}
		l := s.lists[e.Name()]
		if l.of != state {
			l = s.read(e.Name())
			l.of = state
			s.lists[e.Name()] = l
		}
		l.Verdict, l.Grade = verdicts[l.Name].Verdict, verdicts[l.Name].Grade
		l.Running = l.Status == results.Partial && s.fresh(l.Name)
		all = append(all, l)
	}
	slices.SortFunc(all, func(a, b listed) int { return strings.Compare(b.Name, a.Name) })
	return all, nil
}

// read reads the line of a run from its manifest.
func (s *Server) read(name string) listed {
	m, err := results.LoadManifest(results.Folder(filepath.Join(s.folder, name)))
	if err != nil {
		return listed{Name: name, Fault: inert.Line(err.Error())}
	}
	var of []string
	for _, t := range m.Topologies {
		of = append(of, t.Name)
	}
	return listed{
		Name: name, Kind: inert.Line(m.Kind), When: m.Started.UTC().Format("2006-01-02 15:04"),
		App: inert.Line(m.App.Name), Of: inert.Line(strings.Join(of, ", ")), Status: inert.Line(m.Status),
	}
}

// verdicts are the last entries of the history, by run. Without a history there are none.
func (s *Server) verdicts() map[string]results.Entry {
	entries, _, _ := results.ReadHistory(s.folder)
	by := map[string]results.Entry{}
	for _, e := range entries {
		by[e.Run] = e
	}
	return by
}

// silence is how long a run may go without an event and still be under way.
const silence = 90 * time.Second

// fresh reports whether a run had an event a short while ago.
func (s *Server) fresh(name string) bool {
	info, err := s.root.Stat(filepath.Join(name, experiments.EventsFile))
	return err == nil && time.Since(info.ModTime()) < silence
}

// mostListed is how many runs a page shows.
const mostListed = 1000

func (s *Server) list(w http.ResponseWriter, r *http.Request) error {
	all, err := s.runs()
	if err != nil {
		return err
	}
	query := r.URL.Query()
	kinds := map[string]bool{}
	var shown []listed
	for _, l := range all {
		kinds[l.Kind] = true
		if kind := query.Get("kind"); kind != "" && kind != l.Kind {
			continue
		}
		if matches(l.text(), query.Get("q")) {
			shown = append(shown, l)
		}
	}
	delete(kinds, "")
	return write(w, listPage, map[string]any{
		"Runs": shown[:min(len(shown), mostListed)], "Found": len(shown), "All": len(all), "Kinds": inOrder(kinds),
		"Kind": query.Get("kind"), "Query": query.Get("q"), "Figures": diff.Figures(), "Most": diff.Most,
	}, "")
}

// matches reports whether a text has all words.
func matches(text, words string) bool {
	for _, word := range strings.Fields(strings.ToLower(words)) {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

func inOrder(set map[string]bool) (list []string) {
	for name := range set {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

// write lays out a page of this server: its only script is the given one, and it may ask only this server.
func write(w http.ResponseWriter, layout *template.Template, values map[string]any, script string) error {
	style := page.Style() + ownStyle
	values["Style"], values["Script"] = template.CSS(style), template.JS(script)
	var out bytes.Buffer
	if err := layout.Execute(&out, values); err != nil {
		return fmt.Errorf("laying out a page: %w", err)
	}
	policy := "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; style-src " +
		page.Hash(style)
	if script != "" {
		policy += "; connect-src 'self'; script-src " + page.Hash(script)
	}
	w.Header().Set("Content-Security-Policy", policy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, err := w.Write(out.Bytes())
	return err
}
