package tune_test

import (
	"fmt"

	"bench/reports/tune"
	"bench/results"
)

// A run that was ended before anything was measured has no best setting.
func ExampleBuild() {
	report, err := tune.Build(&results.Run{Manifest: results.Manifest{
		Kind: results.KindTune, Spec: []byte(`{"slo": "p99<200ms", "topology": "uwsgi", "params": ["workers=1..4"]}`),
		Topologies: []results.TopologyRecord{{Name: "uwsgi-workers=1"}}, Scenarios: []results.ScenarioRecord{{Name: "page"}},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	d := report.Document()
	fmt.Println(d.Headline, d.Outcome.Verdict)
	// Output: No setting was shown to meet p99<200ms. invalid
}
