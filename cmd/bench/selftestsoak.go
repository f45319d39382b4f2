package main

import (
	"fmt"
	"time"

	"bench/loadgen"
	"bench/loadgen/accuracy"

	"github.com/spf13/cobra"
)

func newSoakCommand(s *shell) *cobra.Command {
	var o selftestOptions
	var requests uint64
	var limit time.Duration
	c := &cobra.Command{
		Use:   "memory",
		Short: "Check that the memory of a long load does not grow",
		Long: `memory sends one long closed loop to a server that responds at once, and reads the memory of the
process that sends it every second. It must stay below 64 MiB and, from the first minute on, within
5 %. 1e8 requests take about half an hour; --for ends the load earlier. A load of less than two minutes
shows only how much memory it takes, not whether that grows.`,
		Example: "  bench selftest memory --for 5m",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if requests < 1 || limit < time.Second || limit > loadgen.LongestLoad {
				return usagef("--requests %d --for %v: want at least one request, and a second to 24h", requests, limit)
			}
			would := fmt.Sprintf("send %d requests to a null server on loopback, for at most %v", requests, limit)
			return runSelftest(s, o, would, func(suite *accuracy.Suite) ([]accuracy.Row, error) {
				return suite.Soak(c.Context(), requests, limit)
			})
		},
	}
	c.Flags().Uint64VarP(&requests, "requests", "n", 100_000_000, "send at most `N` requests")
	c.Flags().DurationVar(&limit, "for", 2*time.Hour, "end after this time, whatever was sent")
	o.add(c, "json", "dry-run")
	return c
}
