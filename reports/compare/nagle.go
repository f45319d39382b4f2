package compare

import (
	"fmt"

	"bench/reports/page"
	"bench/results"
)

// A response written in several small pieces with Nagle's algorithm on waits for the client's
// delayed acknowledgement: 40 ms on Linux (TCP_DELACK_MIN), plus a little for the response itself.
// The delay counts as shown when at least this share of the responses on keep-alive connections lies
// in that band, and at most half of that share on new connections, where the client acknowledges at
// once.
const (
	nagleLow   = 37_000 // µs
	nagleHigh  = 54_000
	nagleText  = "37 to 54 ms longer than the fastest"
	nagleShare = 0.10
)

// nagle is the share of a load's responses that waited for a delayed acknowledgement, or 0 where
// that is not shown. It is shown on the main scenario, by comparison with new connections;
// elsewhere, the same delay on keep-alive connections is attributed to it, unless a busy interpreter
// explains it as well.
func (r *Report) nagle(t Topology, l Load) float64 {
	kept, fresh := t.load(r.main(), "closed"), t.load(r.main(), "closed-new")
	if kept == nil || fresh == nil || kept.Service.Count == 0 || fresh.Service.Count == 0 || l.Load != "closed" {
		return 0
	}
	shown := r.share(t, r.main(), "closed")
	// The lowest open-loop rate shows it with the least queueing.
	for _, step := range t.Loads {
		if step.Scenario == r.main() && step.Mode == results.OpenLoop {
			shown = max(shown, r.share(t, step.Scenario, step.Load))
			break
		}
	}
	if shown < nagleShare || 2*r.share(t, r.main(), "closed-new") > shown {
		return 0
	}
	if app, _ := t.Roles.Sum(l.BusyCores, results.AppRole); app > oneCore && r.oneInterpreter(t) {
		return 0
	}
	if share := r.share(t, l.Scenario, l.Load); share >= nagleShare {
		return share
	}
	return 0
}

// share is the share of a load's responses with a service time in the band.
func (r *Report) share(t Topology, scenario, load string) float64 {
	h := results.Total(r.intervals(t.Name, scenario, load), results.Service)
	if h.TotalCount() == 0 {
		return 0
	}
	inside, least := int64(0), h.Min() // the delay comes on top of the work
	if least >= nagleLow {
		least = 0 // even the fastest response was delayed
	}
	for _, bar := range h.Distribution() {
		if bar.From >= least+nagleLow && bar.To <= least+nagleHigh {
			inside += bar.Count
		}
	}
	return float64(inside) / float64(h.TotalCount())
}

// nagleNote explains the delay where a topology shows it: at the lowest open-loop rate, where nothing
// queues, or under the closed loop if there is none.
func (r *Report) nagleNote(t Topology) (Note, bool) {
	kept, fresh := t.load(r.main(), "closed"), t.load(r.main(), "closed-new")
	if kept == nil || fresh == nil || fresh.Service.Count == 0 {
		return Note{}, false
	}
	for _, l := range t.Loads {
		if l.Scenario == r.main() && l.Mode == results.OpenLoop {
			kept = &l
			break
		}
	}
	share, without := r.share(t, r.main(), kept.Load), r.share(t, r.main(), "closed-new")
	if share < nagleShare || 2*without > share {
		return Note{}, false
	}
	return Note{"nagle", fmt.Sprintf("%s sends some responses in several small writes with Nagle's algorithm on. "+
		"On a keep-alive connection the client delays its acknowledgement by 40 ms, and the last write waits for it: "+
		"on %s, %.0f %% of the responses take %s (p50 %s, p90 %s); with a new connection per request, %.0f %% do. "+
		"Clients really wait that long, so the delay is part of the comparison, but its cause is TCP, not a slow app, "+
		"and it costs no CPU time.",
		t.Name, kept.says(), 100*share, nagleText, page.Micros(kept.Response.P50),
		page.Micros(kept.Response.P90), 100*without)}, true
}
