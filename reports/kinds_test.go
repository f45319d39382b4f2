package reports_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"bench/reports"
	"bench/results"
)

// A report needs nothing but a run directory: its manifest names the kind.
func ExampleJudge() {
	run, err := results.Load("../results/testdata/run-2")
	if err != nil {
		fmt.Println(err)
		return
	}
	judged, err := reports.Judge(reports.Kinds, run)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(judged.Document.Kind, judged.Document.Outcome.Verdict)
	// Output: compare passed
}

func TestEveryKindHasARow(t *testing.T) {
	var names []string
	for _, kind := range reports.Kinds {
		names = append(names, kind.Name)
	}
	want := []string{
		results.KindCompare, results.KindGate, results.KindCapacity, results.KindTune, results.KindLoad, results.KindClaims,
		results.KindLadder,
	}
	if !slices.Equal(names, want) {
		t.Errorf("the table has %v; want %v", names, want)
	}
}

func TestAnUnknownKindIsAnErrorThatNamesTheKnownOnes(t *testing.T) {
	_, err := reports.Judge(reports.Kinds, &results.Run{Manifest: results.Manifest{Kind: "soak"}})
	if err == nil || !strings.Contains(err.Error(), `"soak"`) ||
		!strings.Contains(err.Error(), "compare, gate, capacity") {
		t.Errorf("err = %v; want one that names the kind and the known ones", err)
	}
}

// A spec in the form of another kind is refused, and does not result in an empty report.
func TestAKindReadsOnlyItsOwnRuns(t *testing.T) {
	for _, kind := range reports.Kinds {
		run := &results.Run{Manifest: results.Manifest{Kind: kind.Name, Spec: []byte(`{"base": 7, "slo": 7}`)}}
		if _, err := kind.Judge(run); err == nil {
			t.Errorf("%s: a run without topologies, with a spec that is not its own, was judged", kind.Name)
		}
	}
}
