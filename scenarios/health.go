package scenarios

import (
	"fmt"
	"strings"
	"time"

	"bench/results"
	"bench/servers"
)

// health is what became of a cluster's processes during a cell: those that ran when the cell began.
// One that was started since, by a request or in place of one that ended, is not among them.
type health struct {
	members []servers.Member
	gazes   map[int]*servers.Gaze // by PID; none for a process that had ended before it was opened
	// disturbed reports whether something had been done to a process on purpose by then.
	disturbed func(process string, by time.Time) bool
	stopped   map[int]*stop    // by PID
	ended     []servers.Member // without being disturbed on purpose
	fresh     []servers.Member // that the cluster has now and did not have
}

// stop is a process that was seen stopped, between two moments.
type stop struct {
	member      servers.Member
	first, last time.Time
	runs        bool // it went on
}

func newHealth(members []servers.Member, disturbed func(process string, by time.Time) bool) health {
	h := health{members: members, disturbed: disturbed, gazes: map[int]*servers.Gaze{}, stopped: map[int]*stop{}}
	for _, m := range members {
		if g, err := m.Gaze(); err == nil {
			h.gazes[m.PID] = g
		}
	}
	return h
}

// close ends the watch.
func (h *health) close() {
	for _, g := range h.gazes {
		_ = g.Close() // it was only read
	}
	h.gazes = nil
}

// look notes which processes are stopped and which have ended.
func (h *health) look(at time.Time) {
	living := h.members[:0]
	for _, m := range h.members {
		stopped, lives := false, false
		if g := h.gazes[m.PID]; g != nil {
			stopped, lives = g.Now()
		}
		if !lives {
			if !m.Fleeting && !h.disturbed(m.Of, at) {
				h.ended = append(h.ended, m)
			}
			continue
		}
		living = append(living, m)
		seen := h.stopped[m.PID]
		switch {
		case stopped && h.disturbed(m.Of, at):
		case stopped && seen == nil:
			h.stopped[m.PID] = &stop{member: m, first: at, last: at}
		case stopped:
			seen.last, seen.runs = at, false
		case seen != nil && !seen.runs:
			seen.last, seen.runs = at, true
		}
	}
	h.members = living
}

// compare finds the processes that took the place of those that ended.
func (h *health) compare(cluster *servers.Cluster) {
	if len(h.ended) == 0 {
		return
	}
	known := map[int]bool{}
	for _, m := range h.members {
		known[m.PID] = true
	}
	members, _ := cluster.Members() // that they ended is known without them
	for _, m := range members {
		if !known[m.PID] {
			h.fresh = append(h.fresh, m)
		}
	}
}

// judge makes the cell void if a process was stopped or ended, and names it.
func (h *health) judge(c *results.Cell) {
	void := func(code, message, hint string) { c.Diagnose(results.Invalid, code, message, hint) }
	var names []string
	for _, m := range h.members {
		if s := h.stopped[m.PID]; s != nil {
			names = append(names, s.String())
		}
	}
	if len(names) > 0 {
		void(results.ProcessStopped, strings.Join(names, ", "), "Look for who stopped it (SIGSTOP, a debugger): a "+
			"measurement during which a process of the servers does not run says nothing about them.")
	}
	if len(h.ended) == 0 {
		return
	}
	message := "ended during the cell: " + list(h.ended)
	if len(h.fresh) > 0 {
		message += "; since then there are " + list(h.fresh)
	}
	void(results.ServerDied, message, "The cell is void. Its logs are stored with it. If the server replaces its "+
		"workers by design, let them live longer than a cell.")
}

func (s *stop) String() string {
	if length := s.last.Sub(s.first).Round(10 * time.Millisecond); s.runs && length > 0 {
		return fmt.Sprintf("%s was stopped for at least %v", s.member, length)
	}
	return fmt.Sprintf("%s was stopped (state T)", s.member)
}

func list(members []servers.Member) string {
	var names []string
	for _, m := range members {
		names = append(names, m.String())
	}
	return strings.Join(names, ", ")
}
