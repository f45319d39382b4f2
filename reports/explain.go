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
	oneCore   = 0.75 // of one core, by a single process of the app: the interpreter's lock is the limit
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
	if l.VoidServer > 0 {
		list = append(list, fmt.Sprintf("%d of %d cells are void: in them it died, or gave no right answer.", l.VoidServer, l.Cells))
	}
	if n := l.Void - l.VoidServer; n > 0 {
		list = append(list, fmt.Sprintf("%d of %d cells are void: the generator or the machine spoilt them; the warnings say how.", n, l.Cells))
	}
	if wrong := l.Counts.Failed(); wrong > 0 {
		list = append(list, fmt.Sprintf("%d of %d requests got no right answer.", wrong, l.Counts.Intended))
	}
	if share := r.nagle(t, l); share > 0 {
		list = append(list, fmt.Sprintf("%.0f %% of its answers took %s: on kept-alive connections they wait for the client's delayed acknowledgement (see the note).", 100*share, nagleText))
	}
	if len(l.CPU) == 0 {
		return append(list, "The servers' CPU time is not known, so what limited it cannot be said.")
	}
	return append(list, r.limits(t, l)...)
}

// limits says which resource bound a load: the generator, the slots, one interpreter, or
// the CPU.
func (r *Report) limits(t Topology, l Load) []string {
	var list []string
	servers := 0.0
	for _, tier := range slices.Sorted(maps.Keys(l.BusyCores)) {
		if tier != "generator" {
			servers += l.BusyCores[tier]
		}
	}
	all := servers + l.BusyCores["generator"]
	cores := float64(r.Host.Cores)
	used := fmt.Sprintf("(%.2f of %d cores used)", all, r.Host.Cores)
	app, _ := t.Roles.Sum(l.BusyCores, results.AppRole)
	perRequest, known := t.Roles.Sum(l.CPU, results.AppRole)
	switch {
	case l.Rate.LowerBound:
		list = append(list, fmt.Sprintf("The generator was the limit: it used %.2f cores, the servers %.2f. The rate is a lower bound.", l.BusyCores["generator"], servers))
	case t.Slots > 0 && all < idle*cores && slotShare(t, l) > slotsBusy:
		list = append(list, fmt.Sprintf("All its slots were busy: %d requests at once, %s each, make about %.0f req/s. The CPUs idled %s.",
			t.Slots, micros(l.Service.Min), slotLimit(t, l), used))
	case r.oneInterpreter(t) && app > oneCore && all < usedUp*cores:
		more := ""
		switch {
		case t.Slots == 0:
			more = fmt.Sprintf(", and %d threads that wait for it cost CPU time too", l.Connections)
		case t.Slots > 1:
			more = fmt.Sprintf(", and %d threads that wait for it cost CPU time too", t.Slots)
		}
		list = append(list, fmt.Sprintf("Its one app process used %.2f of %d cores: the interpreter's lock lets one thread run the app's code at a time%s; a request takes %s.",
			app, r.Host.Cores, more, ms(perRequest)))
	case all > usedUp*cores:
		list = append(list, fmt.Sprintf("The CPU was used up (%.2f of %d cores, %.2f of them by the generator): what counts is the CPU time of a request, %s.",
			all, r.Host.Cores, l.BusyCores["generator"], tiers(l.CPU)))
	case t.Slots == 0 && all < idle*cores:
		list = append(list, fmt.Sprintf("Each connection has a thread of its own, so up to %d requests wait at once, %s each in the mean. The CPUs idled %s.",
			l.Connections, micros(int64(l.Service.Mean)), used))
	default:
		list = append(list, fmt.Sprintf("No single limit shows %s; CPU time of a request: %s.", used, tiers(l.CPU)))
	}
	if known && app < noPart*servers {
		list = append(list, fmt.Sprintf("The app took no part: %s of its CPU time for a request. The servers ahead of it serve the files.", ms(perRequest)))
	}
	return list
}

// slotLimit is the rate at which all slots are busy.
func slotLimit(t Topology, l Load) float64 { return float64(t.Slots) / (float64(l.Service.Min) / 1e6) }

// slotShare is the share of the slots that were busy: by Little's law, rate × time in
// service, where the least time measured stands for a request that did not wait.
func slotShare(t Topology, l Load) float64 {
	return l.Rate.Value * float64(l.Service.Min) / 1e6 / float64(t.Slots)
}

// oneInterpreter reports whether a single process ran the app.
func (r *Report) oneInterpreter(t Topology) bool {
	most := 0
	for _, c := range r.run.Cells {
		if c.Topology != t.Name {
			continue
		}
		for _, u := range c.Usage {
			if t.Roles.Has(u.Tier, results.AppRole) {
				most = max(most, u.Processes)
			}
		}
	}
	return most == 1
}

// nagle is the share of a load's answers that waited for a delayed acknowledgement, or 0
// where that is not shown. It is shown on the main scenario, by comparison with new
// connections; elsewhere the same delay on kept-alive connections is put down to it, unless
// a busy interpreter explains it as well.
func (r *Report) nagle(t Topology, l Load) float64 {
	kept, fresh := t.load(r.main(), "burst"), t.load(r.main(), "burst-new")
	if kept == nil || fresh == nil || kept.Service.Count == 0 || fresh.Service.Count == 0 || l.Load != "burst" {
		return 0
	}
	shown := r.share(t, r.main(), "burst")
	// The lowest rate of the ladder shows it with the least queueing.
	for _, rung := range t.Loads {
		if rung.Scenario == r.main() && rung.Mode == results.OpenLoop {
			shown = max(shown, r.share(t, rung.Scenario, rung.Load))
			break
		}
	}
	if shown < nagleShare || 2*r.share(t, r.main(), "burst-new") > shown {
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
	add := func(code, format string, args ...any) {
		r.Notes = append(r.Notes, Note{code, fmt.Sprintf(format, args...)})
	}
	for _, t := range r.compared() {
		r.nagleNote(t, add)
		r.backlogNote(t, add)
		for _, l := range t.Loads {
			app, _ := t.Roles.Sum(l.BusyCores, results.AppRole)
			if l.Load == "burst" && t.Slots > 0 && l.Service.Min > 5000 && slotShare(t, l) > slotsBusy && app < idle*float64(r.Host.Cores) {
				add("slots", "On %s, %s is limited by its %d slots (workers × threads), not by the CPU: slots ÷ time in service = %.0f req/s. More workers or threads lift that limit; a server with a thread for each connection does not have it.",
					l.Scenario, t.Name, t.Slots, slotLimit(t, l))
			}
		}
	}
	add("shared-machine", "Generator and servers share %d cores, so a rate under a closed loop is a property of both. The CPU time of a request leaves the generator out.", r.Host.Cores)
	slots := map[int]bool{}
	for _, t := range r.compared() {
		if t.Slots > 0 {
			slots[t.Slots] = true
		}
	}
	if len(slots) > 1 {
		add("unequal-slots", "The topologies have different numbers of slots (workers × threads); where slots are the limit, their rates are not comparable.")
	}
}

// backlogNote says where listen queues overflowed while a topology was under load.
func (r *Report) backlogNote(t Topology, add func(code, format string, args ...any)) {
	var where []string
	for _, l := range t.Loads {
		if n := l.Server.ListenOverflows; n > 0 {
			where = append(where, fmt.Sprintf("%d times under %s %s", n, l.Scenario, l.Load))
		}
	}
	if len(where) > 0 {
		add("backlog", "While %s was under load, listen queues overflowed: %s. The client's kernel tries such a connection again after 1, 3 or 7 s. A queue holds %d connections here, or fewer where the server fixes that: 10 with Django's development server.",
			t.Name, strings.Join(where, ", "), min(1024, r.Host.Somaxconn))
	}
}

// nagleNote explains the delay where a topology shows it: at the lowest open-loop rate if
// there is one, where nothing queues, else under the closed loop.
func (r *Report) nagleNote(t Topology, add func(code, format string, args ...any)) {
	kept, fresh := t.load(r.main(), "burst"), t.load(r.main(), "burst-new")
	if kept == nil || fresh == nil || fresh.Service.Count == 0 {
		return
	}
	for _, l := range t.Loads {
		if l.Scenario == r.main() && l.Mode == results.OpenLoop {
			kept = &l
			break
		}
	}
	share, without := r.share(t, r.main(), kept.Load), r.share(t, r.main(), "burst-new")
	if share < nagleShare || 2*without > share {
		return
	}
	add("nagle", "%s sends some answers in several small writes with Nagle's algorithm on. A client that keeps its connection alive delays its acknowledgement by 40 ms, and the last write waits for it: under %s %s, %.0f %% of the answers take %s (p50 %s, p90 %s); with a new connection for each request %.0f %% do. It is what such a client gets, and so part of the comparison; but it is TCP, not a slow app, and no CPU is used in it.",
		t.Name, r.main(), kept.Load, 100*share, nagleText, micros(kept.Response.P50), micros(kept.Response.P90), 100*without)
}

func (r *Report) topology(name string) *Topology {
	for i := range r.Topologies {
		if r.Topologies[i].Name == name {
			return &r.Topologies[i]
		}
	}
	return nil
}

// answer puts the finding in words: the main scenario first, then the others.
func (r *Report) answer() {
	if r.Grade == results.Invalid {
		r.Answer = []string{"There is no answer: the run is INVALID. The warnings say why."}
		return
	}
	main := r.Scenarios[0]
	for _, p := range main.Order {
		base := r.topology(r.Baseline)
		if p.Versus == nil || base == nil {
			continue
		}
		note := ""
		if p.Versus.Confidence > 0 && p.Versus.direction() == 0 {
			note = " No difference is shown: the interval holds 1."
		}
		r.Answer = append(r.Answer, fmt.Sprintf("On %s, over %d connections, %s serves %s as many requests as %s: %s req/s against %s.%s",
			main.Name, r.connections(), p.Topology, times(*p.Versus), r.Baseline, number(p.Rate.Value), number(base.MaxRate.Value), note))
	}
	if len(r.Answer) == 0 {
		r.Answer = append(r.Answer, fmt.Sprintf("On %s: %s", main.Name, main.Finding))
	}
	if text := r.latencyAnswer(main.Name); text != "" {
		r.Answer = append(r.Answer, text)
	}
	for _, s := range r.Scenarios[1:] {
		r.Answer = append(r.Answer, fmt.Sprintf("On %s: %s", s.Name, s.Finding))
	}
}

// connections is the number of connections of the main scenario's closed loop.
func (r *Report) connections() int {
	for _, t := range r.compared() {
		if l := t.load(r.main(), "burst"); l != nil {
			return l.Connections
		}
	}
	return 0
}

// latencyAnswer compares the tail at the greatest offered rate that every topology keeps
// up with. The figures are of all blocks together, without a ratio: one that is paired by
// block stands in the tables, and need not be their quotient.
func (r *Report) latencyAnswer(main string) string {
	common, compared := r.commonRate(), r.compared()
	if common == nil || len(compared) < 2 || !r.allSustain(common.Load) {
		return ""
	}
	var parts []string
	for _, t := range compared {
		parts = append(parts, fmt.Sprintf("%s %s", t.Name, micros(t.load(main, common.Load).Response.P99)))
	}
	return fmt.Sprintf("At %s requests per second, which all of them keep up with, 99 %% are answered within: %s.", number(common.Offered), strings.Join(parts, ", "))
}

// allSustain reports whether every topology keeps up with an open loop.
func (r *Report) allSustain(load string) bool {
	return !slices.ContainsFunc(r.compared(), func(t Topology) bool {
		l := t.load(r.main(), load)
		return l == nil || !l.Sustained
	})
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

// unknown stands in a table for what was not measured.
const unknown = "—"

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
