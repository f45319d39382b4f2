package fleet

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"bench/loadgen"
	"bench/results"
)

// mostBytes bounds every message; the engine drops the connection of whoever sends more.
const mostBytes = 8 << 20

// Invitation lets one worker take part in one run. It is a secret: it goes through the stream to the worker,
// never into a command line.
type Invitation struct {
	Run      string `json:"run"`
	Worker   string `json:"worker"` // the last part of its subjects, and its name for the engine
	Password string `json:"password"`
}

// present is what a worker says first on its stream: that it has read its invitation.
const present = "\n"

// subject is where a worker is told to do something, or tells something.
func subject(run, worker, direction, what string) string {
	return "run." + run + "." + worker + "." + direction + "." + what
}

// hello is what a worker says of itself when it joins.
type hello struct {
	Version string `json:"version"`
	Binary  string `json:"binary"` // SHA-256 of the program
	Host    string `json:"host"`
	Cores   int    `json:"cores"`
}

// job is a part of a load, for one worker.
type job struct {
	Number int             `json:"number"`
	Plan   loadgen.Plan    `json:"plan"`
	Engine json.RawMessage `json:"engine"` // in the form of whoever makes engines
}

// accepted is a worker's answer to a job: what it understood.
type accepted struct {
	Digest string `json:"digest"` // of the plan
}

// clockReading is when a question came and the answer left, on the worker's clock.
type clockReading struct {
	Came time.Duration `json:"came_ns"`
	Left time.Duration `json:"left_ns"`
}

// startAt is the common start, on the worker's own clock.
type startAt struct {
	At time.Duration `json:"at_ns"`
}

// delta is what a worker recorded since its last one.
type delta struct {
	Job       int                `json:"job"`
	Number    int                `json:"number"` // from 0
	Intervals []results.Interval `json:"intervals"`
}

func (d delta) number() int { return d.Job }

// done is a worker's last word on a job.
type done struct {
	Job         int                 `json:"job"`
	Measurement loadgen.Measurement `json:"measurement"` // without intervals: the deltas were these
	Start       time.Duration       `json:"start_ns"`    // of its engine's clock, on its own
	Deltas      int                 `json:"deltas"`
	Digest      string              `json:"digest"` // of all deltas
	Failure     *failure            `json:"failure,omitempty"`
}

func (d done) number() int { return d.Job }

// answer is the reply to whatever has no other.
type answer struct {
	Failure *failure `json:"failure,omitempty"`
}

// failure is an error that travels. Its kind is the position of what it is in a table, so that the exit code
// of bench is that of the worker's own error.
type failure struct {
	Kind string `json:"kind,omitempty"`
	Text string `json:"text"`
}

var kinds = []struct {
	name string
	err  error
}{
	{"refused", loadgen.ErrRefused},
	{"too-few", loadgen.ErrTooFew},
	{"unfit", ErrUnfit},
}

func failureOf(err error) *failure {
	if err == nil {
		return nil
	}
	f := &failure{Text: err.Error()}
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			f.Kind = k.name
		}
	}
	return f
}

func (f *failure) err() error {
	if f == nil {
		return nil
	}
	for _, k := range kinds {
		if f.Kind == k.name {
			return &remoteError{f.Text, k.err}
		}
	}
	return errors.New(f.Text)
}

// remoteError is an error of another process: its text, and what it is.
type remoteError struct {
	text string
	kind error
}

func (e *remoteError) Error() string { return e.text }
func (e *remoteError) Unwrap() error { return e.kind }

// decode reads a message that came from another process.
func decode[T any](data []byte) (value T, err error) {
	if len(data) > mostBytes {
		return value, fmt.Errorf("a message of %d bytes: want at most %d", len(data), mostBytes)
	}
	if err := json.Unmarshal(data, &value); err != nil {
		return value, fmt.Errorf("reading a message as %T: %w", value, err)
	}
	return value, nil
}

// encode writes a message. All of them can be written: what cannot is a defect.
func encode(value any) ([]byte, error) {
	data, err := json.Marshal(value)
	if err == nil && len(data) > mostBytes {
		err = fmt.Errorf("a message of %d bytes: want at most %d", len(data), mostBytes)
	}
	if err != nil {
		return nil, fmt.Errorf("writing %T: %w", value, err)
	}
	return data, nil
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// digestOf is the digest of all deltas, by number.
func digestOf(deltas map[int]string) string {
	numbers := make([]int, 0, len(deltas))
	for number := range deltas {
		numbers = append(numbers, number)
	}
	slices.Sort(numbers)
	var all []byte
	for _, number := range numbers {
		all = append(all, deltas[number]...)
	}
	return digest(all)
}
