package scenarios

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"bench/results"
)

// performance carries out the incidents of a timeline while a load runs.
type performance struct {
	subject subject
	load    time.Duration // its length
	began   time.Time
	steps   []step // those to come, by time
	over    chan struct{}
	done    sync.WaitGroup

	mu      sync.Mutex // guards what follows
	records []results.Incident
	undos   []func() error // by incident; nil: nothing to undo, or not yet
}

// step is the beginning or the end of an incident.
type step struct {
	at       time.Duration
	incident int
	deed     deed
	ends     bool
}

// rehearse returns the performance of a timeline, which is to begin when the load does.
func (t Timeline) rehearse(on subject, load time.Duration) (*performance, error) {
	p := &performance{subject: on, load: load, over: make(chan struct{}), undos: make([]func() error, len(t))}
	for n, i := range t {
		d, err := i.deed()
		if err != nil {
			return nil, err
		}
		at := i.At.Of(load)
		p.records = append(p.records, i.record(load))
		p.steps = append(p.steps, step{at: at, incident: n, deed: d})
		if length := i.For.Of(load); length > 0 {
			p.steps = append(p.steps, step{at: at + length, incident: n, deed: d, ends: true})
		}
	}
	slices.SortStableFunc(p.steps, func(a, b step) int { return int(a.at - b.at) })
	return p, nil
}

// begin makes now the start of the load.
func (p *performance) begin() {
	p.began = time.Now()
	if len(p.steps) > 0 {
		p.done.Go(p.run)
	}
}

func (p *performance) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for _, s := range p.steps {
		timer.Reset(time.Until(p.began.Add(s.at)))
		select {
		case <-timer.C:
			p.take(s)
		case <-p.over:
			return
		}
	}
}

// take carries out one step.
func (p *performance) take(s step) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.ends {
		p.undo(s.incident)
		return
	}
	record := &p.records[s.incident]
	record.At = time.Since(p.began).Seconds()
	deed, is := s.deed.(onServers)
	if !is {
		return // the load does it
	}
	on, undo, err := deed.do(p.subject)
	record.On, p.undos[s.incident] = on, undo
	if err != nil {
		record.Error = err.Error()
	}
}

// undo ends an incident that lasts. The mutex must be held.
func (p *performance) undo(incident int) {
	record := &p.records[incident]
	record.Until = time.Since(p.began).Seconds()
	if undo := p.undos[incident]; undo != nil {
		p.undos[incident] = nil
		if err := undo(); err != nil {
			record.Error = errors.Join(errors.New(record.Error), err).Error()
		}
	}
}

// end undoes what still lasts, and returns what was done. An incident that the load did not live to see
// says so.
func (p *performance) end() []results.Incident {
	close(p.over)
	p.done.Wait()
	for i := range p.undos {
		if p.undos[i] != nil {
			p.undo(i)
		}
		if r := &p.records[i]; r.At == 0 && r.Planned > 0 {
			r.Error = "the load had ended before"
		}
	}
	return p.records
}

// judgeIncidents makes a cell void if an incident could not be done: it would show what did not happen.
func judgeIncidents(c *results.Cell) {
	for _, i := range c.Incidents {
		if i.Error == "" {
			continue
		}
		c.Diagnose(results.Invalid, "incident-failed", fmt.Sprintf("%s: %s", i.Text, i.Error),
			"The cell does not show what it was to show. Change the timeline, or see the servers' logs.")
	}
}
