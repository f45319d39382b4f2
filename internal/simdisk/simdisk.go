// Package simdisk is a disk in memory on which everything that can go wrong does, at the operation that a
// test names: an operation fails, a file is cut short, the program is killed, the power fails. A power cut
// keeps what was synced and, of everything later, a part drawn from a seed, as the journals of file systems
// do. The same seed gives the same faults.
package simdisk

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"syscall"
)

// Fault is what goes wrong.
type Fault int

// The faults. All but the first two stop the program.
const (
	Fails   Fault = iota // the operation fails, and later ones work: a disk that was full for a moment
	Full                 // it fails, and so does every later one that needs room
	Killed               // the program is killed before the operation
	Torn                 // it is killed within it: half a file is written
	Unknown              // the operation succeeds, but the program is killed before it hears of it
	Power                // the power fails before the operation
	faults
)

// All are the faults.
func All() []Fault {
	var all []Fault
	for f := range faults {
		all = append(all, f)
	}
	return all
}

func (f Fault) String() string {
	return [...]string{"fails", "disk full", "killed", "killed within", "killed after", "power cut"}[f]
}

// Stopped is the panic that stands for the end of the program.
type Stopped struct{ Fault Fault }

// Disk is the simulated disk. It has the operations of results.Disk.
type Disk struct {
	root   *node
	random *rand.Rand
	fault  Fault
	at     int // the operation at which it happens, from 1; 0: none
	done   int // operations so far
	full   bool
}

// node is a file or a folder.
type node struct {
	data    []byte
	names   map[string]*node // of a folder, as programs see it
	lasting map[string]*node // as it is after a power cut
	pending []map[string]*node
}

func folder() *node { return &node{names: map[string]*node{}, lasting: map[string]*node{}} }

// New returns an empty disk on which the fault happens at the given operation; at 0, none does.
func New(fault Fault, at int, seed uint64) *Disk {
	return &Disk{root: folder(), random: rand.New(rand.NewPCG(seed, uint64(at))), fault: fault, at: at}
}

// Operations is the number of operations so far.
func (d *Disk) Operations() int { return d.done }

// Restart is what a program finds that starts after the fault: the same disk, on which nothing fails.
func (d *Disk) Restart() *Disk {
	if d.fault == Power && d.at > 0 && d.done >= d.at {
		d.root.powerCut(d.random)
	}
	return &Disk{root: d.root, random: d.random}
}

// powerCut keeps of each folder what was synced, and the first few of the later changes.
func (n *node) powerCut(random *rand.Rand) {
	if n.names == nil {
		return
	}
	for _, change := range n.pending[:random.IntN(len(n.pending)+1)] {
		apply(n.lasting, change)
	}
	n.names, n.pending = maps.Clone(n.lasting), nil
	for _, name := range slices.Sorted(maps.Keys(n.names)) {
		n.names[name].powerCut(random)
	}
}

// apply makes a change of a folder, in which a name without a node is one that goes.
func apply(names, change map[string]*node) {
	for name, to := range change {
		if to == nil {
			delete(names, name)
		} else {
			names[name] = to
		}
	}
}

// change changes a folder, until it is synced only as programs see it.
func (n *node) change(change map[string]*node) {
	apply(n.names, change)
	n.pending = append(n.pending, change)
}

// step is one operation of the program: what it does, and what of it is done if the program is killed within
// it. Reading needs no room and is never at fault.
func (d *Disk) step(does func() error, half func(), needsRoom bool) error {
	d.done++
	if d.full && needsRoom {
		return syscall.ENOSPC
	}
	if d.done != d.at {
		return does()
	}
	switch d.fault {
	case Fails:
		half()
		return syscall.EIO
	case Full:
		d.full = true
		if !needsRoom {
			return does()
		}
		half()
		return syscall.ENOSPC
	case Torn:
		half()
	case Unknown:
		_ = does()
	}
	panic(Stopped{d.fault})
}

func nothing() {}

// find returns the node of a name.
func (d *Disk) find(name string) (*node, error) {
	at := d.root
	for part := range strings.SplitSeq(path.Clean(name), "/") {
		if part == "." {
			continue
		}
		if at = at.names[part]; at == nil {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		}
	}
	return at, nil
}

// parent returns the folder of a name, and the last part of the name.
func (d *Disk) parent(name string) (*node, string, error) {
	dir, err := d.find(path.Dir(name))
	if err == nil && dir.names == nil {
		err = &fs.PathError{Op: "open", Path: name, Err: syscall.ENOTDIR}
	}
	return dir, path.Base(name), err
}

// Mkdir is part of results.Disk.
func (d *Disk) Mkdir(name string) error {
	return d.step(func() error {
		at := d.root
		for part := range strings.SplitSeq(path.Clean(name), "/") {
			if at.names[part] == nil && part != "." {
				at.change(map[string]*node{part: folder()})
			}
			if part != "." {
				at = at.names[part]
			}
		}
		return nil
	}, nothing, true)
}

// Write is part of results.Disk.
func (d *Disk) Write(name string, data []byte) error {
	write := func(data []byte) error {
		dir, base, err := d.parent(name)
		if err == nil && dir.names[base] != nil {
			err = &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
		}
		if err == nil {
			dir.change(map[string]*node{base: {data: slices.Clone(data)}})
		}
		return err
	}
	return d.step(func() error { return write(data) }, func() { _ = write(data[:len(data)/2]) }, true)
}

// Rename is part of results.Disk. It knows renaming within a folder only.
func (d *Disk) Rename(from, to string) error {
	if path.Dir(from) != path.Dir(to) {
		return fmt.Errorf("renaming %s to %s: a simulated disk does not move things between folders", from, to)
	}
	return d.step(func() error {
		dir, base, err := d.parent(from)
		if err != nil {
			return err
		}
		moved, there := dir.names[base], dir.names[path.Base(to)]
		if moved == nil {
			return &fs.PathError{Op: "rename", Path: from, Err: fs.ErrNotExist}
		}
		if there != nil && there.names != nil && len(there.names) > 0 {
			return &fs.PathError{Op: "rename", Path: to, Err: syscall.ENOTEMPTY}
		}
		dir.change(map[string]*node{base: nil, path.Base(to): moved})
		return nil
	}, nothing, true)
}

// Remove is part of results.Disk.
func (d *Disk) Remove(name string) error {
	return d.step(func() error {
		dir, base, err := d.parent(name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && dir.names[base] != nil {
			dir.change(map[string]*node{base: nil})
		}
		return err
	}, nothing, false)
}

// Sync is part of results.Disk.
func (d *Disk) Sync(name string) error {
	return d.step(func() error {
		dir, err := d.find(name)
		if err != nil {
			return err
		}
		for _, change := range dir.pending {
			apply(dir.lasting, change)
		}
		dir.pending = nil
		return nil
	}, nothing, true)
}

// Read is part of results.Disk.
func (d *Disk) Read(name string) ([]byte, error) {
	file, err := d.find(name)
	if err == nil && file.names != nil {
		err = &fs.PathError{Op: "read", Path: name, Err: syscall.EISDIR}
	}
	if err != nil {
		return nil, err
	}
	return slices.Clone(file.data), nil
}

// List is part of results.Disk.
func (d *Disk) List(name string) ([]string, error) {
	dir, err := d.find(name)
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(dir.names)), nil
}
