package discover

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// Group is what became of a route when it was asked.
type Group string

// The groups, in the order in which they are reported.
const (
	Answers   Group = "answers"
	Redirects Group = "redirects"
	Login     Group = "asks for a login"
	Refuses   Group = "refuses (4xx)"
	Fails     Group = "fails (5xx or an exception)"
)

// Groups lists them all.
func Groups() []Group { return []Group{Answers, Redirects, Login, Refuses, Fails} }

var loginPath = regexp.MustCompile(`(?i)log-?_?in|sign-?_?in|/auth/|/oauth|/sso`)

// group says what became of a route. The login URL is the project's own; empty: unknown.
func (r Route) group(loginURL string) Group {
	to, _, _ := strings.Cut(r.Location, "?")
	switch {
	case r.Failure != nil || r.Status == 0 || r.Status >= 500:
		return Fails
	case r.Status == 401 || r.Status >= 300 && r.Status < 400 && isLogin(to, loginURL):
		return Login
	case r.Status >= 300 && r.Status < 400:
		return Redirects
	case r.Status >= 400:
		return Refuses
	}
	return Answers
}

func isLogin(path, loginURL string) bool {
	return loginPath.MatchString(path) ||
		loginURL != "" && strings.HasSuffix(strings.TrimSuffix(path, "/"), strings.TrimSuffix(loginURL, "/"))
}

// Pick is a route that the proposed mix requests.
type Pick struct {
	Route
	Target string // its name in the mix
	Weight int
	Speed  string
}

// mostPicks is the number of requests in a proposed mix.
const mostPicks = 8

// Speeds of a response, by how long the app worked on it.
var speeds = []struct {
	below float64 // milliseconds
	name  string
}{{5, "fast"}, {50, "medium"}, {1e9, "slow"}}

func speed(ms float64) string {
	for _, s := range speeds {
		if ms < s.below {
			return s.name
		}
	}
	return "slow"
}

// minor are routes that visitors seldom want: they are picked last.
var minor = regexp.MustCompile(`(?i)(^|/)(admin|django-admin|swagger|redoc|docs|openapi|schema|sitemap|robots|` +
	`favicon|feed|rss|health[\w-]*|ping|status|livez|readyz|metrics|debug|` +
	`log-?_?in|sign-?_?(in|up)|register|__\w+__|jsi18n|static|media|\.well-known|password\w*|i18n)`)

func isMinor(path string) bool { return minor.MatchString(path) || healthPath.MatchString(path) }

// digits are what differs between paths of one view, where its name is not known.
var digits = regexp.MustCompile(`\d+`)

// pick proposes a mix: routes that answer, at most one per view, of every speed. The front page comes
// first, and counts most.
func pick(routes []Route, loginURL string) (picks []Pick) {
	bySpeed := map[string][]Route{}
	seen := map[string]bool{}
	for _, r := range slices.SortedStableFunc(slices.Values(routes), preference) {
		key := cmp.Or(r.Name, digits.ReplaceAllString(r.Path, "N"))
		if r.group(loginURL) != Answers || seen[key] || r.Status != 200 {
			continue
		}
		seen[key] = true
		bySpeed[speed(r.MS)] = append(bySpeed[speed(r.MS)], r)
	}
	var chosen []Route
	for len(chosen) < mostPicks {
		before := len(chosen)
		for _, s := range speeds { // in turn, so that a mix of a few requests has all of them
			if list := bySpeed[s.name]; len(list) > 0 && len(chosen) < mostPicks {
				chosen, bySpeed[s.name] = append(chosen, list[0]), list[1:]
			}
		}
		if len(chosen) == before {
			break
		}
	}
	if hasMajor(chosen) {
		chosen = slices.DeleteFunc(chosen, func(r Route) bool { return isMinor(r.Path) })
	}
	slices.SortStableFunc(chosen, preference)
	names := map[string]int{}
	for _, r := range chosen {
		p := Pick{Route: r, Target: targetName(r), Weight: 2, Speed: speed(r.MS)}
		switch {
		case r.Path == "/":
			p.Weight = 3
		case p.Speed == "slow":
			p.Weight = 1
		}
		if names[p.Target]++; names[p.Target] > 1 {
			p.Target += "-" + string(rune('0'+names[p.Target]))
		}
		picks = append(picks, p)
	}
	return picks
}

func hasMajor(routes []Route) bool {
	return slices.ContainsFunc(routes, func(r Route) bool { return !isMinor(r.Path) })
}

// preference sorts routes by how likely visitors want them.
func preference(a, b Route) int {
	rank := func(r Route) int {
		switch {
		case r.Path == "/":
			return 0
		case isMinor(r.Path):
			return 3
		case r.Kind == "link":
			return 2
		}
		return 1
	}
	level := func(r Route) int { return strings.Count(strings.Trim(r.Path, "/"), "/") }
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(level(a), level(b)))
}

var notInName = regexp.MustCompile(`[^A-Za-z0-9_.-]+`)

// targetName is a short name for a route: its view's, or made from its path.
func targetName(r Route) string {
	name := r.Name
	if strings.ContainsAny(name, ".<") || strings.HasSuffix(strings.ToLower(name), "view") {
		name = ""
	}
	path, _, _ := strings.Cut(r.Path, "?")
	name = cmp.Or(name, strings.Trim(path, "/"), "home")
	name = strings.Trim(notInName.ReplaceAllString(name, "-"), "-.")
	if len(name) > 40 {
		name = name[:40]
	}
	return cmp.Or(name, "page")
}

var healthPath = regexp.MustCompile(`(?i)(^|/)(health[\w-]*|ping|livez|readyz|alive|up|heartbeat|status)/?$`)

// health is the path by which a boot is known to work: one made for that, else the front page, else what
// answers fastest.
func health(routes []Route, picks []Pick) string {
	best := ""
	var fastest float64
	for _, r := range routes {
		if r.Failure != nil || r.Status < 200 || r.Status >= 400 {
			continue
		}
		switch {
		case r.Status == 200 && healthPath.MatchString(r.Path):
			return r.Path
		case r.Path == "/" && r.Status == 200:
			best, fastest = "/", -1
		case best == "" || r.MS < fastest:
			best, fastest = r.Path, r.MS
		}
	}
	if fastest >= 0 && len(picks) > 0 {
		return picks[0].Path // a redirect is quicker, and says less
	}
	return best
}
