package place_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"bench/fleet"
	"bench/fleet/link"
	"bench/fleet/place"
	"bench/loadgen"
	"bench/loadgen/vegeta"
)

// guests come with the tokens of a folder once they are told to, as a person would have them do.
type guests struct {
	t      *testing.T
	tokens string
	come   sync.WaitGroup
}

// join is what a worker's own process does with its token.
func (g *guests) join(file string) error {
	token, err := link.ReadToken(file)
	if err != nil {
		return err
	}
	conn, err := token.Dial(g.t.Context())
	if err != nil {
		return err
	}
	defer conn.Close()
	return fleet.Worker{
		Version: "test", Binary: binary, Dir: g.t.TempDir(),
		Engine: func(json.RawMessage) (loadgen.Engine, error) { return vegeta.Engine{}, nil },
	}.Serve(g.t.Context(), conn, conn)
}

func (g *guests) place(n string, say func(string)) fleet.Place {
	o := options(g.t)
	o.Join = place.Joining{Listen: "127.0.0.1:0", Tokens: g.tokens, Wait: 300 * time.Millisecond, Say: say}
	p, err := place.Parse("join:"+n, o)
	if err != nil {
		g.t.Fatal(err)
	}
	return p
}

// Workers that come with their tokens carry out a load like any others. A token is for one process, and is
// gone after the load.
func TestWorkersThatJoin(t *testing.T) {
	t.Parallel()
	g := &guests{t: t, tokens: filepath.Join(t.TempDir(), "tokens")}
	load(t, g.place("2", func(said string) {
		if !strings.Contains(said, g.tokens) || !strings.Contains(said, "--join") {
			t.Errorf("said %q; want where the tokens are, and what to do", said)
		}
		for _, name := range []string{"worker-1.json", "worker-2.json"} {
			g.come.Go(func() {
				if err := g.join(filepath.Join(g.tokens, name)); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
	}))
	g.come.Wait()
	if _, err := os.Stat(g.tokens); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s: %v; want the tokens gone", g.tokens, err)
	}
}

// A worker that does not come is named. One whose token was used before is told.
func TestWorkersThatDoNotJoin(t *testing.T) {
	t.Parallel()
	g := &guests{t: t, tokens: filepath.Join(t.TempDir(), "tokens")}
	second := make(chan error, 2)
	p := g.place("2", func(string) {
		for range 2 {
			g.come.Go(func() { second <- g.join(filepath.Join(g.tokens, "worker-1.json")) })
		}
	})
	_, err := fleet.Open(t.Context(), fleet.Config{Place: p, Version: "test", Binary: binary, Dir: t.TempDir()})
	if !errors.Is(err, fleet.ErrNotStarted) || !strings.Contains(err.Error(), "worker worker-2: ") ||
		!strings.Contains(err.Error(), "--join-wait") {
		t.Errorf("Open = %v; want the worker that has not come, and what to do", err)
	}
	g.come.Wait()
	if err := errors.Join(<-second, <-second); err == nil || !strings.Contains(err.Error(), "used before") {
		t.Errorf("%v; want that the token has been used before", err)
	}
}
