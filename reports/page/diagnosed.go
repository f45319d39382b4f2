package page

import (
	"fmt"

	"bench/results"
)

// Diagnosed is the section of a run's diagnostics, with their number.
func Diagnosed(all []results.Diagnostic) Section {
	return Section{
		ID: "diagnostics", Title: fmt.Sprintf("Diagnostics (%d)", len(all)), Short: "Diagnostics",
		Diagnostics: all,
	}
}
