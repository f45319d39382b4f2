// Package stats holds the statistics behind every verdict: intervals, medians, the signed-rank
// estimate of a paired ratio, evidence that may be looked at after every pair, and change points.
// It is pure: numbers in, numbers out, and it imports no package of this module.
//
// The unit of replication is the block or the pair, a fresh boot of every arm, and never the
// request: requests of one run share a queue, so an interval over them would be far too narrow
// (for M/M/1 at ρ = 0.7, by a factor of almost six; Whitt, "Planning queueing simulations", 1989).
package stats
