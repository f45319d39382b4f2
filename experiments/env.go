package experiments

import (
	"bytes"
	"context"

	"bench/loadgen"
	"bench/results"
	"bench/servers"
)

// Env is all that an experiment may touch of the outside world. The command passes one in; tests
// pass their own.
type Env struct {
	Version string // of bench, for the record

	Results   string // the folder that holds the run directories
	Cache     string // the folder of installed tools, prepared apps and port reservations
	Temporary string // the folder of scratch files; "": the system's

	Path     string   // where to look for programs, as in $PATH
	User     []string // the user's own environment, which holds the settings of git, pip and apt
	Services []string // that bench runs for every app, whatever its bench.yaml says; see servers.Service
	Servers  []string // the environment of servers: enough to find programs, and no secrets
	Keeper   []string // the command line of the keeper process

	// Fleet makes the hosts that servers and load run on, anew for each stack, and Placement says which process runs
	// on which of them; nil: all of it runs on this machine. What it makes has started nothing.
	Fleet     func() Fleet
	Placement servers.Placement

	Guard  loadgen.Guard
	Engine loadgen.Engine
	// Several sends loads from several processes, each with files and ports of its own; it returns what ends them. Nil:
	// there is only this one.
	Several func(ctx context.Context, processes int) (loadgen.Measurer, func() error, error)
	// SharedMachine accepts what other programs do to the measurements; see scenarios.Runner.
	SharedMachine bool

	Config map[string]string // every setting of the command with its value, for the record
	Emit   func(Event)       // receives events, one at a time; may be nil
}

// emit passes an event on.
func (e Env) emit(event Event) {
	if e.Emit != nil {
		e.Emit(event)
	}
}

// Say emits a message.
func (e Env) Say(text string) { e.emit(Message{text}) }

// Warn emits a diagnostic.
func (e Env) Warn(d results.Diagnostic) {
	e.emit(Diagnostic{d})
}

// lines turns each line that is written to it into a message.
type lines struct {
	env     Env
	partial []byte
}

// Write never fails.
func (l *lines) Write(p []byte) (int, error) {
	l.partial = append(l.partial, p...)
	for {
		line, rest, whole := bytes.Cut(l.partial, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		l.env.Say(string(line))
		l.partial = bytes.Clone(rest)
	}
}
