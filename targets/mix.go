package targets

import (
	"errors"
	"fmt"
	"math/bits"
	"net/http"
	"slices"
)

// Mix says which target request n is for. It is a pure function of n and the seed, so every
// engine, shard and repeat that replays a mix sends the same requests in the same order, and
// nothing has to distribute them.
//
// A mix whose weights are all zero is a list: request n is for Targets[n mod len], which is how
// vegeta reads its target files. Otherwise request n draws a target with a probability
// proportional to its weight.
type Mix struct {
	Targets []Target `json:"targets"`
	Seed    uint64   `json:"seed"`
	// Sessions, if any, make the pacer's n-th arrival a visit of several requests.
	Sessions []Session `json:"sessions,omitempty"`
	Feed     *Feed     `json:"feed,omitempty"` // data for placeholders
}

// At returns the target of request n. The mix must be valid (see Validate).
func (m Mix) At(n uint64) *Target { return &m.Targets[m.Index(n)] }

// Index returns the position in Targets of the target of request n.
func (m Mix) Index(n uint64) int {
	if m.Targets[0].Weight == 0 {
		return int(n % uint64(len(m.Targets)))
	}
	return draw(m.Seed, n, m.Targets, (*Target).weight)
}

func (t *Target) weight() uint32 { return t.Weight }

// draw is the position of draw n, each with a probability proportional to its weight. It
// allocates nothing: every request calls it.
func draw[W any](seed, n uint64, of []W, weight func(*W) uint32) int {
	var total uint64
	for i := range of {
		total += uint64(weight(&of[i]))
	}
	// The high word of hash × total is uniform on [0, total): Lemire, "Fast random integer
	// generation in an interval", 2019, without the rejection step, whose bias is below
	// total/2^64.
	at, _ := bits.Mul64(splitmix64(seed, n), total)
	for i := range of {
		w := uint64(weight(&of[i]))
		if at < w {
			return i
		}
		at -= w
	}
	return len(of) - 1 // not reached: at < total
}

// splitmix64 is the n-th output of the generator started at seed: Steele, Lea and Flood,
// "Fast splittable pseudorandom number generators", OOPSLA 2014.
func splitmix64(seed, n uint64) uint64 {
	z := seed + (n+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// WithSeed returns the same mix drawn in another order.
func (m Mix) WithSeed(seed uint64) Mix {
	m.Seed = seed
	return m
}

// WithHost returns the mix with a Host header in each request that has none.
func (m Mix) WithHost(host string) Mix {
	m.Targets = slices.Clone(m.Targets)
	for i := range m.Targets {
		if t := &m.Targets[i]; t.Header.Get("Host") == "" {
			if t.Header = t.Header.Clone(); t.Header == nil {
				t.Header = http.Header{}
			}
			t.Header.Set("Host", host)
		}
	}
	return m
}

// commonHost is the Host header that all requests of the mix have; empty: they differ, or have none.
func (m Mix) commonHost() (host string) {
	for i, t := range m.Targets {
		own := t.Header.Get("Host")
		if i > 0 && own != host {
			return ""
		}
		host = own
	}
	return host
}

// Validate reports everything that is wrong with the mix.
func (m Mix) Validate() error {
	if len(m.Targets) == 0 {
		return errors.New("mix: no targets")
	}
	var errs []error
	weighted := m.Targets[0].Weight != 0
	seen := map[string]bool{}
	for _, t := range m.Targets {
		if err := t.validate(); err != nil {
			errs = append(errs, err)
		}
		if (t.Weight != 0) != weighted {
			errs = append(errs, fmt.Errorf("target %s: either every target of a mix has a weight, or none has", t.Name))
		}
		if weighted && seen[t.Name] {
			errs = append(errs, fmt.Errorf("target %s: the name is used twice", t.Name))
		}
		seen[t.Name] = true
	}
	errs = append(errs, m.validateSessions())
	return errors.Join(errs...)
}

// mostNames limits the number of targets that are recorded separately: each has its own
// histograms, of a megabyte and more.
const mostNames = 100

// Others is the name shared by the targets beyond that limit.
const Others = "others"

// Names returns the distinct target names in order of first use, and for each target the
// position of its name among them: many requests of a long list may share a name, and so a
// histogram, as those beyond the hundredth name do.
func (m Mix) Names() (names []string, of []int) {
	position := map[string]int{}
	for _, t := range m.Targets {
		at, known := position[t.Name]
		switch {
		case known:
		case len(names) > mostNames:
			at = mostNames
		case len(names) == mostNames:
			at = mostNames
			names = append(names, Others)
		default:
			at = len(names)
			position[t.Name] = at
			names = append(names, t.Name)
		}
		of = append(of, at)
	}
	return names, of
}
