package main

import (
	"fmt"
	"time"

	"bench/experiments"
	"bench/internal/inert"
	"bench/scenarios"
)

// progress shows how far a run has got: one line that is redrawn on a terminal, elsewhere at most one
// line every few seconds. It is a subscriber to the events of a run.
type progress struct {
	s    *shell
	last time.Time
}

func newProgress(s *shell) *progress { return &progress{s: s} }

const plainEvery = 5 * time.Second

// show shows an event.
func (p *progress) show(event experiments.Event) {
	switch e := event.(type) {
	case scenarios.Doing:
		p.text(e.Text)
	case experiments.RunStarted:
		if e.Estimate > 0 {
			p.line(fmt.Sprintf("about %v in all", e.Estimate.Round(time.Second)))
		}
	case scenarios.Scheduled:
		if e.Why != "" {
			p.line(e.Why)
		}
	case scenarios.CellStarted:
		if e.Of == 0 {
			return // its step has been shown
		}
		text := fmt.Sprintf("cell %d of %d: block %d, %s, %s %s", e.Cell, e.Of, e.Block, e.Arm, e.Scenario, e.Load)
		if e.Remaining > 0 {
			text += fmt.Sprintf(", about %v left", e.Remaining.Round(time.Second))
		}
		p.text(text)
	case experiments.EstimateSoFar:
		p.text(e.Text)
	case experiments.Message:
		p.line(e.Text)
	case experiments.Diagnostic:
		p.line(e.Sentences())
	case experiments.Done:
		p.clear()
	}
}

// text shows a line of progress.
func (p *progress) text(text string) {
	if p.s.terminal {
		fmt.Fprintf(p.s.stderr, "\r\x1b[K%s", inert.Line(p.s.clean(text)))
		return
	}
	if time.Since(p.last) >= plainEvery {
		p.last = time.Now()
		fmt.Fprintf(p.s.errs, "bench: %s\n", text)
	}
}

// line prints a line that stays.
func (p *progress) line(text string) {
	p.clear()
	fmt.Fprintf(p.s.errs, "bench: %s\n", text)
}

func (p *progress) clear() {
	if p.s.terminal {
		fmt.Fprint(p.s.stderr, "\r\x1b[K")
	}
}
