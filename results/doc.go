// Package results contains what was measured: plain records of runs, cells and intervals, their
// format on disk, and the objectives they are compared with. It is the narrow waist between
// measuring and judging: the measuring half writes these records, the judging half reads them,
// and neither knows the other. Only intervals are stored; totals are merged from them.
package results
