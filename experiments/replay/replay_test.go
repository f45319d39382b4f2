package replay

import (
	"slices"
	"testing"

	"bench/reports"
)

// Every kind of run that has a report has a row here, and the reverse.
func TestKindsAreThoseOfTheReports(t *testing.T) {
	var here, there []string
	for _, k := range Kinds {
		here = append(here, k.Name)
	}
	for _, k := range reports.Kinds {
		there = append(there, k.Name)
	}
	if !slices.Equal(here, there) {
		t.Errorf("replay knows %v; reports knows %v", here, there)
	}
}
