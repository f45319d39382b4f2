package results

import (
	"os"
	"os/exec"
	"testing"
)

// TestFullDisk runs the test of a full disk in a separate process, since the limit that stands
// for it cannot be raised again.
func TestFullDisk(t *testing.T) {
	if os.Getenv("BENCH_TEST_FSIZE") != "" {
		t.Skip("this is that process")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestNothingIsHalfWrittenWhenTheDiskIsFull$", "-test.v")
	cmd.Env = append(os.Environ(), "BENCH_TEST_FSIZE="+t.TempDir())
	// A write beyond the limit raises SIGXFSZ, which Go ignores, and fails with EFBIG. The
	// output goes through a pipe: the limit would hit a file.
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
