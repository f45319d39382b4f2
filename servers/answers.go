package servers

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// statusError is a response of the health path that does not show health.
type statusError struct {
	status   int
	location string // of a redirect
}

func (e statusError) Error() string {
	text := fmt.Sprintf("status %d %s", e.status, http.StatusText(e.status))
	if e.location != "" {
		text += " to " + e.location
	}
	return text
}

// health is nil for a response that shows that the app works. A redirect does, unless it leads to the same
// path over https: then every response is such a redirect.
func health(response *http.Response, path string) error {
	location := response.Header.Get("Location")
	secure := strings.HasPrefix(location, "https://") && strings.HasSuffix(location, path)
	if response.StatusCode >= 200 && response.StatusCode <= 399 && !secure {
		return nil
	}
	return statusError{response.StatusCode, location}
}

// How long the same response has to come before it counts as the app's answer and not as a start.
const (
	steadyRefusal = time.Second
	steadyFailure = 5 * time.Second // with 500, which may be a database that is still starting
)

// patience is how long this response may come again and again; 0: as long as the boot may take, since it
// says that something else is not ready, or that one should try again.
func (e statusError) patience() time.Duration {
	later := []int{
		http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
	}
	switch {
	case slices.Contains(later, e.status):
		return 0
	case e.status >= 500:
		return steadyFailure
	}
	return steadyRefusal
}

// steady notices when the health path gives the same wrong response for long.
type steady struct {
	response statusError
	since    time.Time
}

// add notes a response and reports whether it has come for longer than patience allows.
func (s *steady) add(e statusError, at time.Time) bool {
	if e != s.response {
		s.response, s.since = e, at
	}
	limit := e.patience()
	return limit > 0 && at.Sub(s.since) >= limit
}

// meanings are what a status of the health path means; the first that fits counts. In the texts, HOST is
// the host of the request, and PATH the health path.
var meanings = []struct {
	status      func(statusError) bool
	means, hint string
}{
	{func(e statusError) bool { return e.status >= 300 && e.status <= 399 },
		"every request is redirected to https",
		"Switch that off in bench.yaml: app.override: {SECURE_SSL_REDIRECT: false}; or send the header that " +
			"SECURE_PROXY_SSL_HEADER names: app.health: {path: PATH, headers: {X-Forwarded-Proto: https}}, and in the mix."},
	{func(e statusError) bool { return e.status == http.StatusBadRequest },
		"the app answers 400 to a request for HOST",
		"If ALLOWED_HOSTS does not have it, name a host that it has with app.host in bench.yaml, or replace the " +
			"setting: app.override: {ALLOWED_HOSTS: [\"*\"]}."},
	{func(e statusError) bool {
		return e.status == http.StatusUnauthorized || e.status == http.StatusForbidden
	},
		"the health path PATH wants a login or a header",
		"Set app.health in bench.yaml to a path that answers anybody, or give it the header: " +
			"app.health: {path: PATH, headers: {NAME: VALUE}}."},
	{func(e statusError) bool { return e.status == http.StatusNotFound },
		"the app has no page at the health path PATH",
		"Set app.health in bench.yaml to a path that answers 2xx or 3xx, such as one of the mix."},
	{func(statusError) bool { return true },
		"the app's health path PATH answers with an error",
		"Set app.health in bench.yaml to a path that answers 2xx or 3xx; if it should, the log may say why it does not."},
}

// meaning explains a status of the health path.
func (b Blueprint) meaning(e statusError) (diagnostic, hint string) {
	host := b.HealthHeader["Host"]
	if host == "" {
		host = strings.TrimPrefix(b.URL, "http://")
	}
	fill := strings.NewReplacer("HOST", host, "PATH", b.Health).Replace
	for _, m := range meanings {
		if m.status(e) {
			return fill(m.means), strings.ReplaceAll(m.hint, "PATH", b.Health)
		}
	}
	return "", "" // not reached: the last one fits all
}
