package loadgen

import "fmt"

// Part is the share of a plan that one of several senders has: sender Index of Of takes every
// Of-th request from number Index on, and every Of-th connection and slow client. The zero
// value is the whole.
//
// That is all it takes to divide a plan, because what request n is and when it is due depends
// only on n. A thread of an engine has a part of its process's plan, which may itself be a part.
type Part struct {
	Index int `json:"index"`
	Of    int `json:"of"`
}

func (p Part) of() int { return max(1, p.Of) }

// Nth is the number of the part's i-th request, both counted from 0.
func (p Part) Nth(i uint64) uint64 { return uint64(p.Index) + i*uint64(p.of()) }

// After is the number of the part's request after its request n.
func (p Part) After(n uint64) uint64 { return n + uint64(p.of()) }

// Share is the number of the first n (requests, connections or clients) that are the part's.
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
	if p.Of > conns && conns > 0 { // fewer are refused as such
		return fmt.Errorf("plan: %d connections in %d parts: want at least one for each part", conns, p.Of)
	}
	return nil
}
