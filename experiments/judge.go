package experiments

import (
	"io"

	"bench/reports/capacity"
	"bench/reports/compare"
	"bench/reports/gate"
	"bench/reports/page"
	"bench/results"
)

// Judged is the report of a run and what it comes to.
type Judged struct {
	Outcome page.Outcome

	// Text and JSON write the report.
	Text, JSON func(io.Writer) error
	// Job is what a CI job shows of it beside the text; nil: nothing.
	Job *Job
	// History makes the lines of the history from one that holds what the manifest says; nil:
	// runs of this kind are not in it.
	History func(results.Entry) []results.Entry

	write func(dir string) error
}

// Job is what a CI job shows of a report.
type Job struct {
	Summary     func(io.Writer) error // in Markdown
	Annotations []string              // workflow commands of GitHub, a line each
}

// Report judges a run directory and writes every form of the report into it. Everything comes
// from the directory: a run of another machine and another year is judged the same.
func Report(dir string) (Judged, error) {
	run, err := results.Load(dir)
	if err != nil {
		return Judged{}, Misuse(err)
	}
	j, err := judge(run)
	if err != nil {
		return j, err
	}
	return j, j.write(dir)
}

// judge asks the kind of the run for its report.
func judge(run *results.Run) (Judged, error) {
	switch run.Manifest.Kind {
	case results.KindGate:
		judged, err := gate.Of(run)
		if err != nil {
			return Judged{}, err
		}
		return judgeGate(gate.Judge(judged, gate.MetricsOf(judged.Gate.Gated))), nil
	case results.KindCapacity:
		r, err := capacity.Build(run)
		if err != nil {
			return Judged{}, err
		}
		return judgeDocument(r.Document()), nil
	}
	r, err := compare.Build(run)
	if err != nil {
		return Judged{}, err
	}
	return judgeCompare(r), nil
}

// judgeDocument is what a report comes to that is a document.
func judgeDocument(d page.Document) Judged {
	return Judged{
		Outcome: d.Outcome, Text: of(page.Text, d), JSON: of(page.JSON, d),
		write: func(dir string) error { return page.WriteAll(dir, d) },
	}
}

func judgeCompare(r *compare.Report) Judged {
	j := judgeDocument(r.Document())
	j.History = compareEntries(r)
	return j
}

func judgeGate(r gate.Report) Judged {
	d := r.Document()
	j := judgeDocument(d)
	j.History, j.Job = gateEntry(r), &Job{of(page.Markdown, d), d.Annotations}
	return j
}

// of makes a form of one document.
func of(write func(io.Writer, page.Document) error, d page.Document) func(io.Writer) error {
	return func(w io.Writer) error { return write(w, d) }
}

func gateEntry(r gate.Report) func(results.Entry) []results.Entry {
	return func(e results.Entry) []results.Entry {
		e.Topology, e.Scenario, e.Base, e.Verdict = r.Gate.Topology, r.Gate.Scenario, r.Gate.BaseCommit, string(r.Verdict)
		e.Ratios = map[string]float64{}
		for _, m := range r.Metrics {
			if m.Ratio.Measured() {
				e.Metrics[m.Name], e.Ratios[m.Name] = m.Head, m.Ratio.Value
			}
		}
		return []results.Entry{e}
	}
}

func compareEntries(r *compare.Report) func(results.Entry) []results.Entry {
	return func(first results.Entry) (all []results.Entry) {
		for _, t := range r.Topologies {
			e := first
			e.Topology, e.Grade, e.Metrics = t.Ref, string(r.Grade), map[string]float64{}
			for name, v := range map[string]float64{
				"max_throughput": t.MaxThroughput.Value, "cpu_ms_per_request": t.CPUTotal.Value,
				"pss_bytes": float64(t.PSS), "boot_ms": t.BootMS,
			} {
				if v > 0 {
					e.Metrics[name] = v
				}
			}
			all = append(all, e)
		}
		return all
	}
}
