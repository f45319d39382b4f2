package page

import (
	"fmt"

	"bench/results"
)

// diagnosticsSection is the section that Diagnosed makes.
const diagnosticsSection = "diagnostics"

// Diagnosed is the section of a run's diagnostics, with their number.
func Diagnosed(all []results.Diagnostic) Section {
	return Section{
		ID: diagnosticsSection, Title: fmt.Sprintf("Diagnostics (%d)", len(all)), Short: "Diagnostics",
		Diagnostics: all,
	}
}
