package results

import (
	"fmt"
	"slices"
	"time"
)

// Figures beyond these limits cannot have been measured: a cell with one was not written by bench, or by
// a bench with a defect, and no verdict may rest on it.
const (
	mostRequests = 1e15
	mostSeconds  = 1e9
	mostFigure   = 1e18
	leastLoad    = 1e-3 // seconds
)

// finding is a statement about a record that must hold.
type finding struct {
	holds bool
	what  string
	value any
}

// firstFalse returns the first statement that does not hold, as an error.
func firstFalse(findings []finding) error {
	for _, f := range findings {
		if !f.holds {
			return fmt.Errorf("%s: %v is impossible", f.what, f.value)
		}
	}
	return nil
}

// seconds states that a figure is a time that can have been measured. It is false for NaN.
func seconds(what string, value float64) finding {
	return finding{value >= 0 && value < mostSeconds, what, value}
}

// number states that a figure is a count that can have been reached.
func number(what string, value uint64) finding { return finding{value < mostRequests, what, value} }

// impossible returns which figure of the manifest cannot be, if one cannot.
func (m Manifest) impossible() error {
	if err := firstFalse([]finding{
		seconds("elapsed_s", m.Elapsed), seconds("measured_s", m.Measured),
		{m.Blocks >= 0 && m.Blocks < mostFigure, "blocks", m.Blocks},
		{m.Planned >= 0, "planned_cells", m.Planned}, {m.Sealed >= 0, "sealed_cells", m.Sealed},
	}); err != nil {
		return err
	}
	names := map[string]bool{}
	for _, t := range m.Topologies {
		if names[t.Name] {
			return fmt.Errorf("two topologies are called %q", t.Name)
		}
		names[t.Name] = true
	}
	return nil
}

// impossible returns which figure of the cell cannot be, if one cannot. It is asked before a cell is
// written and after one is read.
func (c *Cell) impossible() error {
	findings := []finding{
		{c.Duration >= leastLoad && c.Duration < mostSeconds, "duration_s", c.Duration},
		{c.LeadIn >= 0 && c.LeadIn <= c.Duration, "lead_in_s", c.LeadIn},
		{c.Rate >= 0 && c.Rate < mostRequests, "rate", c.Rate},
		{c.Connections < 1<<31, "connections", c.Connections},
		{c.Successful <= c.Counts.OK, "successful", c.Successful},
		seconds("elapsed_s", c.Elapsed), seconds("cpu_seconds", c.Generator.CPUSeconds),
		seconds("polling_s", c.Generator.Spun), seconds("boot_ms", c.Boot.BootMS/1e3),
		seconds("first_request_ms", c.Boot.FirstRequestMS/1e3), seconds("warmup_ms", c.Boot.WarmupMS/1e3),
		{c.Generator.UnderWay >= 0 && c.Generator.UnderWay < mostFigure, "under_way_s", c.Generator.UnderWay},
		number("connections_opened", c.Opened), number("clamped", c.Clamped),
		seconds("steal_seconds", c.Server.StealSeconds), seconds("busy_seconds", c.Server.BusySeconds),
		number("listen_overflows", c.Server.ListenOverflows),
	}
	thirds := uint64(0)
	for _, n := range c.Thirds {
		findings = append(findings, number("successful_by_third", n))
		thirds += n
	}
	findings = append(findings, finding{thirds <= c.Counts.OK, "successful_by_third", c.Thirds})
	for process, counters := range c.Server.Counters {
		for name, value := range counters {
			findings = append(findings, finding{value > -mostFigure && value < mostFigure, process + " " + name, value})
		}
	}
	if err := firstFalse(findings); err != nil {
		return err
	}
	for _, iv := range c.Intervals {
		if err := iv.impossible(); err != nil {
			return fmt.Errorf("the interval at %v: %w", iv.Start, err)
		}
	}
	return c.responseBelowService()
}

// impossible returns which histogram counts more requests than the interval had.
func (iv Interval) impossible() error {
	n := iv.Counts
	most := map[Kind]uint64{
		Response: n.OK + n.Timeout + n.InFlight, Service: n.OK + n.Timeout + n.InFlight, Lateness: n.Sent,
		Failure: n.HTTPError + n.BadBody + n.ConnectError + n.Reset, App: n.OK, Wait: n.OK,
	}
	counted := map[Kind]uint64{}
	for series, h := range iv.Hists {
		counted[series.Kind] += uint64(h.TotalCount())
	}
	for kind, limit := range most {
		if counted[kind] > limit {
			return fmt.Errorf("%d times of the kind %s, but only %d such requests: that is impossible",
				counted[kind], kind, limit)
		}
	}
	return nil
}

// responseBelowService returns an error if the response times are shorter than the service times, of
// which they are a part. Both rank the same requests, so that every percentile must be in order too.
func (c *Cell) responseBelowService() error {
	counted := map[Kind]int64{}
	for _, iv := range c.Intervals {
		for series, h := range iv.Hists {
			counted[series.Kind] += h.TotalCount()
		}
	}
	if counted[Response] != counted[Service] || counted[Response] == 0 {
		return nil // service times of another number of requests, as in old runs
	}
	response, service := Total(c.Intervals, Response), Total(c.Intervals, Service)
	ranks := []float64{1, 50, 90, 99, 100}
	r, s := Percentiles(response, ranks...), Percentiles(service, ranks...)
	at := slices.IndexFunc(ranks, func(p float64) bool {
		i := slices.Index(ranks, p)
		return r[i] < s[i]
	})
	if at < 0 {
		return nil
	}
	return fmt.Errorf("p%g of the response times is %v, of the service times %v: that is impossible",
		ranks[at], time.Duration(r[at])*time.Microsecond, time.Duration(s[at])*time.Microsecond)
}

// fits returns why a cell cannot belong to the run, if it cannot.
func (m Manifest) fits(c *Cell) error {
	named := slices.ContainsFunc(m.Topologies, func(t TopologyRecord) bool { return t.Name == c.Topology })
	sane := func(v float64) bool { return v >= 0 && v < 1e9 } // false for NaN
	switch after := c.Started.Sub(m.Started); {
	case !named:
		return fmt.Errorf("topology %q is not in the manifest", c.Topology)
	case c.Grade != Valid && c.Grade != Degraded && c.Grade != Invalid:
		return fmt.Errorf("grade %q", c.Grade)
	case c.Mode != OpenLoop && c.Mode != ClosedLoop && c.Mode != UnknownLoop:
		return fmt.Errorf("mode %q", c.Mode)
	case c.Mode == OpenLoop && !(c.Rate > 0 && sane(c.Rate)):
		return fmt.Errorf("an open loop at rate %g", c.Rate)
	case !(c.Duration > 0 && sane(c.Duration)) || !sane(c.Elapsed):
		return fmt.Errorf("duration %g s, elapsed %g s", c.Duration, c.Elapsed)
	case c.Block < 1 || c.Connections < 1:
		return fmt.Errorf("block %d, %d connections", c.Block, c.Connections)
	case after < -time.Hour || after > 30*24*time.Hour:
		return fmt.Errorf("it started %v after the run", after)
	}
	return nil
}
