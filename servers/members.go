package servers

import (
	"fmt"

	"bench/internal/proc"
)

// Member is one process of a running cluster.
type Member struct {
	Of string // the process of the blueprint to which it belongs
	// Fleeting says that it may end at any time: a database has a process for each connection.
	Fleeting bool
	proc.Member
}

// Gaze reads the state of one process again and again: see Member.Gaze.
type Gaze = proc.Gaze

func (m Member) String() string { return fmt.Sprintf("%s (PID %d, of %s)", m.Command, m.PID, m.Of) }

// Now reads the process again; it reports false if that process has ended.
func (m Member) Now() (Member, bool) {
	now, lives := m.Member.Now()
	return Member{m.Of, m.Fleeting, now}, lives
}

// Members are all living processes of the cluster: those that bench started, and all that descend
// from them.
func (c *Cluster) Members() ([]Member, error) {
	if len(c.processes) == 0 {
		return nil, nil
	}
	all, err := proc.All()
	if err != nil {
		return nil, err
	}
	var members []Member
	for i, process := range c.processes {
		for _, m := range proc.Tree(all, process.PID()) {
			p := c.blueprint.Processes[i]
			members = append(members, Member{p.Name, p.Service && m.PID != process.PID(), m})
		}
	}
	return members, nil
}
