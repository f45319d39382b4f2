// Package place starts workers: processes of bench, here or on other machines, whose standard input and
// output are their connection to the hub. No port is opened for that on any machine, except for workers that
// come by themselves. A worker ends when its input does, so that none outlives whoever started it.
package place

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"bench/fleet"
)

// Kind is a way to place workers.
type Kind struct {
	Name    string
	Form    string // what follows the name and a colon
	Summary string
	parse   func(rest string, o Options) (fleet.Place, error)
}

// Kinds are the rows of the table of placements.
var Kinds = []Kind{
	{"local", "N", "N processes on this machine", parseLocal},
	{"ssh", "HOST,…", "a process on each host, by ssh", parseSSH},
	{"k8s", "N", "N pods in a Kubernetes cluster, by kubectl", parseKubernetes},
	{"join", "N", "N workers that come by themselves, by TLS", parseJoin},
}

// Options are what placements need to know of the world.
type Options struct {
	Program string   // the path of this program
	Binary  string   // its SHA-256
	Args    []string // those of a worker
	Env     []string // of local processes
	SSH     []string // the command for ssh, with its own flags
	Pods    Pods     // what pods are made of
	Join    Joining  // for workers that come by themselves
	// Heard gets what a process says on standard error, as it comes; nil: the end of it becomes part of its error.
	Heard io.Writer
}

// Parse reads a placement, such as local:4 or ssh:a,b.
func Parse(text string, o Options) (fleet.Place, error) {
	name, rest, _ := strings.Cut(text, ":")
	for _, k := range Kinds {
		if k.Name != name {
			continue
		}
		p, err := k.parse(rest, o)
		if err != nil {
			return nil, fmt.Errorf("%q: %w; want %s:%s", text, err, k.Name, k.Form)
		}
		return p, nil
	}
	return nil, fmt.Errorf("%q is not a placement of workers: want %s", text, Forms())
}

// Forms lists the forms of all kinds.
func Forms() string {
	var forms []string
	for _, k := range Kinds {
		forms = append(forms, k.Name+":"+k.Form)
	}
	last := len(forms) - 1
	return strings.Join(forms[:last], ", ") + " or " + forms[last]
}

// mostWorkers bounds a fleet.
const mostWorkers = 1024

// checkNames refuses too many workers, none, and one that is named twice.
func checkNames(names []string) error {
	seen := map[string]bool{}
	for _, name := range names {
		switch {
		case name == "":
			return errors.New("a name is missing")
		case seen[name]:
			return fmt.Errorf("%s is named twice", name)
		}
		seen[name] = true
	}
	if len(names) == 0 || len(names) > mostWorkers {
		return fmt.Errorf("%d workers: want 1 to %d", len(names), mostWorkers)
	}
	return nil
}
