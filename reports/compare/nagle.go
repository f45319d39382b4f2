package compare

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"bench/reports/page"
	"bench/results"
)

// A response written in several small pieces with Nagle's algorithm on waits for the client's
// delayed acknowledgement: 40 ms on Linux (TCP_DELACK_MIN), plus a little for the response itself.
// On a new connection the client acknowledges at once. So the delay counts as shown for a target when at least
// nagleShare of its responses on keep-alive connections lie in that band, and at most half of that share on new
// connections at the same rate, which no topology is near its limit at: whatever else takes 40 ms, a page that
// waits or a queue, takes them there too. Behind a proxy that keeps its connections to the app, so does this delay:
// there it counts as shown if the same app shows it in this run without a proxy.
const (
	nagleLow   = 37_000 // µs
	nagleHigh  = 54_000
	nagleText  = "37 to 54 ms longer than the fastest"
	nagleShare = 0.10
	nagleLeast = 20 // responses of a target
)

// delayed is a target whose responses wait for delayed acknowledgements.
type delayed struct {
	target         string
	share, without float64 // of its responses in the band, on keep-alive and on new connections
	response       results.Summary
	proxied        bool // the delay is on connections of a proxy to the app
}

// lowestStep is the lowest open-loop rate of the main scenario, and the same rate with new connections; nil where
// the topology did not sustain both.
func (r *Report) lowestStep(t Topology) (kept, fresh *Load) {
	for i, l := range t.Loads {
		if l.Scenario == r.main() && l.step() && (kept == nil || l.Offered < kept.Offered) {
			kept = &t.Loads[i]
		}
	}
	if kept == nil {
		return nil, nil
	}
	if fresh = t.load(r.main(), kept.Load+results.NewSuffix); fresh == nil || !kept.Sustained || !fresh.Sustained {
		return nil, nil
	}
	return kept, fresh
}

// delayedTargets are the targets for which a topology shows the delay.
func (r *Report) delayedTargets(t Topology) (list []delayed) {
	kept, fresh := r.lowestStep(t)
	if kept == nil {
		return nil
	}
	for _, target := range r.targetNames(r.main()) {
		with, n := r.share(t, *kept, target)
		without, m := r.share(t, *fresh, target)
		if n < nagleLeast || m < nagleLeast || with < nagleShare {
			continue
		}
		d := delayed{target: target, share: with, without: without, response: kept.Targets[target]}
		if d.proxied = 2*without > with; !d.proxied || r.delayedWithoutProxy(t, target) {
			list = append(list, d)
		}
	}
	return list
}

// delayedWithoutProxy reports whether a target shows the delay on a topology whose tiers are those of t but for its
// proxies.
func (r *Report) delayedWithoutProxy(t Topology, target string) bool {
	behind := maps.Clone(t.Roles)
	maps.DeleteFunc(behind, func(_ string, role results.Role) bool { return role == results.ProxyRole })
	if len(behind) == 0 || len(behind) == len(t.Roles) {
		return false
	}
	return slices.ContainsFunc(r.Topologies, func(other Topology) bool {
		return maps.Equal(other.Roles, behind) && slices.ContainsFunc(r.delayedTargets(other), func(d delayed) bool {
			return d.target == target
		})
	})
}

// nagle is the share of a load's responses that waited for a delayed acknowledgement, or 0 where that is not shown.
func (r *Report) nagle(t Topology, l Load) float64 {
	if l.Scenario != r.main() || l.Load != "closed" {
		return 0
	}
	late, all := 0.0, int64(0)
	for _, s := range l.Targets {
		all += s.Count
	}
	for _, d := range r.delayedTargets(t) {
		share, n := r.share(t, l, d.target)
		late += share * float64(n)
	}
	if all == 0 || late < nagleShare*float64(all) {
		return 0
	}
	return late / float64(all)
}

// share is the share of a target's responses under a load with a service time in the band, and their number.
func (r *Report) share(t Topology, l Load, target string) (share float64, n int64) {
	h := results.TotalByTarget(r.intervals(t.Name, l.Scenario, l.Load), results.Service)[target]
	if h == nil || h.TotalCount() == 0 {
		return 0, 0
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
	return float64(inside) / float64(h.TotalCount()), h.TotalCount()
}

// nagleAnswer names the topologies whose throughput the delay decides: a ratio to one of them says little about the
// servers.
func (r *Report) nagleAnswer(main string) string {
	const mostly = 0.5
	var parts []string
	for _, t := range r.compared() {
		if l := t.load(main, "closed"); l != nil {
			if share := r.nagle(t, *l); share >= mostly {
				parts = append(parts, fmt.Sprintf("%.0f %% with %s", 100*share, t.Name))
			}
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return fmt.Sprintf("Of these responses, %s waited 40 ms for a delayed acknowledgement: TCP limits them, and not the "+
		"app (see the notes).", page.List(parts))
}

// nagleNote explains the delay where a topology shows it, by target.
func (r *Report) nagleNote(t Topology) (Note, bool) {
	list := r.delayedTargets(t)
	if len(list) == 0 {
		return Note{}, false
	}
	kept, _ := r.lowestStep(t)
	var parts []string
	for _, d := range list {
		parts = append(parts, fmt.Sprintf("%s (%.0f %% of them, p50 %s, p90 %s; with a new connection per request, %.0f %%)",
			d.target, 100*d.share, page.Micros(d.response.P50), page.Micros(d.response.P90), 100*d.without))
	}
	who, receiver := t.Name, "client"
	if allProxied(list) {
		who, receiver = "The app behind the proxy of "+t.Name, "proxy"
	}
	return Note{"nagle", strings.TrimSpace(fmt.Sprintf("%s sends some responses in several small writes with Nagle's "+
		"algorithm on. On a keep-alive connection the %s delays its acknowledgement by 40 ms, and the last write waits for "+
		"it: on %s, responses take %s for %s. Clients really wait that long, so the delay is part of the comparison, but "+
		"its cause is TCP, not a slow app, and it costs no CPU time. %s",
		who, receiver, kept.says(), nagleText, strings.Join(parts, ", "), t.nagle))}, true
}

// allProxied reports whether all delays are on connections of a proxy to the app, where clients cannot avoid them.
func allProxied(list []delayed) bool {
	return !slices.ContainsFunc(list, func(d delayed) bool { return !d.proxied })
}
