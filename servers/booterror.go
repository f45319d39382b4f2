package servers

import (
	"fmt"
	"regexp"
	"strings"
)

// BootError says why a cluster did not come up: a diagnostic, a hint, and the last lines of
// the log that shows the error.
type BootError struct {
	Topology   Topology
	Diagnostic string
	Hint       string
	Process    string // whose log it is
	Log        string // the last lines
	Err        error
}

func (e *BootError) Error() string {
	text := fmt.Sprintf("booting %s: ", e.Topology)
	if e.Diagnostic != "" {
		text += e.Diagnostic + ": "
	}
	if cause := raised(e.Log); cause != "" {
		text += cause + ": " // first: of a traceback, a line of a CI system shows the beginning alone
	}
	text += e.Err.Error()
	if e.Hint != "" {
		text += "\n" + e.Hint
	}
	switch {
	case e.Log != "":
		text += fmt.Sprintf("\nlast lines of the log of %s:\n  %s", e.Process, strings.ReplaceAll(e.Log, "\n", "\n  "))
	case e.Process != "":
		text += fmt.Sprintf("\nthe log of %s is empty", e.Process)
	}
	return text
}

// exception is the last line of a traceback.
var exception = regexp.MustCompile(`(?m)^([A-Za-z_][\w.]*(?:Error|Exception|ImproperlyConfigured|AppRegistryNotReady)` +
	`(?:: .*)?)$`)

// raised is the exception that a log ends with; "" if it has none.
func raised(log string) string {
	all := exception.FindAllString(log, -1)
	if len(all) == 0 {
		return ""
	}
	return strings.TrimSpace(all[len(all)-1])
}

func (e *BootError) Unwrap() error { return e.Err }
