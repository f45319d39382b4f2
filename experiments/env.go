package experiments

import (
	"bytes"

	"bench/loadgen"
	"bench/results"
)

// Env is what an experiment may touch of the world. The command hands it in; a test hands in
// another one.
type Env struct {
	Version string // of bench, for the record

	Results   string // the folder that holds the run directories
	Cache     string // the folder of what set-up installed, prepared apps and port reservations
	Temporary string // the folder of scratch files; "" is the system's

	Path    string   // where programs are looked for, as in $PATH
	User    []string // the user's own environment: git, pip and apt have their settings there
	Servers []string // the environment of servers: enough to find programs, and no secret
	Keeper  []string // the command line of the keeper process

	Guard  loadgen.Guard
	Engine loadgen.Engine

	Config map[string]string // every setting of the command with its value, for the record
	Emit   func(Event)       // is told what happens, one event at a time; may be nil
}

// emit tells an event.
func (e Env) emit(event Event) {
	if e.Emit != nil {
		e.Emit(event)
	}
}

// Say tells a sentence that stays to be read.
func (e Env) Say(text string) { e.emit(Message{text}) }

// Warn tells a diagnostic.
func (e Env) Warn(d results.Diagnostic) {
	e.emit(Diagnostic{d})
}

// lines makes a message of each line that is written to it.
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
