package gate

import (
	"fmt"
	"html/template"
	"io"
	"math"

	"bench/reports/plot"
)

var page = template.Must(template.New("gate").Funcs(template.FuncMap{"source": source}).Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>bench gate: {{.Report.Verdict}}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; background: #fff; }
h1 { font-size: 1.35rem; border-left: .5rem solid; padding-left: .75rem; }
h1.pass, h1.small { border-color: #009e73; } h1.regression { border-color: #d55e00; } h1.inconclusive, h1.unfit { border-color: #e69f00; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid #ddd; }
img { max-width: 100%; } code { overflow-wrap: anywhere; } .scroll { overflow-x: auto; }
</style>
</head>
<body>
<h1 class="{{.Report.Verdict}}">{{.Report.Headline}}</h1>
<p>Base {{.Base}}, head {{.Head}}; {{.Report.Duel.Scenario}} on {{.Report.Duel.Topology}} at {{printf "%.0f" .Report.Duel.Rate}} requests per second each.</p>
<div class="scroll"><table>
<tr>{{range .Columns}}<th>{{.}}</th>{{end}}</tr>
{{range .Rows}}<tr>{{range .}}<td>{{.}}</td>{{end}}</tr>
{{end}}</table></div>
{{range .Figures}}<figure><img alt="{{.Title}}" src="{{source .}}"><figcaption>{{.Reads}}</figcaption></figure>
{{end}}<ul>
{{range .Remarks}}<li>{{.}}</li>
{{end}}</ul>
<p>A cost above zero means that head is slower. “pass” is proven: were head slower by as much as matters, this would come out in at most 5 % of gates. “regression” is proven too: on equal versions it comes out in less than 1 %, over all metrics and failures and however often the gate looks. An absolute objective is called missed when that is proven of most pairs, at 1 %; exact counters need no statistics.</p>
</body>
</html>
`))

func source(f plot.Figure) (template.URL, error) {
	uri, err := plot.DataURI(f)
	return template.URL(uri), err
}

// HTML writes the report as one file that needs no other.
func HTML(w io.Writer, r Report) error {
	data := struct {
		Report     Report
		Base, Head string
		Columns    []string
		Rows       [][]string
		Remarks    []string
		Figures    []plot.Figure
	}{Report: r, Columns: columns, Remarks: r.remarks(), Figures: r.figures(),
		Base: described(r.Duel.Base, r.Duel.BaseCommit, false), Head: described(r.Duel.Head, r.Duel.HeadCommit, r.Duel.Dirty)}
	for _, m := range r.Metrics {
		data.Rows = append(data.Rows, m.row())
	}
	if err := page.Execute(w, data); err != nil {
		return fmt.Errorf("writing the gate's report as HTML: %w", err)
	}
	return nil
}

// figures are the pairs drawn: the metrics of one limit together.
func (r Report) figures() []plot.Figure {
	var small, large []plot.Series
	for _, m := range r.Metrics {
		changes := make([]float64, len(m.Logs))
		for i, l := range m.Logs {
			changes[i] = (math.Exp(l) - 1) * 100
		}
		s := plot.Series{Name: m.Name, Points: plot.Sequence(changes), Limit: m.Effect * 100}
		if m.Effect > 0.1 {
			large = append(large, s)
			continue
		}
		if len(small) > 0 {
			s.Limit = 0 // drawn once
		}
		small = append(small, s)
	}
	return []plot.Figure{
		plot.Changes("pairs", "Cost of head against base, pair by pair", "pair", pairsRead, small),
		plot.Changes("slow", "Share of slow answers of head against base, pair by pair", "pair", pairsRead, large),
	}
}

// pairsRead says how to read the figures of pairs.
const pairsRead = "Each point is one pair of fresh boots: how much more head cost than base. Points around zero are " +
	"chance; points on one side are a difference. The dashed lines are the changes that matter."
