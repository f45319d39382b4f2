// Package loadgen generates load and measures it honestly. A Plan is plain data: request n is
// Mix.At(n) and is due at Pacer.Due(n), both pure functions, so that every engine and every
// shard replays the same plan without a dispatcher. Two times are recorded for each request:
// the response time from the moment it was due, and the service time from the moment it was
// sent. Their difference is coordinated omission, made visible.
//
// The package gets a URL and never learns what serves it.
package loadgen
