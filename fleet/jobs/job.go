// Package jobs is a queue of measurements for a team's machines: whoever has a token adds command lines of
// bench, and each machine carries out one at a time. What a machine that is lost was working on goes back to
// the queue. The queue, what is known of each job, and the runs are kept by an embedded NATS server with
// JetStream.
package jobs

import (
	"crypto/rand"
	"strings"
	"time"
)

// State is how far a job is.
type State string

// The states of a job.
const (
	Waiting   State = "waiting"
	Running   State = "running"
	Done      State = "done"
	Cancelled State = "cancelled"
	Abandoned State = "abandoned" // several machines were lost while they worked on it
)

// Job is a command line of bench for some machine, and what has become of it.
type Job struct {
	ID      string    `json:"id"`
	Args    []string  `json:"args"`
	By      string    `json:"by"` // whose token it was added with
	Added   time.Time `json:"added"`
	State   State     `json:"state"`
	Machine string    `json:"machine,omitempty"` // that works on it, or did last
	Lost    []string  `json:"lost,omitempty"`    // machines that were lost while they worked on it
	Started time.Time `json:"started,omitzero"`
	Ended   time.Time `json:"ended,omitzero"`
	Exit    int       `json:"exit"`           // of a job that is done: its exit code
	Said    string    `json:"said,omitempty"` // its last words, if that is not 0
	Kept    []string  `json:"kept,omitempty"` // the names of the files that it left
}

// Over reports whether nobody will work on it any more.
func (j Job) Over() bool { return j.State == Done || j.State == Cancelled || j.State == Abandoned }

// Command is the job as one would type it.
func (j Job) Command() string { return "bench " + strings.Join(j.Args, " ") }

func newID(now time.Time) string {
	return now.UTC().Format("20060102T150405Z") + "-" + strings.ToLower(rand.Text()[:6])
}

// How a machine shows that it still works on a job, and how soon a job of one that does not is given to
// another. A machine that was cut off for so long ends its work.
const (
	beatEvery = 2 * time.Second
	missed    = 5 // beats
	mostLost  = 3 // machines, until a job is abandoned: it may be the reason
)

// Names within the engine.
const (
	stream   = "JOBS"
	subject  = "jobs.any"
	consumer = "machines"
	records  = "jobs"
	results  = "results"
)
