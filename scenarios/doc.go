// Package scenarios measures: which loads, on which topologies, how often and in what order. The
// plan of an experiment is a pure function of its description and seed; the Runner carries it out
// and seals each cell into a run directory. What the figures mean is decided by package reports,
// which this package never imports.
package scenarios
