package proc

import (
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/procfs"
)

// Member is one process, as the kernel showed it at one moment.
type Member struct {
	PID     int
	Parent  int
	Group   int
	Started uint64 // clock ticks after the machine's boot, since PIDs are reused
	State   string // the letter of /proc/PID/stat
	Command string
	CPU     time.Duration // its own, in steps of 10 ms
}

// Stopped reports whether a signal or a debugger keeps the process from running.
func (m Member) Stopped() bool { return m.State == "T" || m.State == "t" }

// Now reads the process again; it reports false if that process has ended.
func (m Member) Now() (Member, bool) {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return m, false
	}
	process, err := fs.Proc(m.PID)
	if err != nil {
		return m, false
	}
	now, err := member(process)
	return now, err == nil && now.Started == m.Started && now.State != "Z" && now.State != "X"
}

func member(p procfs.Proc) (Member, error) {
	s, err := p.Stat()
	return Member{
		PID: s.PID, Parent: s.PPID, Group: s.PGRP, Started: s.Starttime, State: s.State, Command: s.Comm,
		CPU: ticks(s.UTime + s.STime),
	}, err
}

// All reads every process that this one can see.
func All() ([]Member, error) {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return nil, fmt.Errorf("reading the processes: %w", err)
	}
	processes, err := fs.AllProcs()
	if err != nil {
		return nil, fmt.Errorf("reading the processes: %w", err)
	}
	var all []Member
	for _, process := range processes {
		if m, err := member(process); err == nil { // else it has ended meanwhile
			all = append(all, m)
		}
	}
	return all, nil
}

// Below are the living processes with these PIDs, and all that descend from them.
func Below(all []Member, pids ...int) (below []Member) {
	children, in := map[int][]Member{}, map[int]bool{}
	add := func(m Member) {
		if !in[m.PID] && m.State != "Z" && m.State != "X" {
			below, in[m.PID] = append(below, m), true
		}
	}
	for _, m := range all {
		children[m.Parent] = append(children[m.Parent], m)
		if slices.Contains(pids, m.PID) {
			add(m)
		}
	}
	for i := 0; i < len(below); i++ {
		for _, child := range children[below[i].PID] {
			add(child)
		}
	}
	return below
}

// Tree are the living members of a process group, and all that descend from them.
func Tree(all []Member, group int) (tree []Member) {
	children, in := map[int][]Member{}, map[int]bool{}
	for _, m := range all {
		children[m.Parent] = append(children[m.Parent], m)
		if m.Group == group {
			tree, in[m.PID] = append(tree, m), true
		}
	}
	for i := 0; i < len(tree); i++ {
		for _, child := range children[tree[i].PID] {
			if !in[child.PID] {
				tree, in[child.PID] = append(tree, child), true
			}
		}
	}
	living := tree[:0]
	for _, m := range tree {
		if m.State != "Z" && m.State != "X" {
			living = append(living, m)
		}
	}
	return living
}
