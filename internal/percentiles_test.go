package internal

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"bench/internal/proof"
)

// TestPercentilesHaveOneDefinition keeps the histogram library's own percentiles out of the tree. They
// round p·n to the nearest integer where a percentile is the value of rank ⌈p·n⌉: of 60 requests,
// its p99 is the second slowest. results.Percentile and stats.Rank are that one definition.
func TestPercentilesHaveOneDefinition(t *testing.T) {
	proof.WithoutRace(t)
	out, err := exec.Command("git", "-C", "..", "ls-files", "-co", "--exclude-standard", "*.go").Output()
	if err != nil {
		t.Skip("not a git checkout")
	}
	library := regexp.MustCompile(`\bValue(s)?At(Percentile|Quantile)|\bCumulativeDistribution|\bPercentilesPrint`)
	for name := range strings.Lines(string(out)) {
		name = strings.TrimSpace(name)
		text, err := os.ReadFile("../" + name)
		if err != nil || name == "internal/percentiles_test.go" ||
			name == "results/foreign/foreign_test.go" { // which reads tables that the library prints
			continue
		}
		for number, line := range strings.Split(string(text), "\n") {
			if library.MatchString(line) {
				t.Errorf("%s:%d: a percentile of the library: use results.Percentile, or stats.Rank", name, number+1)
			}
		}
	}
}
