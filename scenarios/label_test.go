package scenarios

import (
	"testing"

	"bench/servers"
)

// Servers that are already running are told apart by their labels.
func TestArmsOfLabelledServers(t *testing.T) {
	var topologies []servers.Topology
	for _, text := range []string{"gunicorn=url:http://127.0.0.1:8201", "granian=url:http://127.0.0.1:8202",
		"url:http://h:1"} {
		topology, err := servers.ParseTopology(text)
		if err != nil || topology.String() != text {
			t.Fatalf("%s reads as %s, %v", text, topology, err)
		}
		topologies = append(topologies, topology)
	}
	arms, err := Arms(topologies)
	if err != nil || arms[0].Name != "gunicorn" || arms[1].Name != "granian" || arms[2].Name != "url" {
		t.Errorf("arms %v, %v; want them named by their labels", arms, err)
	}
}
