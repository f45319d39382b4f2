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
		t.Skip("one core is not enough for two machines")
	}
	limited := servers.CanLimit(0.2) == nil
	for _, row := range []struct {
		says     string
		of       string // topology
		machines string
		predict  string
		sweep    string
		cpu      int // percent; 0: an equal share
		most     int // machines
	}{
		{"the largest number determines the shares", "nginx-uwsgi", "1,2", "", "backends=1,2", 0, 2},
		{"held-out numbers count", "nginx-uwsgi", "1,2", "3", "backends=1,2", 0, 3},
		{"as do those that bench chooses", "nginx-uwsgi", "1,2", Auto, "backends=1,2", 0, 3},
		{"a given cpu= is kept", "nginx-uwsgi:cpu=20,workers=3", "1,2", "", "backends=1,2", 20, 2},
	} {
		o, diagnostics, err := machineNodes(Spec{Topology: row.of, Machines: row.machines, Validate: row.predict})
		if err != nil {
			t.Errorf("%s: %v", row.says, err)
			continue
		}
		topology, err := servers.ParseTopology(o.Topology)
		if err != nil {
			t.Fatal(err)
		}
		if !limited {
			one := topology.Param("backends") == "1" && topology.Param("cpu") == "" && o.Machines == "" && o.Validate == ""
			if !one || len(diagnostics) != 1 || diagnostics[0].Code != "machines-extrapolated" {
				t.Errorf("%s, without the right to set quotas: %+v, %v", row.says, o, diagnostics)
			}
			continue
		}
		percent, err := strconv.Atoi(topology.Param("cpu"))
		if err != nil || o.Sweep != row.sweep || o.Validate != row.predict || len(diagnostics) > 0 {
			t.Errorf("%s: %+v, %v, %v", row.says, o, diagnostics, err)
		}
		shared := percent*row.most <= 60*cores && (percent+1)*row.most >= 60*cores
		if row.cpu > 0 && percent != row.cpu || row.cpu == 0 && !shared {
			t.Errorf("%s: machines of %d %% on %d cores", row.says, percent, cores)
		}
		if strings.Contains(row.of, "workers=3") && topology.Param("workers") != "3" {
			t.Errorf("%s: %s lost the workers", row.says, topology)
		}
	}
}
