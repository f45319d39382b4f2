package capacity

import (
	"fmt"
	"html/template"
	"io"
	"slices"

	"bench/reports/plot"
)

var page = template.Must(template.New("capacity").Funcs(template.FuncMap{"source": source}).Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>bench capacity: {{.Report.Topology}}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; background: #fff; }
h1 { font-size: 1.35rem; border-left: .5rem solid #0072b2; padding-left: .75rem; }
h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid #ddd; }
img { max-width: 100%; } figure { margin: 1.5rem 0; } .scroll { overflow-x: auto; }
td, li, p { overflow-wrap: anywhere; }
</style>
</head>
<body>
<h1>{{.Report.Headline}}</h1>
<ul>
{{range .Remarks}}<li>{{.}}</li>
{{end}}</ul>
{{range .Figures}}<figure><img alt="{{.Title}}" src="{{source .}}"><figcaption>{{.Reads}}</figcaption></figure>
{{end}}{{range .Tables}}<h2>{{.Title}}</h2>
<div class="scroll"><table>
<tr>{{range .Columns}}<th>{{.}}</th>{{end}}</tr>
{{range .Rows}}<tr>{{range .}}<td>{{.}}</td>{{end}}</tr>
{{end}}</table></div>
{{if .Note}}<p>{{.Note}}</p>
{{end}}{{end}}<p>How this is found: the greatest rate is searched by open-loop trials with Poisson arrivals that grow in length, are judged more than once, in as many boots as the time allowed (in the manner of RFC 9971; the table has in how many the lower bound was tried). It is an interval, because it is a measurement. The model is a simulation of proxies, queue, workers and cores, fed with the service times measured here.</p>
</body>
</html>
`))

func source(f plot.Figure) (template.URL, error) {
	uri, err := plot.DataURI(f)
	return template.URL(uri), err
}

// HTML writes the report as one file that needs no other.
func HTML(w io.Writer, r *Report) error {
	data := struct {
		Report  *Report
		Remarks []string
		Tables  []table
		Figures []plot.Figure
	}{Report: r, Remarks: r.remarks(), Tables: r.tables(), Figures: r.Figures()}
	if err := page.Execute(w, data); err != nil {
		return fmt.Errorf("writing the capacity report as HTML: %w", err)
	}
	return nil
}

// Figures are the report's figures.
func (r *Report) Figures() []plot.Figure {
	if len(r.Sizes) == 0 {
		return nil
	}
	figures := []plot.Figure{r.searches()}
	if r.Sweep != "" && len(r.Sizes) > 1 {
		figures = append(figures, r.bySize())
	}
	figures = append(figures, r.utilization())
	if r.Sizes[0].PerMillion > 0 {
		figures = append(figures, r.prices())
	}
	return figures
}

// searches draws p99, or what the SLO limits if that is another percentile's business: the
// trials' p99 is what is recorded, and the limit is drawn where the SLO has one on it.
func (r *Report) searches() plot.Figure {
	var all []plot.Series
	for _, s := range r.Sizes {
		one := plot.Series{Name: s.Topology}
		if s.MaxRate.Low > 0 && s.MaxRate.High > 0 {
			one.Span = &plot.Span{Low: s.MaxRate.Low, High: s.MaxRate.High}
		}
		for _, t := range s.Trials {
			one.Points = append(one.Points, plot.Point{X: t.Rate, Y: t.P99 * 1e3})
		}
		all = append(all, one)
	}
	limit := 0.0
	if r.Model != nil {
		for _, o := range r.Model.objectives {
			if o.Metric == "p99" {
				limit = o.Limit
			}
		}
	}
	return plot.Searches("latency-by-rate", "p99 against rate", "p99 of the response time", all, limit)
}

func (r *Report) bySize() plot.Figure {
	var seen, unseen, model []plot.Point
	for _, s := range r.Sizes {
		if s.MaxRate.Low == 0 {
			continue // there is no rate to draw
		}
		at := plot.Point{
			X: float64(s.Value), Y: s.MaxRate.middle(), Low: s.MaxRate.Low, High: max(s.MaxRate.Low, s.MaxRate.High),
		}
		if s.Unseen {
			unseen = append(unseen, at)
		} else {
			seen = append(seen, at)
		}
		if s.Model != nil {
			p := s.Model.MaxRate
			model = append(model, plot.Point{X: float64(s.Value), Y: p.Estimate, Low: p.Low, High: p.High})
		}
	}
	slices.SortFunc(model, func(a, b plot.Point) int { return int(a.X - b.X) })
	return plot.BySize("rate-by-size", "Greatest rate that meets the SLO", r.unit(), "requests per second", seen, unseen, model)
}

func (r *Report) utilization() plot.Figure {
	var stacks []plot.Stack
	var tiers []string
	for _, s := range r.Sizes {
		stack := plot.Stack{Name: r.label(s)}
		for tier, v := range s.Utilization {
			stack.Parts = append(stack.Parts, plot.Part{Name: tier, Value: v * 100})
			if !slices.Contains(tiers, tier) {
				tiers = append(tiers, tier)
			}
		}
		stacks = append(stacks, stack)
	}
	slices.Sort(tiers)
	return plot.Stacks("utilization", "The machine's cores near the greatest rate", "% of all cores", "%", stacks, tiers)
}

// label names a size in a narrow place.
func (r *Report) label(s Size) string {
	if r.Sweep == "" || s.Value == 0 {
		return s.Topology
	}
	if r.fleet() {
		return machines(s.Value)
	}
	return fmt.Sprintf("%s=%d", r.Sweep, s.Value)
}

func (r *Report) prices() plot.Figure {
	part := "one machine"
	if r.fleet() {
		part = "the machines"
	}
	var stacks []plot.Stack
	for _, s := range r.Sizes {
		stacks = append(stacks, plot.Stack{Name: r.label(s), Parts: []plot.Part{{Name: part, Value: s.PerMillion}}})
	}
	return plot.Stacks("price", "Price of a million requests at the greatest rate", "units of --price", "", stacks, []string{part})
}
