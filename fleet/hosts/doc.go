// Package hosts runs servers and load on the hosts of a fleet file. Each host has a worker, which is started by
// ssh or in a network namespace and talks to bench through its standard input and output: it gets the app and
// its state as a bundle, boots its part of each cluster under a keeper of its own, and says what that uses. When
// its input ends, so does all that it has started.
package hosts
