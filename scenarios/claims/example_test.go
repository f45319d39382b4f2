package claims_test

import (
	"fmt"
	"strings"

	"bench/scenarios/claims"
)

// A mistake in a claim is reported with its line and what is wanted.
func ExampleParse() {
	_, err := claims.Parse("mine", "mine.yaml", []byte(`
claim: two workers do more than one
source: me
arms:
  - {name: one, topology: 'uwsgi:workers=1'}
  - {name: two, topology: 'uwsgi:workers=2'}
steps:
  - name: work
    load: {scenario: cpu, duration: 1s}
predictions:
  - {name: more, says: twice as much, measure: speed, of: two, to: one, during: work, at_least: 1.5}
verdicts: {confirmed: 'They do {more} as much.', refuted: 'They do only {more} as much.'}
`), "")
	where, _, _ := strings.Cut(err.Error(), ", p50")
	fmt.Println(where)
	// Output:
	// mine.yaml, line 11: predictions[0].measure: "speed" is not a measure: want one of throughput
}
