// Package claims reads claims about deployment and the experiments that test them: which topologies are booted,
// what is done to each, and what follows if the claim is true. A claim is a YAML file; bench's own are
// embedded, a user's is a path.
//
// What can be done to a booted topology is a table of kinds of steps: a load, a time without any, and so on.
// A new kind takes a file with its keys and what it does, a field of stepFile, and a row.
package claims
