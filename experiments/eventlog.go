package experiments

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"bench/internal/inert"
	"bench/internal/secret"
)

// EventsFile is the name of the file in a run directory that holds the events of the run, a line each.
const EventsFile = "events.ndjson"

// eventLog writes the events of a run into its directory as they come, for whoever follows the run from
// elsewhere. Nothing is judged by it, and so it is not worth waiting for the disk.
type eventLog struct {
	file *os.File
	err  error // the first; nothing is written after it
}

func newEventLog(dir string) *eventLog {
	l := &eventLog{}
	name := filepath.Join(dir, EventsFile)
	l.file, l.err = os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	return l
}

// Logged is a line of EventsFile.
type Logged struct {
	At    time.Time       `json:"at"`
	Kind  string          `json:"kind"`
	Event json.RawMessage `json:"event"`
}

func (l *eventLog) add(e Event) {
	if l.err != nil {
		return
	}
	event, err := json.Marshal(e)
	if err == nil {
		event, err = json.Marshal(Logged{time.Now().UTC().Truncate(time.Millisecond), e.Kind(), event})
	}
	if err == nil {
		_, err = l.file.Write(append(inert.JSON(secret.JSON(event)), '\n'))
	}
	l.err = err
}

// close ends the log, and says if it is incomplete.
func (l *eventLog) close() error {
	if l.file != nil {
		if err := l.file.Close(); l.err == nil {
			l.err = err
		}
	}
	if l.err != nil {
		return fmt.Errorf("writing %s: %w", EventsFile, l.err)
	}
	return nil
}
