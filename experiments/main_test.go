package experiments_test

import (
	"os"
	"testing"

	"bench/internal/proc"
)

// keep is the argument that makes this program the keeper of its tests' servers.
const keep = "keep"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == keep {
		proc.Keep(os.Stdin)
		return
	}
	os.Exit(m.Run())
}
