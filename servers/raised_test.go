package servers

import (
	"errors"
	"strings"
	"testing"
)

// The first line of an error says why, whatever follows it: a CI system shows no more.
func TestErrorsBeginWithWhatTheAppRaised(t *testing.T) {
	const traceback = "Traceback (most recent call last):\n  File \"wsgi.py\", line 1, in <module>\n    import nowhere\n"
	const missing = "ModuleNotFoundError: No module named 'nowhere'"
	for log, want := range map[string]string{
		traceback + missing: missing,
		traceback + missing + "\n\n" + traceback + "a.ImproperlyConfigured: B": "a.ImproperlyConfigured: B",
		traceback + "app.errors.OutOfOrderError\n[1] worker exited":            "app.errors.OutOfOrderError",
		"listening\nError 3 was harmless":                                      "",
	} {
		if got := raised(log); got != want {
			t.Errorf("%q: %q; want %q", log, got, want)
		}
		if want == "" {
			continue
		}
		for _, err := range []error{
			&BootError{Diagnostic: "the app does not import", Log: log, Err: errors.New("exited")},
			&PrepareError{Step: []string{"migrate"}, Output: log, Err: errors.New("exit status 1")},
		} {
			if first, _, _ := strings.Cut(err.Error(), "\n"); !strings.Contains(first, want) {
				t.Errorf("%q begins with %q", err, first)
			}
		}
	}
}
