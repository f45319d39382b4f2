package claims_test

import (
	"testing"

	"bench/internal/recipe"
	"bench/results"
	"bench/scenarios/claims"
)

// The claim of CONTRIBUTING.md is one, and shows every rule.
func TestRecipeOfAClaim(t *testing.T) {
	blocks := recipe.Read(t, "../..", "Add a claim").Blocks("yaml")
	if len(blocks) != 1 {
		t.Fatalf("%d files; want one", len(blocks))
	}
	c, err := claims.Parse("threads", "threads.yaml", []byte(blocks[0]), "")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, p := range c.Predictions {
		shown[p.Rule] = true
	}
	for _, rule := range results.Rules() {
		if !shown[rule] {
			t.Errorf("the recipe shows no prediction by the rule %s", rule)
		}
	}
}
