// Package claims says of each claim of a run whether it is confirmed, refuted, depends on something or is
// undecided: it judges the predictions that follow from the claim, each by its decision rule, from the run
// directory alone.
package claims
