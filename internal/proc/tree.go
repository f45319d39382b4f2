package proc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"
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
	Reaped  time.Duration // that of its children that it has waited for
	Threads int
}

// Stopped reports whether a signal or a debugger keeps the process from running.
func (m Member) Stopped() bool { return m.State == "T" || m.State == "t" }

// dead reports whether the process has ended, and only its parent has not asked for its status yet.
func (m Member) dead() bool { return m.State == "Z" || m.State == "X" }

// Now reads the process again; it reports false if that process has ended.
func (m Member) Now() (Member, bool) {
	now, err := member(m.PID)
	return now, err == nil && now.Started == m.Started && !now.dead()
}

// Gaze reads the state of one process again and again. That of a server is read 20 times a second while it is
// measured, so it takes one system call on an open file, and leaves out what the kernel would add up over all
// threads of the process, of which runserver has one for each connection.
type Gaze struct {
	file *os.File
	buf  [1024]byte
}

// Gaze opens the state of the process. It must be closed. The file is that of this process: another one with its
// PID is not mistaken for it.
func (m Member) Gaze() (*Gaze, error) {
	pid := strconv.Itoa(m.PID)
	file, err := os.Open("/proc/" + pid + "/task/" + pid + "/stat")
	if err != nil {
		return nil, fmt.Errorf("watching the process %d: %w", m.PID, err)
	}
	g := &Gaze{file: file}
	if now, err := g.read(); err != nil || now.Started != m.Started {
		return nil, errors.Join(fmt.Errorf("watching the process %d: it has ended", m.PID), file.Close())
	}
	return g, nil
}

// Now reports whether the process is stopped, and whether it lives.
func (g *Gaze) Now() (stopped, lives bool) {
	m, err := g.read()
	return m.Stopped(), err == nil && !m.dead()
}

func (g *Gaze) read() (Member, error) {
	n, err := g.file.ReadAt(g.buf[:], 0)
	if n == 0 {
		return Member{}, err
	}
	return parseStat(g.buf[:n])
}

// Close stops watching.
func (g *Gaze) Close() error { return g.file.Close() }

func member(pid int) (Member, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return Member{}, err
	}
	return parseStat(text)
}

// parseStat reads a line of /proc/PID/stat (proc(5)), or of /proc/PID/task/TID/stat. procfs takes five times
// as long for it.
func parseStat(text []byte) (m Member, err error) {
	// The command may hold blanks and parentheses itself: it ends at the last one.
	open, end := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if open < 1 || end < open {
		return m, fmt.Errorf("reading the state of a process: %q is not a line of /proc/PID/stat", text)
	}
	m.Command = string(text[open+1 : end])
	fields := bytes.Fields(text[end+1:]) // from the third of proc(5) on
	if len(fields) < 20 {
		return m, fmt.Errorf("reading the state of %s: %d fields in /proc/PID/stat: want 22 or more",
			m.Command, len(fields)+2)
	}
	number := func(field []byte) (n uint64) {
		parsed, numberErr := strconv.ParseUint(string(field), 10, 64)
		err = errors.Join(err, numberErr)
		return parsed
	}
	m.State = string(fields[0])
	m.PID, m.Parent, m.Group = int(number(bytes.TrimSpace(text[:open]))), int(number(fields[1])), int(number(fields[2]))
	m.CPU, m.Reaped = ticks(number(fields[11])+number(fields[12])), ticks(number(fields[13])+number(fields[14]))
	m.Threads, m.Started = int(number(fields[17])), number(fields[19])
	return m, err
}

// All reads every process that this one can see.
func All() ([]Member, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("reading the processes: %w", err)
	}
	var all []Member
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue // not a process
		}
		if m, err := member(pid); err == nil { // else it has ended meanwhile
			all = append(all, m)
		}
	}
	return all, nil
}

// Below are the living processes with these PIDs, and all that descend from them.
func Below(all []Member, pids ...int) (below []Member) {
	children, in := map[int][]Member{}, map[int]bool{}
	add := func(m Member) {
		if !in[m.PID] && !m.dead() {
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

// Group are the members of a process group, those included that have ended and whose time nobody has taken over.
func Group(all []Member, group int) (members []Member) {
	for _, m := range all {
		if m.Group == group {
			members = append(members, m)
		}
	}
	return members
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
		if !m.dead() {
			living = append(living, m)
		}
	}
	return living
}
