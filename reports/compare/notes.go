package compare

import (
	"fmt"
	"strings"

	"bench/reports/page"
	"bench/results"
)

// notes explain the known artefacts that the figures show.
func (r *Report) notes() {
	for _, t := range r.compared() {
		for _, note := range []func(Topology) (Note, bool){r.nagleNote, r.backlogNote} {
			if n, shown := note(t); shown {
				r.Notes = append(r.Notes, n)
			}
		}
		r.Notes = append(r.Notes, r.workerNotes(t)...)
	}
	shared := fmt.Sprintf("The load generator and the servers share %s, so the throughput of a closed loop depends on "+
		"both. CPU times per request do not include the generator.", page.Count(r.Host.Cores, "core"))
	if r.onOneMachine() {
		r.Notes = append(r.Notes, Note{"shared-machine", shared})
	}
	for _, note := range []func() (Note, bool){r.apartNote, r.concurrencyNote, r.multiplicityNote} {
		if n, shown := note(); shown {
			r.Notes = append(r.Notes, n)
		}
	}
}

// concurrencyNote says on which scenarios the topologies' concurrency decides, and not the server.
func (r *Report) concurrencyNote() (Note, bool) {
	var parts []string
	for _, s := range r.Scenarios {
		limited, concurrencies := false, map[int]bool{}
		var rates []string
		for _, p := range s.Order {
			t := r.topology(p.Topology)
			if t.Concurrency < 0 {
				continue // unknown
			}
			limited = limited || p.Limit != nil && p.Limit.Code == "workers"
			concurrencies[t.Concurrency] = true
			at := results.AtOnce(t.Concurrency, t.EventLoop)
			if t.Concurrency > 0 {
				at += " at a time"
			}
			rates = append(rates, fmt.Sprintf("%s (%s) serves %s req/s", t.Name, at, page.Number(p.Rate.Value)))
		}
		if limited && len(concurrencies) > 1 {
			parts = append(parts, fmt.Sprintf("on %s, %s", s.Name, page.List(rates)))
		}
	}
	if len(parts) == 0 {
		return Note{}, false
	}
	return Note{"unequal-concurrency", "Where requests mostly wait, concurrency (workers × threads) decides, and not " +
		"the server: " + strings.Join(parts, "; ") + ". Compare topologies of equal concurrency to compare servers."}, true
}

// workerNotes name the scenarios on which the number of workers was the limit.
func (r *Report) workerNotes(t Topology) (notes []Note) {
	for _, l := range t.Loads {
		app, _ := t.Roles.Sum(l.BusyCores, results.AppRole)
		if l.Load != "closed" || t.Concurrency <= 0 || l.Service.Min <= 5000 || busyWorkers(t, l) <= workersBusy ||
			busyWorkers(t, l) > bounded || app >= unsaturated*float64(r.Host.Cores) {
			continue
		}
		text := fmt.Sprintf("On %s, %s is limited by its concurrency of %d (workers × threads), not by the CPU: "+
			"%d ÷ %s of service time = %s req/s. More workers or threads raise that limit; a server with one thread "+
			"per connection does not have it.",
			l.Scenario, t.Name, t.Concurrency, t.Concurrency, page.Micros(l.Service.Min), page.Number(workerLimit(t, l)))
		notes = append(notes, Note{"concurrency", text})
	}
	return notes
}

// backlogNote names the loads under which listen queues overflowed.
func (r *Report) backlogNote(t Topology) (Note, bool) {
	var where []string
	for _, l := range t.Loads {
		if n := l.Server.ListenOverflows; n > 0 {
			where = append(where, fmt.Sprintf("%s on %s", page.Count(n, "time"), l.says()))
		}
	}
	if len(where) == 0 {
		return Note{}, false
	}
	return Note{"backlog", fmt.Sprintf("While %s was under load, listen queues overflowed: %s. The client's kernel "+
		"retries such a connection after 1, 3 or 7 s. A queue holds %s here, or fewer where the server "+
		"sets its own limit: 10 with Django's development server.",
		t.Name, strings.Join(where, ", "), page.Count(min(1024, r.Host.Somaxconn), "connection"))}, true
}
