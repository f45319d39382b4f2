// Package servers boots real deployments of a Django app. A Topology is a description, a
// comparable value that prints and parses back. It becomes a Blueprint: every file, command
// line, port and limit, decided before anything starts. A Blueprint becomes a Cluster, which
// runs and must be closed.
//
// Topologies are data: a folder with a topology.yaml and templates. The ones in
// topologies/ are embedded; users add their own without writing Go. What a cluster's clients
// do with its URL is not this package's concern.
package servers
