package loadgen

import (
	"fmt"
	"strings"

	"bench/results"
)

// judgeFailures names what failed, and why.
func judgeFailures(p Plan, m Measurement, add addFunc) {
	c := m.Counts
	if c.Sent == 0 {
		add(results.Invalid, "nothing-sent", "no request was sent", "Use a longer duration or a higher rate.")
		return
	}
	if c.OK == 0 {
		add(results.Invalid, results.NoSuccess, "no request got a successful response",
			"Check the server's log and the counts of each class.")
	}
	if m.Limited > 0 {
		add(results.Invalid, "generator-limits", fmt.Sprintf(
			"%d connections could not be opened because this machine had no file or port left for them", m.Limited),
			"Raise the limit on open files (ulimit -n 20000), use fewer connections, or keep them alive.")
	}
	failed := c.HTTPError + c.BadBody + c.ConnectError + c.Reset + c.Timeout
	if failed == 0 {
		return
	}
	g, limit := results.Valid, ""
	if failed*100 > c.Sent && len(p.Incidents) == 0 {
		g = results.Degraded
	}
	if p.MaxErrors > 0 && float64(failed) > p.MaxErrors*float64(c.Sent) {
		g, limit = results.Invalid, fmt.Sprintf(", more than %g %%", 100*p.MaxErrors)
	}
	if c.OK == 0 && failed == c.Sent {
		g = results.Invalid
	}
	why, hint := whyFailed(m.Reasons)
	add(g, "wrong-answers", fmt.Sprintf("%d of %d requests failed%s%s", failed, c.Sent, limit, why), hint)
}

// mostReasons limits how many reasons a sentence names.
const mostReasons = 3

// whyFailed is the most frequent reasons, and what to do about the first of them.
func whyFailed(reasons []results.Reason) (why, hint string) {
	hint = "Check the server's log."
	named := 0
	for _, r := range reasons {
		if !r.Failed() || named == mostReasons {
			continue
		}
		if named++; named == 1 {
			hint = hintFor(r)
		}
		why += []string{": ", "; "}[min(1, named-1)] + r.String()
	}
	return why, hint
}

// hints are what to do about reasons, found by words of the system.
var hints = []struct{ words, hint string }{
	{"unknown authority", "Name the authority with --cacert FILE, or do not verify certificates (--insecure)."},
	{"certificate", "Name the authority with --cacert FILE, ask for the host in the certificate, or use --insecure."},
	{"tls:", "Check that the port speaks TLS (https) and which versions it accepts."},
	{"connection refused", "Nothing listens there: start the server, or check the port."},
	{"no such file", "There is no such socket: start the server, or check its path."},
	{"resource temporarily unavailable", "The socket's listen queue was full: raise the server's backlog."},
}

func hintFor(r results.Reason) string {
	for _, known := range hints {
		if strings.Contains(r.Text, known.words) {
			return known.hint
		}
	}
	return "Check the server's log."
}
