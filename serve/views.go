package serve

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"

	"bench/reports/diff"
	"bench/reports/history"
	"bench/reports/page"
	"bench/results"
)

func rendered(d page.Document) ([]byte, error) {
	var out bytes.Buffer
	err := page.HTML(&out, d)
	return out.Bytes(), err
}

func show(w http.ResponseWriter, d page.Document) error {
	html, err := rendered(d)
	if err != nil {
		return err
	}
	return writePage(w, html)
}

// overlay lays one figure of several runs over one another.
func (s *Server) overlay(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	names := query["run"]
	if len(names) == 0 || len(names) > diff.Most {
		return refusal{http.StatusBadRequest, "choose at least one run, and no more than there are colours"}
	}
	var runs []diff.Named
	for _, name := range names {
		dir, err := s.directory(name)
		if err != nil {
			return err
		}
		run, err := results.LoadFrom(dir)
		if err != nil {
			return refusal{http.StatusUnprocessableEntity, "reading run " + name + ": " + err.Error()}
		}
		runs = append(runs, diff.Named{Name: name, Run: run})
	}
	d, err := diff.Overlay(runs, query.Get("figure"))
	if err != nil {
		return refusal{http.StatusBadRequest, err.Error()}
	}
	return show(w, d)
}

// followed is a figure of the history: a line of the list of trends.
type followed struct {
	App, Topology, Metric string
	Runs                  int
}

// Link is the address of its trend.
func (f followed) Link() string {
	return "/trend?" + url.Values{"app": {f.App}, "topology": {f.Topology}, "metric": {f.Metric}}.Encode()
}

// trend is the list of the figures of the history, or the trend of one of them.
func (s *Server) trend(w http.ResponseWriter, r *http.Request) error {
	entries, _, err := results.ReadHistory(s.folder)
	if err != nil {
		return refusal{http.StatusNotFound, "there is no history yet: gate and compare write it"}
	}
	query := r.URL.Query()
	if metric := query.Get("metric"); metric != "" {
		return show(w, history.Document(metric,
			history.Trend(entries, query.Get("app"), query.Get("topology"), metric, query.Get("release"))))
	}
	counts := map[followed]int{}
	var order []followed
	for _, e := range entries {
		for metric := range e.Metrics {
			f := followed{App: e.App, Topology: e.Topology, Metric: metric}
			if counts[f]++; counts[f] == 1 {
				order = append(order, f)
			}
		}
	}
	slices.SortFunc(order, func(a, b followed) int {
		return slices.Compare([]string{a.App, a.Topology, a.Metric}, []string{b.App, b.Topology, b.Metric})
	})
	for i, f := range order {
		order[i].Runs = counts[f]
	}
	return write(w, trendPage, map[string]any{"Figures": order}, "")
}
