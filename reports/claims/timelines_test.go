package claims_test

import (
	"testing"

	"bench/results"
	"bench/scenarios/claims"
)

// Each claim that a timeline tests is decided as its world is, and otherwise in a world in which one thing is
// the other way round: an nginx that does not buffer, a reload that loses requests, nobody who keeps the app
// running.
func TestVerdictsFollowWhatHappened(t *testing.T) {
	slow := world{
		"nginx/headers/lost": 0, "nginx/bodies/lost": 0, "nginx/readers/lost": 0, "socket/headers/lost": 50,
		"router/bodies/lost": 50, "few/bodies/lost": 40, "nginx/downloads/lost": 0, "router/downloads/lost": 50,
	}
	over := world{
		"pair/get/lost": 0, "pair/post/lost": 1, "pair/get/recovery": 50_000, "alone/get/lost": 48,
	}
	reload := world{
		"nginx/hup/lost": 0, "nginx/touch/lost": 0, "chain/touch/lost": 0, "nginx/proxy/lost": 0, "gunicorn/hup/lost": 0,
		"router/hup/lost": 0, "chain/touch/gap": 50_000, "nginx/touch/gap": 500_000, "rolling/roll/lost": 0,
		"gunicorn/upgrade/lost": 0,
	}
	kept := world{
		"alone/worker/recovery": 300_000, "alone/master/lost": 250, "supervised/master/recovery": 1_200_000,
	}
	overload := world{
		"uwsgi/twice/throughput": 39, "nginx/twice/throughput": 39, "uwsgi/after/p50": 55_000, "nginx/after/p50": 55_000,
	}
	for _, row := range []struct {
		says, claim, verdict string
		world                world
	}{
		{"a proxy that buffers", "slow-clients", results.Confirmed, slow},
		{"one that does not", "slow-clients", results.Depends, slow.with("nginx/headers/lost", 50, "nginx/bodies/lost", 50)},
		{"nothing that anybody does about slow clients matters", "slow-clients", results.Refuted, slow.with(
			"nginx/headers/lost", 5, "nginx/bodies/lost", 5, "nginx/readers/lost", 5, "socket/headers/lost", 0,
			"router/bodies/lost", 0, "few/bodies/lost", 0, "nginx/downloads/lost", 9, "router/downloads/lost", 9)},
		{"the other instance takes over", "fail-over", results.Confirmed, over},
		{"POST requests that wait in a queue are lost, too", "fail-over", results.Depends, over.with("pair/post/lost", 9)},
		{"nobody takes over", "fail-over", results.Refuted, over.with("pair/get/lost", 48, "pair/post/lost", 48,
			"pair/get/recovery", 2_400_000, "alone/get/lost", 0)},
		{"nothing is lost", "hot-reload", results.Confirmed, reload},
		{"uWSGI's router closes connections", "hot-reload", results.Depends, reload.with("router/hup/lost", 12)},
		{"an upgrade ends what it started", "hot-reload", results.Depends, reload.with("gunicorn/upgrade/lost", 240)},
		{"a chain reload stops all workers at once", "hot-reload", results.Depends, reload.with("chain/touch/gap", 500_000)},
		{"somebody restarts the master", "kept-running", results.Confirmed, kept},
		{"nobody does", "kept-running", results.Depends, kept.with("supervised/master/recovery", 6_400_000)},
		{"workers wait for each other", "overload", results.Depends, overload.with("uwsgi/twice/throughput", 10)},
		{"it holds", "overload", results.Confirmed, overload},
		{"it breaks down, and stays down", "overload", results.Refuted, overload.with("uwsgi/twice/throughput", 10,
			"nginx/twice/throughput", 10, "uwsgi/after/p50", 900_000, "nginx/after/p50", 900_000)},
	} {
		c, err := claims.Named(row.claim)
		if err != nil {
			t.Fatal(err)
		}
		if verdict, reason := row.world.verdict(t, c); verdict != row.verdict {
			t.Errorf("%s, %s: %s; want %s: %s", row.claim, row.says, verdict, row.verdict, reason)
		}
	}
}
