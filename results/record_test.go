package results

import "testing"

func TestMessageAndHintNeverRunTogether(t *testing.T) {
	for _, row := range []struct{ message, hint, want string }{
		{"the search ended after 660 ms", "Use --thorough.", "the search ended after 660 ms. Use --thorough."},
		{"the search ended.", "Use --thorough.", "the search ended. Use --thorough."},
		{"was it too late?", "Use --thorough.", "was it too late? Use --thorough."},
		{"the search ended\n", " Use --thorough.", "the search ended. Use --thorough."},
		{"the search ended", "", "the search ended"},
		{"", "Use --thorough.", "Use --thorough."},
		{"", "", ""},
	} {
		if got := (Diagnostic{Message: row.message, Hint: row.hint}).Sentences(); got != row.want {
			t.Errorf("%q and %q: %q; want %q", row.message, row.hint, got, row.want)
		}
	}
}
