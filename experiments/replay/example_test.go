package replay_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"bench/experiments/replay"
	"bench/results"
)

// A run that does not hold what it was asked for cannot be carried out again.
func ExampleOpen() {
	root, err := os.MkdirTemp("", "replay-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(root)
	out, err := results.Create(root, results.Manifest{
		Kind: results.KindTune, Name: "tune", Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	})
	if err == nil {
		err = out.Finish(results.Complete, time.Second)
	}
	if err != nil {
		panic(err)
	}
	_, err = replay.Open(out.Path, replay.Options{})
	_, why, _ := strings.Cut(err.Error(), filepath.Base(out.Path)+": ")
	for _, part := range strings.Split(why, "; ") {
		fmt.Println(part)
	}
	// Output:
	// it does not hold all that was asked for: an older bench stored it
	// run bench tune as its manifest.json says under config, and bench diff the two
}
