package main

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
		o        capacityOptions
		sweep    string
		cpu      int // percent; 0: shared out
		most     int // machines
		validate string
	}{
		{"the greatest number shares the cores out", capacityOptions{topology: "nginx-uwsgi", machines: "1,2"}, "backends=1,2", 0, 2, ""},
		{"machines that are predicted first count", capacityOptions{topology: "nginx-uwsgi", machines: "1,2", validate: "3"}, "backends=1,2", 0, 3, "3"},
		{"also those that bench chooses", capacityOptions{topology: "nginx-uwsgi", machines: "1,2", validate: unseenByItself}, "backends=1,2", 0, 3, unseenByItself},
		{"a size that is given stays", capacityOptions{topology: "nginx-uwsgi:cpu=20,workers=3", machines: "1,2"}, "backends=1,2", 20, 2, ""},
	} {
		o, causes, err := machineNodes(row.o)
		if err != nil {
			t.Errorf("%s: %v", row.says, err)
			continue
		}
		topology, err := servers.ParseTopology(o.topology)
		if err != nil {
			t.Fatal(err)
		}
		if !limited {
			if topology.Param("backends") != "1" || topology.Param("cpu") != "" || o.machines != "" || o.validate != "" || len(causes) != 1 || causes[0].Code != "machines-extrapolated" {
				t.Errorf("%s, without the right to set quotas: %+v, %v", row.says, o, causes)
			}
			continue
		}
		percent, err := strconv.Atoi(topology.Param("cpu"))
		if err != nil || o.sweep != row.sweep || o.validate != row.validate || len(causes) > 0 {
			t.Errorf("%s: %+v, %v, %v", row.says, o, causes, err)
		}
		if row.cpu > 0 && percent != row.cpu || row.cpu == 0 && (percent*row.most > 60*cores || (percent+1)*row.most < 60*cores) {
			t.Errorf("%s: machines of %d %% on %d cores", row.says, percent, cores)
		}
		if strings.Contains(row.o.topology, "workers=3") && topology.Param("workers") != "3" {
			t.Errorf("%s: %s lost the workers", row.says, topology)
		}
	}
}
