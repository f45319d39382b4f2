package probe

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"bench/results"

	"github.com/prometheus/procfs"
)

// marks finds the workers of a server that neither has statistics nor lets its workers accept connections:
// what it loads leaves a file named after the process's ID in the folder "marks" once it has answered.
var marks = Kind{
	Name: "marks", Workers: true,
	Counters: []Counter{{results.Respawns, "", "worker processes that ended since the boot"}},
	Open: func(p Process) Probe {
		return &marksProbe{dir: filepath.Join(p.Dir, "marks"), served: served{}}
	},
}

type marksProbe struct {
	dir    string
	served served
}

func (m *marksProbe) Workers(context.Context) ([]Worker, error) {
	entries, err := os.ReadDir(m.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // nobody has left a mark yet
		return nil, fmt.Errorf("looking for workers: %w", err)
	}
	processes, err := procfs.NewDefaultFS()
	if err != nil {
		return nil, fmt.Errorf("looking for workers: %w", err)
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if _, known := m.served[pid]; known || err != nil {
			continue
		}
		if process, err := processes.Proc(pid); err == nil {
			if stat, err := process.Stat(); err == nil {
				m.served[pid] = stat.Starttime
			}
		}
	}
	return m.served.alive(processes), nil
}

func (m *marksProbe) Read(context.Context) (Reading, error) { return m.served.read() }
