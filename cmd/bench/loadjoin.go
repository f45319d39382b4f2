package main

import (
	"context"
	"fmt"
	"net"
	"time"

	"bench/experiments"
	"bench/fleet/link"
	"bench/fleet/place"

	"github.com/spf13/pflag"
)

// joinOptions say how workers come that bench does not start.
type joinOptions struct {
	listen, tokens string
	wait           time.Duration
}

func (o *joinOptions) flags(f *pflag.FlagSet) {
	f.StringVar(&o.listen, "listen", "127.0.0.1:0",
		"with --workers join: the `ADDRESS` by which the workers reach this machine, such as 10.0.0.1:7421")
	f.StringVar(&o.tokens, "join-dir", "bench-tokens", "with --workers join: write a token for each worker into `DIR`")
	f.DurationVar(&o.wait, "join-wait", 2*time.Minute, "with --workers join: how long to wait until all have come")
}

// record is what the flags say about workers that come by themselves.
func (o joinOptions) record(s *shell) place.Joining {
	say := func(text string) { fmt.Fprintf(s.errs, "bench: %s\n", text) }
	return place.Joining{Listen: o.listen, Tokens: o.tokens, Wait: o.wait, Say: say}
}

// dialHub connects to the bench that a token's file names.
func dialHub(ctx context.Context, file string) (net.Conn, error) {
	token, err := link.ReadToken(file)
	if err != nil {
		return nil, experiments.Misuse(err)
	}
	return token.Dial(ctx)
}
