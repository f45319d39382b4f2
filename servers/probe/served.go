package probe

import (
	"fmt"

	"bench/results"

	"github.com/prometheus/procfs"
)

// served are the workers that have responded: PID → start time, since PIDs are reused.
type served map[int]uint64

// alive are those that still run.
func (s served) alive(fs procfs.FS) []Worker {
	var workers []Worker
	for pid, started := range s {
		if runs(fs, pid, started) {
			workers = append(workers, Worker{PID: pid, Served: true})
		}
	}
	return workers
}

func runs(fs procfs.FS, pid int, started uint64) bool {
	process, err := fs.Proc(pid)
	if err != nil {
		return false
	}
	stat, err := process.Stat()
	return err == nil && stat.Starttime == started && stat.State != "Z"
}

// read counts those that have ended.
func (s served) read() (Reading, error) {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return Reading{}, fmt.Errorf("looking for workers: %w", err)
	}
	ended := len(s) - len(s.alive(fs))
	return Reading{Counters: results.Counters{results.Respawns: float64(ended)}}, nil
}
