// Package servers boots the real ways to deploy a Django app. A Topology is a description,
// a comparable value that prints and parses back. It becomes a Blueprint: every file,
// command line, port and limit, decided before anything starts. That becomes a Cluster,
// which runs and has to be closed.
//
// Topologies are data: a folder with a topology.yaml and templates. The ones in
// topologies/ are embedded; a user adds one without writing Go. What a cluster's clients
// do with its URL is no concern of this package.
package servers
