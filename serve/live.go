package serve

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"time"

	"bench/experiments"
)

// live is the page that follows a run.
func (s *Server) live(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("run")
	if _, err := s.directory(name); err != nil {
		return err
	}
	return write(w, livePage, map[string]any{"Name": name}, liveScript)
}

// How often the events of a run are looked for, and how long a line may be.
const (
	look        = 250 * time.Millisecond
	longestLine = 1 << 20
)

// events sends the events of a run from its beginning, and those to come until the last one, as server-sent
// events.
func (s *Server) events(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("run")
	if _, err := s.directory(name); err != nil {
		return err
	}
	file, err := s.root.Open(filepath.Join(name, experiments.EventsFile))
	if err != nil {
		return refusal{http.StatusNotFound, "this run left no events"}
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return refusal{http.StatusNotFound, "this run left no events"}
	}
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	in := bufio.NewReader(file)
	tick := time.NewTicker(look)
	defer tick.Stop()
	var line []byte
	for {
		part, err := in.ReadBytes('\n')
		line = append(line, part...)
		switch {
		case len(line) > longestLine:
			return nil // no event is that long
		case err == nil:
			done := isLast(line)
			if _, err := fmt.Fprintf(w, "data: %s\n\n", bytes.TrimRight(line, "\r\n")); err != nil || done {
				return nil // whoever followed has gone, or there is nothing left to follow
			}
			line = line[:0]
			continue
		case err != io.EOF:
			return nil
		}
		if out.Flush() != nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return nil
		}
	}
}

// isLast reports whether a line is that of the last event of a run.
func isLast(line []byte) bool {
	return bytes.Contains(line, []byte(`"kind":"`+experiments.Done{}.Kind()+`"`))
}
