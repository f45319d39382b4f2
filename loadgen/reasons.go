package loadgen

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"bench/results"
)

// ending is a way in which requests end that is worth a word: any but a plain success.
type ending struct {
	class  results.Class
	status uint16
}

// reason is what is known about the requests that ended in one way.
type reason struct {
	count uint64
	first time.Duration // when the first of them ended
	asked string        // its method and path
	text  string        // why, where that is not said by class and status
}

// reasons are those of a shard, or of a whole run. A map is looked up only for what went wrong, and
// grows only when something goes wrong in a new way.
type reasons map[ending]*reason

// note counts a request, and reports whether it is the first that ended in its way.
func (r reasons) note(q *Sample) (first bool) {
	if q.Class == results.OK && q.Status < 300 || q.Class == results.InFlight {
		return false
	}
	key := ending{q.Class, q.Status}
	known := r[key]
	if known == nil {
		known = &reason{first: q.End}
		r[key] = known
	}
	known.count++
	return known.count == 1
}

// Explain says why the first request ended that ended in its way, after Record has asked for it.
func (s *Shard) Explain(q Sample, why string) {
	t := &s.r.mix.Targets[q.Target]
	known := s.reasons[ending{q.Class, q.Status}]
	known.asked, known.text = t.Method+" "+t.Path, printable(why)
}

// longestReason bounds what a server can make this program say.
const longestReason = 200

// printable is a text that may come from a server, without anything that a terminal would obey.
func printable(text string) string {
	clean := strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return unicode.ReplacementChar
		}
		return c
	}, text)
	if len(clean) > longestReason {
		clean = strings.ToValidUTF8(clean[:longestReason], "") + "…"
	}
	return clean
}

func (r reasons) merge(of reasons) {
	for key, from := range of {
		known := r[key]
		if known == nil {
			r[key] = from
			continue
		}
		count := known.count + from.count
		if from.first < known.first {
			*known = *from
		}
		known.count = count
	}
}

// list is the reasons, those of the most requests first.
func (r reasons) list() (all []results.Reason) {
	for _, key := range slices.SortedFunc(maps.Keys(r), func(a, b ending) int {
		return cmp.Or(-cmp.Compare(r[a].count, r[b].count), cmp.Compare(a.class, b.class), cmp.Compare(a.status, b.status))
	}) {
		of := r[key]
		all = append(all, results.Reason{
			Class: key.class.String(), Status: int(key.status), Count: of.count, Request: of.asked, Text: of.text,
		})
	}
	return all
}
