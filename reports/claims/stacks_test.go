package claims_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	reports "bench/reports/claims"
	"bench/results"
	"bench/scenarios/claims"
)

// world is a truth: the value of each arm, step and measure, and the checks of an arm and a step that fail.
type world map[string]float64

const fails = "fails"

// with is the world with something else true.
func (w world) with(pairs ...any) world {
	other := maps.Clone(w)
	for i := 0; i < len(pairs); i += 2 {
		switch v := pairs[i+1].(type) {
		case float64:
			other[pairs[i].(string)] = v
		case int:
			other[pairs[i].(string)] = float64(v)
		}
	}
	return other
}

// found is what an experiment of six blocks sees in the world, with a scatter of a hundredth.
func (w world) found(t *testing.T, c claims.Claim) (found results.ClaimsFindings) {
	t.Helper()
	for _, p := range c.Predictions {
		for _, arm := range []string{p.Of, p.To} {
			if arm == "" {
				continue
			}
			key := fmt.Sprintf("%s/%s/%s", arm, p.During, p.Measure)
			if p.Measure == "" {
				key = fmt.Sprintf("%s/%s/%s", arm, p.During, fails)
			}
			value, known := w[key]
			if !known {
				t.Fatalf("%s: the world has no %s", c.Name, key)
			}
			for block := range 6 {
				scatter := 1 + 0.01*float64(block%3-1)
				if p.Measure == "" {
					found.Checks = append(found.Checks, results.ClaimCheck{
						Topology: arm, Step: p.During, Block: block, Name: "check", Passed: value == 0,
					})
					continue
				}
				found.Observations = append(found.Observations, results.Observation{
					Topology: arm, Step: p.During, Block: block, Measure: p.Measure, Value: value * scatter,
				})
			}
		}
	}
	return found
}

// verdict is that on a claim in a world.
func (w world) verdict(t *testing.T, c claims.Claim) (verdict, reason string) {
	t.Helper()
	claim := results.Claim{Name: c.Name, Claim: c.Claim, Predictions: c.Predictions, Verdicts: c.Verdicts}
	for _, arm := range c.Arms {
		claim.Arms = append(claim.Arms, results.ClaimArm{Name: arm.Name, Topology: arm.Name})
	}
	spec, err := json.Marshal(results.ClaimsSpec{Preset: "quick", Claims: []results.Claim{claim}})
	if err != nil {
		t.Fatal(err)
	}
	findings, err := json.Marshal(w.found(t, c))
	if err != nil {
		t.Fatal(err)
	}
	report, err := reports.Build(&results.Run{
		Manifest: results.Manifest{Kind: results.KindClaims, Spec: spec, Findings: findings},
	})
	if err != nil {
		t.Fatal(err)
	}
	return report.Claims[0].Verdict, report.Claims[0].Reason
}

// Each claim about proxies, caches and other stacks is decided as its world is, and otherwise in a world in which
// one thing is the other way round.
func TestVerdictsFollowTheWorld(t *testing.T) {
	bytes := world{
		"uwsgi-counted/plain/bytes_to_app": 353, "http-counted/plain/bytes_to_app": 148,
		"uwsgi-counted/browser/bytes_to_app": 750, "http-counted/browser/bytes_to_app": 525,
		"uwsgi/page/throughput": 1000, "http/page/throughput": 1000,
	}
	static := world{
		"nginx/small/throughput": 20000, "runserver/small/throughput": 800,
		"uwsgi/small/throughput": 6000, "nginx/large/cpu": 2000, "uwsgi/large/cpu": 4000, "nginx/files/fails": 0,
		"nginx/page/throughput": 3000, "uwsgi/page/throughput": 2000,
	}
	cache := world{
		"cache/zipf/throughput": 30000, "none/zipf/throughput": 1200, "cache/zipf/reached": 0.002,
		"lock/stampede/reached": 0.003, "cache/stampede/reached": 0.03, "cache/rules/fails": 0,
	}
	balance := world{
		"four/busy/throughput": 100, "one/busy/throughput": 100, "four/busy/fairness": 0.99,
		"in-turn/mixed/p90": 200_000, "four/mixed/p90": 20_000,
	}
	apps := world{
		"emperor/apps/fails": 0, "noisy/both/p50": 2500, "quiet/both/p50": 2000, "noisy/both/failed": 0,
		"emperor/resting/memory": 120e6, "apart/resting/memory": 115e6,
	}
	apache := world{
		"apache/page/throughput": 900, "nginx/page/throughput": 1000, "apache/files/throughput": 9000,
		"nginx/files/throughput": 15000, "apache/resting/memory": 120e6, "nginx/resting/memory": 100e6,
		"apache/does/fails": 0,
	}
	machines := world{
		"two/work/throughput": 200, "one/work/throughput": 100, "two/work/fairness": 0.99, "in-turn/work/throughput": 195,
	}
	crowd := world{
		"nginx/fifty/held": 60_000, "nginx/fifty/lost": 0, "nginx/fifty/p50": 1200, "nginx/fifty/connection_memory": 550,
		"router/fifty/lost": 120, "runserver/thousand/connection_memory": 25_000,
	}
	async := world{
		"uvicorn/wait/throughput": 1200, "few/wait/throughput": 160, "many/wait/throughput": 900, "uvicorn/wait/threads": 8,
	}
	kept := world{
		"kept/json/throughput": 1300, "closed/json/throughput": 1000, "kept/json/cpu": 800, "closed/json/cpu": 1000,
		"kept/some/p50": 2000, "closed/some/p50": 2100,
	}
	unlocked := world{"one/work/throughput": 100, "eight/work/throughput": 180, "eight/unlocked/fails": 0}
	smaller := []any{"uwsgi-counted/plain/bytes_to_app", 100, "uwsgi-counted/browser/bytes_to_app", 400}
	for _, row := range []struct {
		claim, verdict string
		world          world
	}{
		{"uwsgi-protocol", results.Refuted, bytes},
		{"uwsgi-protocol", results.Depends, bytes.with(smaller...)},
		{"uwsgi-protocol", results.Confirmed, bytes.with(append(smaller, "uwsgi/page/throughput", 1300)...)},
		{"uwsgi-protocol-gunicorn", results.Refuted, bytes},
		{"uwsgi-protocol-gunicorn", results.Depends, bytes.with("uwsgi/page/throughput", 1300)},
		{"static-files", results.Confirmed, static},
		{"static-files", results.Depends, static.with("uwsgi/small/throughput", 15000)},
		{"static-files", results.Depends, static.with("nginx/files/fails", 1)},
		{"static-files", results.Refuted, static.with("nginx/small/throughput", 700, "nginx/large/cpu", 5000,
			"nginx/page/throughput", 1000, "nginx/files/fails", 1)},
		{"page-cache", results.Confirmed, cache},
		{"page-cache", results.Depends, cache.with("cache/rules/fails", 1)},
		{"page-cache", results.Depends, cache.with("lock/stampede/reached", 0.03)},
		{"page-cache", results.Refuted, cache.with("cache/zipf/throughput", 1200, "cache/zipf/reached", 1,
			"lock/stampede/reached", 0.03, "cache/rules/fails", 1)},
		{"balancing", results.Depends, balance},
		{"balancing", results.Confirmed, balance.with("four/busy/throughput", 150)},
		{"balancing", results.Refuted, balance.with("four/busy/fairness", 0.5, "in-turn/mixed/p90", 20_000)},
		{"several-machines", results.Confirmed, machines},
		{"several-machines", results.Depends, machines.with("two/work/throughput", 120)},
		{"several-machines", results.Refuted, machines.with("two/work/throughput", 120, "two/work/fairness", 0.5,
			"in-turn/work/throughput", 60)},
		{"many-connections", results.Confirmed, crowd},
		{"many-connections", results.Depends, crowd.with("nginx/fifty/held", 16_000, "nginx/fifty/lost", 90)},
		{"many-connections", results.Depends, crowd.with("runserver/thousand/connection_memory", 600)},
		{"many-connections", results.Refuted, crowd.with("nginx/fifty/held", 16_000, "nginx/fifty/lost", 90,
			"nginx/fifty/p50", 2e6, "nginx/fifty/connection_memory", 30_000, "router/fifty/lost", 0,
			"runserver/thousand/connection_memory", 600)},
		{"async-views", results.Confirmed, async},
		{"async-views", results.Depends, async.with("many/wait/throughput", 1200)},
		{"async-views", results.Refuted, async.with("uvicorn/wait/throughput", 160, "uvicorn/wait/threads", 130)},
		{"upstream-keepalive", results.Confirmed, kept},
		{"upstream-keepalive", results.Depends, kept.with("kept/some/p50", 4000)},
		{"upstream-keepalive", results.Refuted, kept.with("kept/json/throughput", 1000, "kept/json/cpu", 1000,
			"kept/some/p50", 4000)},
		{"free-threading", results.Confirmed, unlocked},
		{"free-threading", results.Refuted, unlocked.with("eight/work/throughput", 95, "eight/unlocked/fails", 1)},
		{"many-apps", results.Confirmed, apps},
		{"many-apps", results.Depends, apps.with("noisy/both/p50", 12_000)},
		{"many-apps", results.Depends, apps.with("noisy/both/failed", 3)},
		{"apache", results.Confirmed, apache},
		{"apache", results.Depends, apache.with("apache/page/throughput", 500)},
		{"apache", results.Refuted, apache.with("apache/page/throughput", 500, "apache/files/throughput", 3000,
			"apache/resting/memory", 200e6, "apache/does/fails", 1)},
	} {
		c, err := claims.Named(row.claim)
		if err != nil {
			t.Fatal(err)
		}
		verdict, reason := row.world.verdict(t, c)
		if verdict != row.verdict || strings.Contains(reason, "{") {
			t.Errorf("%s: %s (%s); want %s in the world %v", row.claim, verdict, reason, row.verdict, row.world)
		}
	}
}
