package scenarios_test

import (
	"fmt"
	"math"
	"time"

	"bench/scenarios"
)

// A search requests one trial after another and is given the outcome of each. This server answers
// one percent of the requests too late at 500 a second, more above and fewer below.
func ExampleSearch() {
	search, err := scenarios.NewSearch(scenarios.SearchOptions{
		Goals: 1, Guess: 400, Least: 1, Most: 10_000, Width: 0.05, Boots: 2,
		Targets: scenarios.DefaultTargets(), Budget: 2 * time.Minute,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for trial, more := search.Next(); more; trial, more = search.Next() {
		late := scenarios.Batches{Allowed: 0.01}
		for range int(trial.Duration.Seconds()) {
			late.Part, late.All = append(late.Part, math.Pow(trial.Rate/500, 20)*trial.Rate/100), append(late.All, trial.Rate)
		}
		search.Add(scenarios.Outcome{Trial: trial, Goals: [][]scenarios.Batches{{late}}})
	}
	found := search.Range(0)
	fmt.Printf("the limit lies within: %v\n", found.Contains(500))
	fmt.Printf("to 25 %%: %v, in two boots or more: %v\n", found.High/found.Low < 1.25, found.N >= 2)
	// Output:
	// the limit lies within: true
	// to 25 %: true, in two boots or more: true
}
