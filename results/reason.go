package results

import (
	"fmt"
	"net/http"
	"strings"
)

// Reason is why requests ended as they did: those of one class and status code, with the first of them
// as an example. Ordinary successful responses have none, redirects that count as successful do.
type Reason struct {
	Class   string `json:"class"`
	Status  int    `json:"status,omitempty"` // of a complete response
	Count   uint64 `json:"count"`
	Request string `json:"request"`          // the first one, such as GET /nosuch
	Text    string `json:"reason,omitempty"` // its reason, where class and status do not say it
}

// Failed reports whether it is a reason of failures.
func (r Reason) Failed() bool { return r.Class != OK.String() }

// String is the reason in a line, such as "1480 × 404 Not Found; first: GET /nosuch".
func (r Reason) String() string {
	what := r.Class
	switch {
	case r.Status > 0 && r.Class == BadBody.String():
		what = fmt.Sprintf("%d with a bad body", r.Status)
	case r.Status > 0:
		what = strings.TrimSpace(fmt.Sprintf("%d %s", r.Status, http.StatusText(r.Status)))
	}
	text := fmt.Sprintf("%d × %s", r.Count, what)
	if r.Text != "" {
		text += ": " + r.Text
	}
	return text + "; first: " + r.Request
}
