package results

import (
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"time"
)

// What bench.run/1 wrote under the names of two products is read as what it means, and what it
// left to whoever knew it is written down.

// upgradeCounters reads the counters that a record of bench.run/1 holds by product.
func (s *Server) upgradeCounters(data []byte) error {
	var old struct {
		UWSGI map[string]json.RawMessage `json:"uwsgi"`
		Nginx Counters                   `json:"nginx"`
	}
	if err := json.Unmarshal(data, &old); err != nil {
		return err
	}
	if old.Nginx != nil {
		s.Merge(map[string]Counters{"nginx": old.Nginx}, nil)
	}
	if old.UWSGI == nil {
		return nil
	}
	counters := Counters{}
	for name, text := range old.UWSGI {
		if name == "requests_per_worker" {
			var requests []uint64
			if err := json.Unmarshal(text, &requests); err != nil {
				return err
			}
			s.Merge(nil, map[string][]uint64{"uwsgi": requests})
			continue
		}
		var value float64
		if err := json.Unmarshal(text, &value); err != nil {
			return err
		}
		counters[name] = value
	}
	s.Merge(map[string]Counters{"uwsgi": counters}, nil)
	return nil
}

// upgradeRoles gives the tiers of a record of bench.run/1 their roles, by their names.
func (t *TopologyRecord) upgradeRoles() {
	if t.Roles == nil {
		t.Roles = maps.Clone(rolesBefore)
	}
}

var rolesBefore = Roles{"python": AppRole, "uwsgi": ServerRole, "nginx": ProxyRole}

// upgradePacer gives an open-loop cell that does not record its pacer the one it had: Poisson
// arrivals drawn from its seed, and, where two arms had them at once, half a mean gap apart.
func (c *Cell) upgradePacer() {
	if c.Mode != OpenLoop || c.Pacer != "" || c.Rate == 0 {
		return
	}
	c.Pacer = fmt.Sprintf("poisson %d constant %s/s", c.Seed, strconv.FormatFloat(c.Rate, 'g', -1, 64))
	if c.Load == Alternate {
		which := "first"
		if c.Position == 2 {
			which = "second"
		}
		c.Pacer = fmt.Sprintf("staggered %v %s %s", time.Duration(float64(time.Second)/c.Rate/2), which, c.Pacer)
	}
}
