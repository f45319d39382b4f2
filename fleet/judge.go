package fleet

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"bench/loadgen"
	"bench/results"
)

// measurement is what all workers measured together, with the worst of their grades.
func (r *run) measurement(interrupted bool) loadgen.Measurement {
	j := &judgement{grade: results.Valid}
	var parts []loadgen.Outcome
	var m loadgen.Measurement
	m.Generator.MaxRSS = loadgen.PeakMemory() // this process takes part, and the workers' comes on top
	for i, member := range r.hub.members {
		s := r.shares[i]
		w := r.workerOf(member, s)
		if w.Lost == "" {
			part := s.done.Measurement
			part.Intervals = s.sum.Intervals()
			parts = append(parts, part.Outcome)
			addGenerator(&m, part)
			j.addAll(w.Name, part)
		} else {
			j.lost(w, s)
			m.Hopeless = cmp.Or(m.Hopeless, fmt.Sprintf("worker %s was lost, so the load was ended early", w.Name))
		}
		m.Workers = append(m.Workers, w)
	}
	m.Outcome = loadgen.Combine(parts...)
	m.Start = r.config.Clock.at(r.start)
	whole := len(parts) == len(r.shares) && !interrupted && m.Hopeless == ""
	if r.plan.Mode == loadgen.Open && len(r.plan.Mix.Sessions) == 0 && whole && m.Counts.Intended != r.plan.Arrivals() {
		j.add(results.Invalid, "counts", fmt.Sprintf("the plan has %d requests, the workers account for %d",
			r.plan.Arrivals(), m.Counts.Intended), "This is a defect of bench; please report it.")
	}
	j.clocks(m.Workers)
	j.disagreement(m.Workers)
	m.Grade, m.Fault, m.Diagnostics = j.grade, j.fault, j.list()
	return m
}

// workerOf is the record of one worker's part.
func (r *run) workerOf(m *member, s *share) results.Worker {
	w := results.Worker{
		Name: m.name, Host: m.hello.Host, Cores: m.hello.Cores, ClockOffset: s.before.Ahead, ClockBound: s.before.Bound,
		Grade: results.Invalid,
	}
	intervals := s.sum.Intervals()
	w.Counts, w.Response = results.TotalCounts(intervals), results.Summarize(results.Total(intervals, results.Response))
	if apart := s.after.At - s.before.At; s.after.At > 0 && apart > 0 {
		w.ClockDrift = (s.after.Ahead - s.before.Ahead).Seconds() / apart.Seconds()
	}
	switch {
	case s.done == nil:
		w.Lost = context.Cause(m.life).Error()
	case s.done.Failure != nil:
		w.Lost = s.done.Failure.Text
	case s.check() != nil:
		w.Lost = s.check().Error()
	default:
		w.StartLate = s.done.Start - r.start - s.before.Ahead
		of := s.done.Measurement
		w.Grade, w.CPU, w.MaxRSS = of.Grade, of.Generator.CPUSeconds, of.Generator.MaxRSS
	}
	return w
}

// addGenerator adds what a worker's load cost, and what else is a sum or a maximum.
func addGenerator(m *loadgen.Measurement, part loadgen.Measurement) {
	sum, g := &m.Generator, part.Generator
	sum.Engine, sum.Timer = g.Engine, g.Timer
	sum.Threads += g.Threads
	sum.CPUSeconds += g.CPUSeconds
	sum.Spun += g.Spun
	sum.MaxRSS += g.MaxRSS
	sum.UnderWay += g.UnderWay
	sum.Health = addHealth(sum.Health, g.Health)
	m.Elapsed = max(m.Elapsed, part.Elapsed)
	m.Slow = addSlow(m.Slow, part.Slow)
	m.Hopeless = cmp.Or(m.Hopeless, part.Hopeless)
}

// addHealth adds the state of one more generator, second by second.
func addHealth(sum, more []results.Health) []results.Health {
	for i, h := range more {
		if i == len(sum) {
			sum = append(sum, h)
			continue
		}
		at, length := max(sum[i].At, h.At), max(sum[i].Length, h.Length)
		sum[i] = results.TotalHealth([]results.Health{sum[i], h})
		sum[i].At, sum[i].Length = at, length
	}
	return sum
}

// addSlow adds populations of slow clients to those of the same place in the plan.
func addSlow(sum, more []results.Slow) []results.Slow {
	for i, s := range more {
		if i == len(sum) {
			sum = append(sum, results.Slow{Kind: s.Kind})
		}
		t := &sum[i]
		t.Clients, t.Held = t.Clients+s.Clients, t.Held+s.Held
		t.Opened, t.Refused = t.Opened+s.Opened, t.Refused+s.Refused
		t.Closed, t.Answered = t.Closed+s.Closed, t.Answered+s.Answered
	}
	return sum
}

// judgement collects what the workers say and what is found between them. What several say is said once.
type judgement struct {
	grade results.Grade
	fault string
	found []finding
}

type finding struct {
	results.Diagnostic
	workers []string // who says so; none: it is about all of them
}

func (j *judgement) add(g results.Grade, code, message, hint string, workers ...string) {
	j.report(g, results.Diagnostic{Code: code, Message: message, Hint: hint, Severity: results.SeverityOf(g)}, workers...)
}

func (j *judgement) report(g results.Grade, d results.Diagnostic, workers ...string) {
	j.grade = j.grade.Worse(g)
	if g == results.Invalid && j.fault == "" {
		j.fault = d.Message
	}
	for i := range j.found {
		if f := &j.found[i]; f.Code == d.Code && len(f.workers) > 0 && len(workers) > 0 {
			f.workers = append(f.workers, workers...)
			return
		}
	}
	j.found = append(j.found, finding{d, workers})
}

// addAll adds a worker's own findings. Its grade is that of the worst.
func (j *judgement) addAll(name string, part loadgen.Measurement) {
	for _, d := range part.Diagnostics {
		j.report(results.Valid, d, name)
	}
	j.grade = j.grade.Worse(part.Grade)
	if part.Grade == results.Invalid && j.fault == "" { // of the first one, unless one is lost
		j.fault = "worker " + name + ": " + part.Fault
	}
}

// lost reports a worker of which only a beginning arrived.
func (j *judgement) lost(w results.Worker, s *share) {
	j.fault = "" // this explains more than what anyone else says
	j.add(results.Invalid, "worker-lost", fmt.Sprintf(
		"worker %s was lost: %s; the figures are those of the others, and the other workers stopped", w.Name, w.Lost),
		"What it had sent is in "+s.spool.path()+".")
}

// clocks reports offsets that are not known well enough, and late starts.
func (j *judgement) clocks(all []results.Worker) {
	for _, w := range all {
		if w.ClockBound > degradedBound {
			j.add(results.Degraded, "clock-bound", fmt.Sprintf("its clock is known to ±%v only, so that "+
				"requests may count in a neighbouring second", w.ClockBound.Round(time.Microsecond)),
				"Use hosts that are nearer to each other.", w.Name)
		}
		if w.StartLate > degradedBound+w.ClockBound {
			j.add(results.Degraded, "started-late", fmt.Sprintf("it started %v after the common start",
				w.StartLate.Round(time.Microsecond)), "Its machine is too busy: use fewer workers there.", w.Name)
		}
	}
}

// Workers disagree if their p99 differ more than twofold, and rest on enough responses for that to mean something.
const (
	disagreement    = 2
	enoughResponses = 1000
)

func (j *judgement) disagreement(all []results.Worker) {
	all = slices.Clone(all)
	all = slices.DeleteFunc(all, func(w results.Worker) bool { return w.Lost != "" || w.Response.Count < enoughResponses })
	if len(all) < 2 {
		return
	}
	byP99 := func(a, b results.Worker) int { return int(a.Response.P99 - b.Response.P99) }
	low, high := slices.MinFunc(all, byP99), slices.MaxFunc(all, byP99)
	if high.Response.P99 > disagreement*low.Response.P99 {
		j.add(results.Degraded, "workers-disagree", fmt.Sprintf(
			"workers disagree: p99 is %v for %s and %v for %s: they do not see the same server",
			micros(high.Response.P99), high.Name, micros(low.Response.P99), low.Name),
			"Compare their networks and how busy their machines are.")
	}
}

func micros(us int64) time.Duration { return time.Duration(us) * time.Microsecond }

// list is the findings, each with the names of the workers that it is about.
func (j *judgement) list() (all []results.Diagnostic) {
	for _, f := range j.found {
		if len(f.workers) > 0 {
			f.Message = workers(f.workers) + ": " + f.Message
		}
		all = append(all, f.Diagnostic)
	}
	return all
}
