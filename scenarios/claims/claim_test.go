package claims_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bench/results"
	"bench/scenarios"
	"bench/scenarios/claims"
	"bench/targets"
)

// valid is a claim without a mistake.
const valid = `claim: two workers do more than one
source: me
arms:
  - {name: one, topology: 'uwsgi:workers=1'}
  - {name: two, topology: 'uwsgi:workers=2'}
  - name: many
    topology: uwsgi
    sweep: {threads: [1, 8]}
steps:
  - name: work
    load: {scenario: cpu, connections: 8, duration: 1s}
  - name: quiet
    load: {scenario: page, rate: 20/s, duration: 2s}
  - name: nothing
    idle: {for: 1s}
  - name: asked
    requests:
      - {name: etag, path: /static/shop/s1k.css, expect: {status: 200, headers: {ETag: '.'}}}
      - {name: again, path: /static/shop/s1k.css, headers: {If-None-Match: '{etag.ETag}'}, expect: {status: 304}}
predictions:
  - {name: more, says: more, measure: throughput, of: two, to: one, during: work, at_least: 1.5}
  - {name: same, says: same, measure: p50, of: two, to: one, during: quiet, within: 1ms}
  - {name: all, says: all pass, of: two, during: asked, passes: all}
  - {name: big, says: big, measure: memory, of: two, during: nothing, at_most: 500MiB}
  - {name: grows, says: grows, measure: throughput, of: many, to: one, during: work, at_least: 1.5}
verdicts: {confirmed: 'They do {more} as much.', refuted: 'They do {more}.', depends: 'It turns {turning}.'}
`

func parse(text string) (claims.Claim, error) {
	return claims.Parse("mine", "mine.yaml", []byte(text), "")
}

func TestParse(t *testing.T) {
	c, err := parse(valid)
	if err != nil {
		t.Fatal(err)
	}
	var arms, rules []string
	for _, a := range c.Arms {
		arms = append(arms, a.Name+" "+a.Topology.String())
	}
	for _, p := range c.Predictions {
		rules = append(rules, p.Name+" "+p.Rule)
	}
	wantArms := []string{"one uwsgi:workers=1", "two uwsgi:workers=2", "many-threads-1 uwsgi:threads=1",
		"many-threads-8 uwsgi:threads=8"}
	wantRules := []string{"more difference", "same equivalence", "all matrix", "big difference", "grows-1 difference",
		"grows-8 difference"}
	if !slices.Equal(arms, wantArms) || !slices.Equal(rules, wantRules) {
		t.Errorf("arms %q, rules %q", arms, rules)
	}
	if p := c.Predictions[5]; p.Sweep != "grows" || p.Param != "threads" || p.At != 8 || p.Of != "many-threads-8" {
		t.Errorf("the last of the sweep: %+v", p)
	}
	if got := c.Predictions[1].Within; got != 1000 {
		t.Errorf("within 1ms is %g µs", got)
	}
	if steps := c.StepsOf(c.Arms[3]); len(steps) != 1 || steps[0].Name != "work" {
		t.Errorf("an arm gets the steps that predictions about it speak of: %+v", steps)
	}
}

// Every mistake is reported at its line, with what is wanted. Each row replaces a text of the valid claim.
func TestMistakes(t *testing.T) {
	for _, row := range []struct{ old, text, at, want string }{
		{"claim: two", "clam: two", "[1:1]", `unknown field "clam"`},
		{"source: me\n", "", "", "source: it is missing"},
		{"source: me\n", "source: me\nservices: [postgers]\n", "line 3", "postgres"},
		{"'uwsgi:workers=1'", "'uwsg:workers=1'", "line 4", "uwsg"},
		{"'uwsgi:workers=1'", "'uwsgi:wrokers=1'", "line 4", "wrokers"},
		{"'uwsgi:workers=1'", "'uwsgi:workers=none'", "line 4", "none"},
		{"'uwsgi:workers=1'", "'url:http://127.0.0.1:1'", "line 4", "bench boots"},
		{"name: two,", "name: one,", "line 5", "two arms"},
		{"name: two,", "name: 'a b/',", "line 5", "want letters"},
		{"{threads: [1, 8]}", "{threads: [8, 1]}", "line 8", "ascending"},
		{"{threads: [1, 8]}", "{threads: [1]}", "line 8", "1 values"},
		{"{threads: [1, 8]}", "{threats: [1, 8]}", "line ", "threats"},
		{"scenario: cpu", "scenario: cpus", "line 11", "page"},
		{"duration: 1s", "duration: 1 second", "line 11", "such as 2s"},
		{"duration: 1s", "duration: 1000h", "line 11", "such as 2s"},
		{"connections: 8", "connections: -8", "line 11", "want 1 to"},
		{"rate: 20/s", "rate: 20/m", "line 13", "such as 20/s"},
		{"rate: 20/s, duration: 2s", "rate: 20/s, duration: 2s, lead_in: 3s", "line 13", "want a duration from 0s to 1.8s"},
		{"connections: 8, duration: 1s", "connections: 8, duration: 1s, lead_in: 1s", "line 11", "want a duration"},
		{"source: me\n", "source: me\ninterpreter: /usr/bin/python3\n", "line 3", "and no path"},
		{"measure: p50, of: two", "measure: connection_memory, of: two", "line 22", "adds no connections"},
		{"rate: 20/s", "rate: 1/s", "line 22", "want at least 20"},
		{"idle: {for: 1s}", "sleep: {for: 1s}", "[15:", `unknown field "sleep"`},
		{"idle: {for: 1s}", "idle: {for: 1s}\n    load: {scenario: cpu, duration: 1s}", "line ", "2 kinds"},
		{"{etag.ETag}", "{tag.ETag}", "line 19", "not an earlier check"},
		{"{ETag: '.'}", "{ETag: '['}", "line 18", "missing closing ]"},
		{"path: /static/shop/s1k.css, expect", "path: static, expect", "line 18", "slash"},
		{"measure: throughput", "measure: speed", "line 21", "want one of throughput"},
		{"measure: memory", "measure: p50", "line 24", "gives no p50"},
		{"of: two, to: one, during: work", "of: three, to: one, during: work", "line 21", "want one of many, one, two"},
		{"of: two, to: one, during: work", "of: two, to: two, during: work", "line 21", "itself"},
		{"of: two, to: one, during: work", "of: two, to: many, during: work", "line 21", "swept"},
		{"of: two, to: one, during: work", "of: two, to: one, during: works", "line 21", "want one of work"},
		{"during: work, at_least: 1.5}", "during: work}", "line 21", "cannot be decided"},
		{"during: work, at_least: 1.5}", "during: work, at_least: 0}", "line 21", "such as 1.5"},
		{"during: work, at_least: 1.5}", "during: work, at_least: .nan}", "line 21", "such as 1.5"},
		{"during: work, at_least: 1.5}", "during: work, at_least: 3, at_most: 2}", "line 21", "nothing can be both"},
		{"during: work, at_least: 1.5}", "during: work, at_least: 3, within: 5%}", "line 21", "one question"},
		{"within: 1ms", "within: 1 ms", "line 22", "not a time"},
		{"within: 1ms", "within: 0ms", "line 22", "exactly the same"},
		{"within: 1ms", "within: 120%", "line 22", "such as 5%"},
		{"to: one, during: quiet", "during: quiet", "line 22", "nothing to be equivalent to"},
		{"passes: all", "passes: gzip", "line 23", "want one of etag, again, all"},
		{"during: asked, passes: all", "during: work, passes: all", "line 23", "has no checks"},
		{"passes: all", "passes: all, at_most: 1", "line 23", "pass or fail"},
		{"at_most: 500MiB", "at_most: 500ms", "line 24", "such as 64MiB"},
		{"'It turns {turning}.'", "'It turns {truning}.'", "line 26", "want one of turning, more"},
		{"refuted: 'They do {more}.', ", "", "line 26",
			"refuted has no text: want a sentence for each of confirmed, refuted, depends"},
		{"depends:", "depend:", "line 26", "not a verdict"},
	} {
		if !strings.Contains(valid, row.old) {
			t.Fatalf("the valid claim has no %q", row.old)
		}
		_, err := parse(strings.Replace(valid, row.old, row.text, 1))
		var mistake *claims.Error
		if !errors.As(err, &mistake) || !strings.HasPrefix(err.Error(), "mine.yaml") ||
			!strings.Contains(err.Error(), row.at) || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v; want an error at %q with %q", row.text, err, row.at, row.want)
		}
	}
}

// What bench claims by itself is read without a mistake, and every verdict has a text.
func TestEmbeddedClaims(t *testing.T) {
	files, err := fs.Glob(os.DirFS("."), "*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(file, ".yaml")
		c, err := claims.Named(name)
		if err != nil {
			t.Error(err)
			continue
		}
		if c.Order == 0 || c.About == "" {
			t.Errorf("%s: an embedded claim has an order, and says what one has to know", file)
		}
		for _, arm := range c.Arms {
			if len(c.StepsOf(arm)) == 0 {
				t.Errorf("%s: no prediction is about %s", file, arm.Name)
			}
		}
	}
	if usual := claims.Usual(); len(usual) >= len(files) || slices.Contains(usual, "connection-ladder") {
		t.Errorf("a ladder of a hundred thousand connections is climbed only if it is asked for: %q", usual)
	}
	if len(claims.Names()) != len(files) {
		t.Errorf("%d names of %d files", len(claims.Names()), len(files))
	}
}

// A user's own claim is a file, and may be about another app, where page is that app's own mix.
func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "my claim.yaml")
	onPage := strings.ReplaceAll(valid, "scenario: cpu", "scenario: page")
	if err := os.WriteFile(path, []byte(onPage), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := claims.File(path)
	if err != nil || c.Name != results.FileName("my claim") {
		t.Fatal(c.Name, err)
	}
	own := scenarios.Scenario{Name: "mix", Mix: targets.Mix{Targets: []targets.Target{{Name: "mine", Path: "/mine"}}}}
	on, can := c.On(own)
	if !can || on.Steps[0].Does.Scenarios()[0].Mix.Targets[0].Path != "/mine" {
		t.Errorf("page of another app: %v, %s", can, on.Steps[0].Does.About())
	}
	if c.Steps[0].Does.Scenarios()[0].Mix.Targets[0].Path == "/mine" {
		t.Error("the claim itself was changed")
	}
	if about, err := parse(valid); err != nil {
		t.Error(err)
	} else if _, can := about.On(own); can {
		t.Error("a claim about pages of the bundled project can be tested on another")
	}
}

// What an owner would ask about an app of their own can be asked about it.
func TestClaimsAboutAnotherApp(t *testing.T) {
	own := scenarios.Scenario{Name: "mix", Mix: targets.Mix{Targets: []targets.Target{{Name: "mine", Path: "/mine"}}}}
	for _, name := range []string{
		"low-memory", "small-sites", "slow-clients", "many-connections", "connection-ladder", "several-machines",
		"kept-running", "hot-reload", "gunicorn-instead",
	} {
		c, err := claims.Named(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, can := c.On(own); !can {
			t.Errorf("%s is about pages of the bundled project only", name)
		}
	}
}
