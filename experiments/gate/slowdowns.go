package gate

import (
	"fmt"
	"math"
	"strings"

	"bench/reports/gate"
)

// slowdowns are injections into the bundled project, sized by what was measured on it.
func (s *series) slowdowns(last gate.Report) []injection {
	django, all := 0.0, 0.0
	for _, t := range s.paired.Scenario.Mix.Targets {
		all += float64(t.Weight)
		if !strings.HasPrefix(t.Path, s.versions[0].project.App.Static.URL) {
			django += float64(t.Weight)
		}
	}
	share := django / max(1, all)
	if share == 0 {
		return nil // no request reaches Django
	}
	burn := func(part float64) string {
		return fmt.Sprintf("SHOP_BURN_US=%.0f", part*last.Metrics[0].Base*1e3/share)
	}
	slow := last.Metrics[2].Base
	// A slow response keeps others waiting: about as many again become slow (measured: an injected
	// 20 % came out as 39 and 41 %).
	every := max(2, math.Round(share*(1-slow)/(0.1*slow)))
	// Long enough to be certainly slow, but not so long that it dominates the worker's time.
	tail := math.Ceil(2 * float64(last.Gate.SlowMicros) / 1e3)
	return []injection{
		{Name: "+5 % CPU time per request", Env: []string{burn(0.05)}},
		{Name: "+10 % CPU time per request", Env: []string{burn(0.10)}},
		{Name: "+20 % slow responses", Env: []string{
			fmt.Sprintf("SHOP_TAIL_MS=%.0f", tail), fmt.Sprintf("SHOP_TAIL_EVERY=%.0f", every),
		}},
		{Name: "+10 % CPU time per request, all in /products", Env: []string{
			fmt.Sprintf("SHOP_BURN_US=%.0f", 0.10*last.Metrics[0].Base*1e3*all/2), "SHOP_SLOW_PATH=/products",
		}},
		{Name: "+1 SQL query", Env: []string{"SHOP_EXTRA_QUERIES=1"}},
	}
}
