package claims_test

import (
	"fmt"

	"bench/reports/claims"
	"bench/results"
)

// A claim of which nothing was measured is undecided, and says why.
func ExampleBuild() {
	report, err := claims.Build(&results.Run{Manifest: results.Manifest{
		Kind: results.KindClaims, Spec: []byte(`{"preset": "quick", "claims": [{"name": "mine", "claim": "It is fast"}]}`),
		Findings: []byte(`{"skipped": [{"claim": "mine", "why": "A tool is missing."}]}`),
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Claims[0].Verdict+":", report.Claims[0].Reason)
	fmt.Println(report.Document().Outcome.Verdict)
	// Output:
	// undecided: A tool is missing.
	// inconclusive
}
