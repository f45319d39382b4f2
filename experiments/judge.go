package experiments

import (
	"bench/reports"
	"bench/reports/page"
	"bench/results"
)

// Report judges a run directory and writes the report into it in every format. Everything comes
// from the directory: a run from another machine or another year is judged the same way.
func Report(dir string) (page.Document, error) {
	judged, err := report(dir)
	return judged.Document, err
}

func report(dir string) (reports.Judged, error) {
	run, err := results.Load(dir)
	if err != nil {
		return reports.Judged{}, Misuse(err)
	}
	judged, err := reports.Judge(reports.Kinds, run)
	if err != nil {
		return judged, err
	}
	return judged, page.WriteAll(dir, judged.Document)
}
