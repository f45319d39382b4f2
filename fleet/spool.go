package fleet

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"bench/results"
)

// spool is a file of deltas, one a line, in the order in which they came. It outlives whoever wrote it, and
// is not synchronised: it is to survive a process, not a power cut.
type spool struct{ file *os.File }

func openSpool(dir, name string) (*spool, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("keeping deltas: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, name+".jsonl"), os.O_CREATE|os.O_WRONLY|os.O_APPEND|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("keeping deltas: %w", err)
	}
	return &spool{f}, nil
}

func (s *spool) path() string { return s.file.Name() }

// add appends one delta; half a line, where the disk is full, is left out in reading.
func (s *spool) add(data []byte) error {
	if _, err := s.file.Write(append(data, '\n')); err != nil {
		return fmt.Errorf("keeping a delta: %w", err)
	}
	return nil
}

// remove deletes the spool, whose deltas are kept elsewhere now.
func (s *spool) remove() error { return errors.Join(s.file.Close(), os.Remove(s.path())) }

// ReadSpool adds up the deltas of a spool, each of them once, up to the first that was not written whole.
func ReadSpool(path string) ([]results.Interval, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading deltas: %w", err)
	}
	defer f.Close()
	var sum results.Sum
	seen := map[int]bool{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, mostBytes)
	for lines.Scan() {
		d, err := decode[delta](lines.Bytes())
		if err != nil {
			break
		}
		if !seen[d.Number] {
			seen[d.Number] = true
			sum.Add(d.Intervals)
		}
	}
	return sum.Intervals(), lines.Err()
}
