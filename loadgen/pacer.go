package loadgen

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Pacer says when requests are due. Due is a pure function, so nobody has to hand the
// schedule out: an engine with k shards gives shard w the requests w, w+k, w+2k, …
type Pacer interface {
	// Due is the time of request n since the start of the plan. It never decreases in n.
	Due(n uint64) time.Duration
	// Rate is the intended rate at a time since the start, in requests per second.
	Rate(at time.Duration) float64
	// String describes the pacer so that ParsePacer reads the same one back.
	String() string
}

// curve is a deterministic pacer: at inverts its cumulative rate Λ(t) = ∫ Rate, so that
// request n of a steady stream is due at Λ⁻¹(n), and a Poisson stream's at Λ⁻¹ of the
// arrival times of a unit-rate process (Çinlar 1975, time change of a Poisson process).
type curve interface {
	Pacer
	at(x float64) time.Duration
}

// Length is how long a pacer takes to go through all of what it describes, and a little more
// where a rate is held for ever after; 0 for one that describes no end.
func Length(p Pacer) time.Duration {
	switch p := p.(type) {
	case Ramp:
		return p.Over
	case Steps:
		var sum time.Duration
		for _, step := range p {
			sum += step.For
		}
		return sum
	case Spike:
		return p.At + 2*p.For
	case Replay:
		if len(p.Times) == 0 {
			return 0
		}
		// The last request is part of it.
		return time.Duration(float64(p.Times[len(p.Times)-1])/p.Speed) + time.Millisecond
	case Poisson:
		return Length(p.Of)
	}
	return 0
}

func seconds(s float64) time.Duration {
	if s >= math.MaxInt64/1e9 {
		return math.MaxInt64
	}
	return time.Duration(math.Round(s * 1e9))
}

// Constant is the same rate throughout; request n is due at n/PerSecond.
type Constant struct{ PerSecond float64 }

func (p Constant) at(x float64) time.Duration { return seconds(x / p.PerSecond) }
func (p Constant) Due(n uint64) time.Duration { return p.at(float64(n)) }
func (p Constant) Rate(time.Duration) float64 { return p.PerSecond }
func (p Constant) String() string             { return "constant " + rateText(p.PerSecond) }

// Ramp goes in a straight line from one rate to another and stays there:
//
//	Λ(t) = From·t + (To−From)·t²/(2·Over)    for t ≤ Over
type Ramp struct {
	From, To float64 // requests per second
	Over     time.Duration
}

func (p Ramp) at(x float64) time.Duration {
	over := p.Over.Seconds()
	ramped := (p.From + p.To) / 2 * over // Λ(Over)
	if x >= ramped {
		return seconds(over + (x-ramped)/p.To)
	}
	slope := (p.To - p.From) / over
	// The root of slope/2·t² + From·t − x in the form that does not cancel.
	return seconds(2 * x / (p.From + math.Sqrt(max(0, p.From*p.From+2*slope*x))))
}
func (p Ramp) Due(n uint64) time.Duration {
	if n == 0 {
		return 0
	}
	return p.at(float64(n))
}
func (p Ramp) Rate(at time.Duration) float64 {
	if at >= p.Over {
		return p.To
	}
	return p.From + (p.To-p.From)*float64(at)/float64(p.Over)
}
func (p Ramp) String() string {
	return fmt.Sprintf("ramp %s %s over %v", rateText(p.From), rateText(p.To), p.Over)
}

// Step is one stage of Steps.
type Step struct {
	PerSecond float64
	For       time.Duration
}

// Steps holds each rate for its time, and the last one for ever.
type Steps []Step

func (p Steps) at(x float64) time.Duration {
	var start float64
	for i, step := range p {
		in := step.PerSecond * step.For.Seconds()
		if x < in || i == len(p)-1 {
			return seconds(start + x/step.PerSecond)
		}
		x -= in
		start += step.For.Seconds()
	}
	return 0
}
func (p Steps) Due(n uint64) time.Duration { return p.at(float64(n)) }
func (p Steps) Rate(at time.Duration) float64 {
	for _, step := range p[:len(p)-1] {
		if at < step.For {
			return step.PerSecond
		}
		at -= step.For
	}
	return p[len(p)-1].PerSecond
}
func (p Steps) String() string {
	parts := make([]string, len(p))
	for i, step := range p {
		parts[i] = fmt.Sprintf("%s %v", rateText(step.PerSecond), step.For)
	}
	return "steps " + strings.Join(parts, " ")
}

// Sine swings around a mean, starting there and rising:
//
//	Rate(t) = Mean + Amplitude·sin(2πt/Period)
//	Λ(t)    = Mean·t + Amplitude·Period/(2π)·(1 − cos(2πt/Period))
type Sine struct {
	Mean, Amplitude float64 // requests per second; Amplitude below Mean
	Period          time.Duration
}

func (p Sine) total(t float64) float64 {
	period := p.Period.Seconds()
	return p.Mean*t + p.Amplitude*period/(2*math.Pi)*(1-math.Cos(2*math.Pi*t/period))
}

func (p Sine) at(x float64) time.Duration {
	// Λ is increasing, and lies between Mean·t and Mean·t + Amplitude·Period/π.
	low := max(0, (x-p.Amplitude*p.Period.Seconds()/math.Pi)/p.Mean)
	high := x / p.Mean
	for range 64 {
		mid := (low + high) / 2
		if p.total(mid) < x {
			low = mid
		} else {
			high = mid
		}
	}
	return seconds(high)
}
func (p Sine) Due(n uint64) time.Duration { return p.at(float64(n)) }
func (p Sine) Rate(at time.Duration) float64 {
	return p.Mean + p.Amplitude*math.Sin(2*math.Pi*float64(at)/float64(p.Period))
}
func (p Sine) String() string {
	return fmt.Sprintf("sine %s %s per %v", rateText(p.Mean), rateText(p.Amplitude), p.Period)
}

// Spike is a base rate with one burst: Peak from At on, for For.
type Spike struct {
	Base, Peak float64 // requests per second
	At, For    time.Duration
}

func (p Spike) steps() [3]Step {
	return [3]Step{{p.Base, p.At}, {p.Peak, p.For}, {p.Base, math.MaxInt64}}
}
func (p Spike) at(x float64) time.Duration {
	s := p.steps()
	return Steps(s[:]).at(x)
}
func (p Spike) Due(n uint64) time.Duration { return p.at(float64(n)) }
func (p Spike) Rate(at time.Duration) float64 {
	if at >= p.At && at < p.At+p.For {
		return p.Peak
	}
	return p.Base
}
func (p Spike) String() string {
	return fmt.Sprintf("spike %s %s at %v for %v", rateText(p.Base), rateText(p.Peak), p.At, p.For)
}

// Bursty is on and off in turn: PerSecond while on, nothing while off. With Poisson arrivals
// it is an interrupted Poisson process of fixed periods.
type Bursty struct {
	PerSecond float64
	On, Off   time.Duration
}

func (p Bursty) at(x float64) time.Duration {
	on := x / p.PerSecond // time spent on
	period := math.Floor(on / p.On.Seconds())
	return seconds(on + period*p.Off.Seconds())
}
func (p Bursty) Due(n uint64) time.Duration { return p.at(float64(n)) }
func (p Bursty) Rate(at time.Duration) float64 {
	if at%(p.On+p.Off) < p.On {
		return p.PerSecond
	}
	return 0
}
func (p Bursty) String() string {
	return fmt.Sprintf("bursty %s on %v off %v", rateText(p.PerSecond), p.On, p.Off)
}

// Count is the number of requests due before the time given.
func Count(p Pacer, before time.Duration) uint64 {
	if before <= 0 {
		return 0
	}
	high := uint64(1)
	for p.Due(high) < before {
		high *= 2
	}
	low := uint64(0)
	for low < high { // the first n that is not due before
		mid := low + (high-low)/2
		if p.Due(mid) < before {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low
}

func rateText(perSecond float64) string {
	return strconv.FormatFloat(perSecond, 'g', -1, 64) + "/s"
}

// ParseRate reads "300", "300/s", "90/m" or "5/h" as requests per second.
func ParseRate(text string) (float64, error) {
	number, unit, _ := strings.Cut(text, "/")
	per := map[string]float64{"": 1, "s": 1, "m": 60, "h": 3600}[unit]
	rate, err := strconv.ParseFloat(number, 64)
	if err != nil || per == 0 {
		return 0, fmt.Errorf("rate %q: want a number of requests per second, such as 300 or 300/s (or /m, /h)", text)
	}
	rate /= per
	if !(rate >= 1e-3 && rate <= 1e8) {
		return 0, fmt.Errorf("rate %q: outside 0.001/s to 100000000/s", text)
	}
	return rate, nil
}

// ParsePacer reads what String writes:
//
//	constant 300/s
//	ramp 10/s 500/s over 30s
//	steps 100/s 10s 200/s 10s
//	sine 300/s 100/s per 1m0s
//	spike 100/s 1000/s at 10s for 2s
//	bursty 1000/s on 1s off 4s
//	poisson SEED followed by any of the above
//	staggered 3ms first|second followed by any of the above
func ParsePacer(text string) (Pacer, error) {
	words := strings.Fields(text)
	bad := func(why string) (Pacer, error) {
		return nil, fmt.Errorf("pacer %q: %s", text, why)
	}
	if len(words) == 0 {
		return bad("empty; want constant, ramp, steps, sine, spike, bursty or poisson")
	}
	var r reader
	kind, args := words[0], words[1:]
	var p Pacer
	switch {
	case kind == "constant" && len(args) == 1:
		p = Constant{r.rate(args[0])}
	case kind == "ramp" && len(args) == 4 && args[2] == "over":
		p = Ramp{r.rate(args[0]), r.rate(args[1]), r.duration(args[3])}
	case kind == "steps" && len(args) >= 2 && len(args)%2 == 0:
		var steps Steps
		for i := 0; i < len(args); i += 2 {
			steps = append(steps, Step{r.rate(args[i]), r.duration(args[i+1])})
		}
		p = steps
	case kind == "sine" && len(args) == 4 && args[2] == "per":
		sine := Sine{r.rate(args[0]), r.rate(args[1]), r.duration(args[3])}
		if r.err == nil && sine.Amplitude >= sine.Mean {
			return bad("the amplitude must be below the mean, or the rate would reach zero")
		}
		p = sine
	case kind == "spike" && len(args) == 6 && args[2] == "at" && args[4] == "for":
		p = Spike{r.rate(args[0]), r.rate(args[1]), r.duration(args[3]), r.duration(args[5])}
	case kind == "bursty" && len(args) == 5 && args[1] == "on" && args[3] == "off":
		p = Bursty{r.rate(args[0]), r.duration(args[2]), r.duration(args[4])}
	case kind == "poisson" && len(args) >= 2:
		seed, err := strconv.ParseUint(args[0], 10, 64)
		if err != nil {
			return bad("poisson wants a seed first, such as: poisson 1 constant 300/s")
		}
		of, err := ParsePacer(strings.Join(args[1:], " "))
		if err != nil {
			return nil, err
		}
		base, ok := of.(curve)
		if !ok {
			return bad("poisson of poisson")
		}
		p = Poisson{Of: base, Seed: seed}
	case kind == "staggered" && len(args) >= 3 && (args[1] == "first" || args[1] == "second"):
		by, err := time.ParseDuration(args[0])
		if err != nil || by <= 0 || by > time.Hour {
			return bad("staggered wants a time first, such as: staggered 3ms first constant 300/s")
		}
		of, err := ParsePacer(strings.Join(args[2:], " "))
		if err != nil {
			return nil, err
		}
		if _, twice := of.(Staggered); twice {
			return bad("staggered of staggered")
		}
		p = Staggered{Of: of, By: by, Second: args[1] == "second"}
	default:
		return bad("want constant RATE, ramp RATE RATE over TIME, steps RATE TIME …, sine RATE RATE per TIME, spike RATE RATE at TIME for TIME, bursty RATE on TIME off TIME, poisson SEED and one of these, or staggered TIME first|second and one of these")
	}
	if r.err != nil {
		return bad(r.err.Error())
	}
	return p, nil
}

// reader keeps the first error of several conversions.
type reader struct{ err error }

func (r *reader) rate(text string) float64 {
	rate, err := ParseRate(text)
	if r.err == nil {
		r.err = err
	}
	return rate
}

func (r *reader) duration(text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err == nil && (d < time.Millisecond || d > 1000*time.Hour) {
		err = fmt.Errorf("duration %q: outside 1ms to 1000h", text)
	}
	if r.err == nil {
		r.err = err
	}
	return d
}
