package capacity

import (
	"strconv"
	"strings"
	"testing"

	"bench/servers"
)

func TestMachineNodes(t *testing.T) {
	cores := servers.ThisHost().Cores
	if cores < 2 {
		t.Skip("one core is too little for two machines")
	}
	limited := servers.CanLimit(0.2) == nil
	for _, row := range []struct {
		says     string
		o        Spec
		sweep    string
		cpu      int // percent; 0: shared out
		most     int // machines
		validate string
	}{
		{"the greatest number shares the cores out", Spec{Topology: "nginx-uwsgi", Machines: "1,2"}, "backends=1,2", 0, 2, ""},
		{"machines that are predicted first count", Spec{Topology: "nginx-uwsgi", Machines: "1,2", Validate: "3"}, "backends=1,2", 0, 3, "3"},
		{"also those that bench chooses", Spec{Topology: "nginx-uwsgi", Machines: "1,2", Validate: Auto}, "backends=1,2", 0, 3, Auto},
		{"a size that is given stays", Spec{Topology: "nginx-uwsgi:cpu=20,workers=3", Machines: "1,2"}, "backends=1,2", 20, 2, ""},
	} {
		o, causes, err := machineNodes(row.o)
		if err != nil {
			t.Errorf("%s: %v", row.says, err)
			continue
		}
		topology, err := servers.ParseTopology(o.Topology)
		if err != nil {
			t.Fatal(err)
		}
		if !limited {
			if topology.Param("backends") != "1" || topology.Param("cpu") != "" || o.Machines != "" || o.Validate != "" || len(causes) != 1 || causes[0].Code != "machines-extrapolated" {
				t.Errorf("%s, without the right to set quotas: %+v, %v", row.says, o, causes)
			}
			continue
		}
		percent, err := strconv.Atoi(topology.Param("cpu"))
		if err != nil || o.Sweep != row.sweep || o.Validate != row.validate || len(causes) > 0 {
			t.Errorf("%s: %+v, %v, %v", row.says, o, causes, err)
		}
		if row.cpu > 0 && percent != row.cpu || row.cpu == 0 && (percent*row.most > 60*cores || (percent+1)*row.most < 60*cores) {
			t.Errorf("%s: machines of %d %% on %d cores", row.says, percent, cores)
		}
		if strings.Contains(row.o.Topology, "workers=3") && topology.Param("workers") != "3" {
			t.Errorf("%s: %s lost the workers", row.says, topology)
		}
	}
}
