package gate

import (
	"fmt"
	"slices"

	"bench/results"
)

// A counter such as the number of a page's database queries needs no statistics where every response of
// a version has the same. Whether that is so, a single boot cannot tell: a count may vary from response
// to response, or be settled by chance when the app starts. So each version is booted several times, and
// each boot has the fewest of its responses. On equal versions, all of head's boots have more than all of
// base's with a probability of at most 1 in (2n over n), whatever the counts do, since any n of the 2n
// boots are equally likely to be head's.

// exactAlpha is the probability of a false alarm that is allotted to counters.
const exactAlpha = 0.05 * Alpha

// BootsFor is how many boots of each version show that a counter got worse, if that many targets have one.
func BootsFor(targets int) int {
	ways := 1.0 // n of 2n
	for n := 1; ; n++ {
		ways *= float64(2*n-1) * 2 / float64(n)
		if ways*exactAlpha >= float64(max(1, targets)) {
			return n
		}
	}
}

// exactness decides which counters got worse in a way that is a regression by itself.
type exactness struct{ boots int }

func exactly(all []results.Counter) exactness {
	counted := 0
	for _, c := range all {
		if c.Name == queries {
			counted++
		}
	}
	return exactness{BootsFor(counted)}
}

// Unproven reports whether a counter got worse in all boots so far, which are too few to prove it.
func Unproven(counters []results.Counter) bool {
	e := exactly(counters)
	return slices.ContainsFunc(counters, e.unproven)
}

func (e exactness) unproven(c results.Counter) bool {
	return c.Name == queries && c.Head > c.Base && !e.worse(c)
}

// likely reports whether a single boot is missing, which makes it a few times as probable to be chance.
func (e exactness) likely(c results.Counter) bool { return e.unproven(c) && c.Boots == e.boots-1 }

// queries is the name of the counter of database queries.
const queries = "queries"

// worse reports whether a counter is a regression: more database queries. In runs of older versions, which
// asked in one boot, a page that fails was one, too; it is now weighed with the failures.
func (e exactness) worse(c results.Counter) bool {
	old := c.Boots == 0
	switch c.Name {
	case queries:
		return c.Head > c.Base && (old || c.Boots >= e.boots)
	case "status":
		return old && c.Head >= 500 && c.Base < 500
	}
	return false
}

// counted is a counter that moved, in words.
func counted(c results.Counter) string {
	said := fmt.Sprintf("%d, was %d", c.Head, c.Base)
	switch {
	case c.Varies:
		return fmt.Sprintf("%s (it varies: the extremes of %d boots)", said, c.Boots)
	case c.Boots > 1:
		return fmt.Sprintf("%s (exact, in %d boots of each)", said, c.Boots)
	}
	return said + " (exact)"
}
