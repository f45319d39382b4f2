package loadgen

import "fmt"

// Part is the share of a plan that one of several senders has: of Of senders, the one with the
// number Index takes every Of-th request from the number Index on, and every Of-th connection
// and slow client. The zero value is the whole.
//
// That is all it takes to share out a plan, because request n says itself what it is and when
// it is due. A thread of an engine is a part of what its process got, which may be a part too.
type Part struct {
	Index int `json:"index"`
	Of    int `json:"of"`
}

func (p Part) of() int { return max(1, p.Of) }

// Nth is the number of the part's i-th request, both counted from 0.
func (p Part) Nth(i uint64) uint64 { return uint64(p.Index) + i*uint64(p.of()) }

// After is the number of the part's request that comes after its request n.
func (p Part) After(n uint64) uint64 { return n + uint64(p.of()) }

// Share is how many of the first n, be they requests, connections or clients, are the part's.
func (p Part) Share(n uint64) uint64 {
	of := uint64(p.of())
	return (n + of - 1 - uint64(p.Index)) / of
}

// Part is a part of the part.
func (p Part) Part(index, of int) Part { return Part{p.Index + index*p.of(), p.of() * of} }

// String counts from 1.
func (p Part) String() string { return fmt.Sprintf("part %d of %d", p.Index+1, p.of()) }

func (p Part) validate(conns int) error {
	if p.Index < 0 || p.Index >= p.of() || p.Of < 0 {
		return fmt.Errorf("plan: part %d of %d: want 0 to one less than the number of parts", p.Index, p.Of)
	}
	if p.Of > conns {
		return fmt.Errorf("plan: %d connections in %d parts: want one for each part at least", conns, p.Of)
	}
	return nil
}
