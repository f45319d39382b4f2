// Package results holds what came back: plain records of runs, cells and intervals, their
// place on disk, and the objectives they are held against. It is the narrow waist between
// measuring and judging: the measuring half writes these records, the judging half reads
// them, and neither knows the other. Only intervals are stored; totals are merges of them.
package results
