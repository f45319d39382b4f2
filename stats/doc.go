// Package stats holds the statistics that every judgement rests on: intervals, medians, the
// signed-rank estimate of a paired ratio, evidence that may be looked at after every pair, and
// change points. It is pure: numbers in, numbers out, and nothing of ours imported.
//
// The unit of replication is the block or the pair, a fresh boot of every arm, and never the
// request: requests of one run share a queue, so an interval over them would be many times too
// narrow (for M/M/1 at ρ = 0.7 almost six times; Whitt, "Planning queueing simulations", 1989).
package stats
