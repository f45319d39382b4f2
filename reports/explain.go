package reports

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"bench/results"
)

// Thresholds of the explanations. Each is a share with room for the noise of short cells;
// none decides a verdict.
const (
	usedUp    = 0.85 // of all cores: the CPU is the limit
	idle      = 0.70 // of all cores: it is not
	oneCore   = 0.75 // of one core, by a single Python process: the GIL is the limit
	slotsBusy = 0.80 // of the slots, by Little's law
	noPart    = 0.02 // of the servers' CPU time
)

// An answer written in several small pieces with Nagle's algorithm on waits for the client's
// delayed acknowledgement, 40 ms on Linux (TCP_DELACK_MIN), and a little for the answer
// itself. It counts as shown when this share of the answers on kept-alive connections lies
// in that band, and half of it at most on new connections, where the client acknowledges
// at once.
const (
	nagleLow   = 37_000 // µs
	nagleHigh  = 54_000
	nagleText  = "37 to 54 ms more than the fastest"
	nagleShare = 0.10
)

// reasons says what limited a topology under a closed loop, with the evidence.
func (r *Report) reasons(t Topology, l Load) []string {
	var list []string
	servers := 0.0
	for _, tier := range slices.Sorted(maps.Keys(l.BusyCores)) {
		if tier != "generator" {
			servers += l.BusyCores[tier]
		}
	}
	all := servers + l.BusyCores["generator"]
	cores := float64(r.Host.Cores)
	if l.Rate.LowerBound {
		list = append(list, fmt.Sprintf("The generator was the limit: it used %.2f cores, the servers %.2f. The rate is a lower bound.", l.BusyCores["generator"], servers))
	}
	if share := r.nagle(t, l.Scenario, l.Load); share > 0 {
		list = append(list, fmt.Sprintf("%.0f %% of its answers took %s: they waited for the client's delayed acknowledgement (see the note).", 100*share, nagleText))
	}
	if t.Slots > 0 && all < idle*cores && slotShare(t, l) > slotsBusy {
		list = append(list, fmt.Sprintf("All %d slots were busy: %d workers that each hold a request for %s serve at most %.0f req/s. The CPUs idled (%.2f of %d cores used).",
			t.Slots, t.Slots, micros(l.Service.Min), float64(t.Slots)/(float64(l.Service.Min)/1e6), all, r.Host.Cores))
	}
	if t.Slots == 0 && all < idle*cores && !l.Rate.LowerBound {
		list = append(list, fmt.Sprintf("Every connection has a thread, so %d requests wait at once: %d ÷ %s. The CPUs idled (%.2f of %d cores used).",
			l.Connections, l.Connections, micros(int64(l.Service.Mean)), all, r.Host.Cores))
	}
	if python := l.BusyCores["python"]; r.onePython(t) && python > oneCore && python < 1.25 && r.Host.Cores > 1 {
		list = append(list, fmt.Sprintf("Its one Python process used %.2f of %d cores: the interpreter's lock lets one thread run at a time.", python, r.Host.Cores))
	}
	if all > usedUp*cores {
		list = append(list, fmt.Sprintf("The CPU was used up (%.2f of %d cores, %.2f of them by the generator): what counts is the CPU time of a request, %s.",
			all, r.Host.Cores, l.BusyCores["generator"], tiers(l.CPU)))
	}
	if python, known := l.BusyCores["python"]; known && python < noPart*servers {
		list = append(list, fmt.Sprintf("Python took no part: %s of its CPU time for a request. Compiled code serves the files.", ms(l.CPU["python"])))
	}
	if len(list) == 0 {
		list = append(list, fmt.Sprintf("No single limit shows: %.2f of %d cores were used; CPU time of a request: %s.", all, r.Host.Cores, tiers(l.CPU)))
	}
	return list
}

// slotShare is the share of the slots that were busy: by Little's law, rate × time in
// service, where the least time measured stands for a request that did not wait.
func slotShare(t Topology, l Load) float64 {
	return l.Rate.Value * float64(l.Service.Min) / 1e6 / float64(t.Slots)
}

// onePython reports whether a single process ran Python.
func (r *Report) onePython(t Topology) bool {
	most := 0
	for _, c := range r.run.Cells {
		if c.Topology != t.Name {
			continue
		}
		for _, u := range c.Usage {
			if u.Tier == "python" {
				most = max(most, u.Processes)
			}
		}
	}
	return most == 1
}

// nagle is the share of a load's answers that waited for a delayed acknowledgement, or 0
// where the topology does not show that pattern.
func (r *Report) nagle(t Topology, scenario, load string) float64 {
	main := r.main()
	if 2*r.share(t, main, "burst-new") > r.share(t, main, "burst") || r.share(t, main, "burst") < nagleShare {
		return 0
	}
	if share := r.share(t, scenario, load); share >= nagleShare {
		return share
	}
	return 0
}

// main is the name of the main scenario.
func (r *Report) main() string { return r.run.Manifest.Scenarios[0].Name }

// share is the share of a load's answers with a service time in the band.
func (r *Report) share(t Topology, scenario, load string) float64 {
	h := results.Total(r.intervals(t.Name, scenario, load), results.Service)
	if h.TotalCount() == 0 {
		return 0
	}
	inside, least := int64(0), h.Min() // the delay comes on top of the work
	if least >= nagleLow {
		least = 0 // even the fastest answer was delayed
	}
	for _, bar := range h.Distribution() {
		if bar.From >= least+nagleLow && bar.To <= least+nagleHigh {
			inside += bar.Count
		}
	}
	return float64(inside) / float64(h.TotalCount())
}

// notes says in words which known artefacts the figures show.
func (r *Report) notes() {
	main := r.main()
	for _, t := range r.compared() {
		share := r.nagle(t, main, "burst")
		if share == 0 {
			continue
		}
		l, fresh := t.load(main, "burst"), t.load(main, "burst-new")
		r.Notes = append(r.Notes, Note{"nagle", fmt.Sprintf(
			"%s sends some answers in several small writes with Nagle's algorithm on. A client that keeps its connection alive delays its acknowledgement by 40 ms, and the last write waits for it: on %s %.0f %% of the answers take %s (p50 %s, p90 %s), with a new connection for each request %.0f %% (p50 %s, p90 %s). It is what such a client gets, and so part of the comparison; but it is TCP, not slow Python, and no CPU is used in it.",
			t.Name, main, 100*share, nagleText, micros(l.Response.P50), micros(l.Response.P90), 100*r.share(t, main, "burst-new"), micros(fresh.Response.P50), micros(fresh.Response.P90))})
	}
	for _, t := range r.compared() {
		fresh := t.load(main, "burst-new")
		if fresh != nil && fresh.Server.ListenOverflows > 0 {
			r.Notes = append(r.Notes, Note{"backlog", fmt.Sprintf(
				"%s let its listen queue overflow when each request opened a connection: %d connections had to be tried again by the client's kernel after 1, 3 or 7 s. runserver's queue holds 10, which its code fixes; the others' hold %d here.",
				t.Name, fresh.Server.ListenOverflows, min(1024, r.Host.Somaxconn))})
		}
	}
	for _, s := range r.Scenarios {
		for _, p := range s.Order {
			t := r.topology(p.Topology)
			if l := t.load(s.Name, "burst"); t.Slots > 0 && slotShare(*t, *l) > slotsBusy && l.BusyCores["python"] < idle*float64(r.Host.Cores) && l.Service.Min > 5000 {
				r.Notes = append(r.Notes, Note{"slots", fmt.Sprintf(
					"On %s, %s is limited by its %d slots, not by the CPU: slots ÷ time in service = %.0f req/s. More workers or threads lift that limit; a server with a thread for each connection does not have it.",
					s.Name, p.Topology, t.Slots, float64(t.Slots)/(float64(l.Service.Min)/1e6))})
			}
		}
	}
	r.Notes = append(r.Notes, Note{"shared-machine", fmt.Sprintf(
		"Generator and servers share %d cores. A greatest rate is therefore a property of both; the CPU time of a request is not, and carries over to other machines.", r.Host.Cores)})
	slots := map[int]bool{}
	for _, t := range r.compared() {
		if t.Slots > 0 {
			slots[t.Slots] = true
		}
	}
	if len(slots) > 1 {
		r.Notes = append(r.Notes, Note{"unequal-slots", "The topologies have different numbers of slots (workers × threads); where slots are the limit, their rates are not comparable."})
	}
}

func (r *Report) topology(name string) *Topology {
	for i := range r.Topologies {
		if r.Topologies[i].Name == name {
			return &r.Topologies[i]
		}
	}
	return nil
}

// answer puts the finding in words: the main scenario first, then the others, and last
// where the baseline wins.
func (r *Report) answer() {
	if r.Grade == results.Invalid {
		r.Answer = []string{"There is no answer: the run is INVALID. The warnings say why."}
		return
	}
	main := r.Scenarios[0]
	for _, p := range main.Order {
		if p.Versus == nil {
			continue
		}
		base := r.topology(r.Baseline).MaxRate
		r.Answer = append(r.Answer, fmt.Sprintf("On %s, %s serves %s as many requests as %s: %s req/s against %s.",
			main.Name, p.Topology, times(*p.Versus, p.Rate.LowerBound), r.Baseline, number(p.Rate.Value), number(base.Value)))
	}
	if text := r.latencyAnswer(main.Name); text != "" {
		r.Answer = append(r.Answer, text)
	}
	for _, s := range r.Scenarios[1:] {
		r.Answer = append(r.Answer, fmt.Sprintf("On %s: %s", s.Name, s.Finding))
	}
	if len(r.Answer) == 0 {
		t := r.Topologies[0]
		r.Answer = []string{fmt.Sprintf("%s serves %s req/s [%s, %s] on %s; with one topology there is nothing to compare.",
			t.Name, number(t.MaxRate.Value), number(t.MaxRate.Low), number(t.MaxRate.High), main.Name)}
	}
}

// latencyAnswer compares the tail at the greatest offered rate that every topology keeps
// up with.
func (r *Report) latencyAnswer(main string) string {
	var common *Load
	compared := r.compared()
	for _, l := range compared[0].Loads {
		everywhere := l.Scenario == main && l.Sustained && !slices.ContainsFunc(compared, func(t Topology) bool {
			other := t.load(main, l.Load)
			return other == nil || !other.Sustained
		})
		if everywhere && (common == nil || l.Offered > common.Offered) {
			common = &l
		}
	}
	if common == nil || len(compared) < 2 {
		return ""
	}
	var parts []string
	for _, t := range compared {
		part := fmt.Sprintf("%s %s", t.Name, micros(t.load(main, common.Load).Response.P99))
		if v := t.ratio("p99", main, common.Load); v != nil {
			part += " (" + times(*v, false) + ")"
		}
		parts = append(parts, part)
	}
	return fmt.Sprintf("At %s requests per second, which all of them keep up with, 99 %% are answered within: %s.", number(common.Offered), strings.Join(parts, ", "))
}

// micros writes microseconds in the unit that people use for them.
func micros(us int64) string {
	switch {
	case us < 1000:
		return fmt.Sprintf("%d µs", us)
	case us < 10_000:
		return fmt.Sprintf("%.2f ms", float64(us)/1e3)
	case us < 100_000:
		return fmt.Sprintf("%.1f ms", float64(us)/1e3)
	case us < 1_000_000:
		return fmt.Sprintf("%.0f ms", float64(us)/1e3)
	}
	return fmt.Sprintf("%.2f s", float64(us)/1e6)
}

func ms(v float64) string {
	if v < 1 {
		return fmt.Sprintf("%.3f ms", v)
	}
	return fmt.Sprintf("%.2f ms", v)
}

// number writes a rate or count with a comma at the thousands.
func number(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v < 10:
		return fmt.Sprintf("%.2f", v)
	case v < 100:
		return fmt.Sprintf("%.1f", v)
	case v < 1000:
		return fmt.Sprintf("%.0f", v)
	}
	text := fmt.Sprintf("%.0f", v)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

func mebibytes(bytes int64) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }

// tiers writes CPU time by tier.
func tiers(perRequest map[string]float64) string {
	var parts []string
	sum := 0.0
	for _, tier := range slices.Sorted(maps.Keys(perRequest)) {
		parts = append(parts, fmt.Sprintf("%s %s", tier, ms(perRequest[tier])))
		sum += perRequest[tier]
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return fmt.Sprintf("%s (%s)", ms(sum), strings.Join(parts, ", "))
}
