package results

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"bench/internal/secret"
)

// Names within a run directory.
const (
	manifestFile = "manifest.json"
	sumsFile     = "SHA256SUMS"
	cellsDir     = "cells"
	cellFile     = "cell.json"
	hlogFile     = "latency.hlog"
	countsFile   = "counts.csv"
	usageFile    = "usage.csv"
	momentsFile  = "moments.csv" // of a cell with incidents
)

// Directory is a run directory being written. Every file in it is complete, and a cell appears with all
// its files at once. What SetManifest and Seal have returned for without an error survives whatever
// happens next, a power cut included. Secrets that can be told are not written.
type Directory struct {
	Path     string
	disk     Disk
	manifest Manifest
	sums     checksums
	measured map[string]bool // the cells of the plan that are sealed; see Cell.key
}

// Create creates a run directory below root, named after time, command and a random part.
func Create(root string, m Manifest) (*Directory, error) {
	var random [4]byte
	_, _ = rand.Read(random[:]) // never fails: crypto/rand documents that it aborts instead
	name := fmt.Sprintf("%s-%s-%s", m.Started.UTC().Format("20060102T150405Z"), m.Name, hex.EncodeToString(random[:]))
	sweep(root)
	dir, draft := filepath.Join(root, name), filepath.Join(root, draftPrefix+name)
	if err := os.MkdirAll(draft, 0o700); err != nil {
		return nil, fmt.Errorf("creating the run directory: %w", err)
	}
	d, err := CreateOn(Folder(draft), dir, m)
	if err == nil {
		err = os.Rename(draft, dir)
	}
	if err == nil {
		err = Folder(root).Sync(".")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("creating the run directory: %w", err), os.RemoveAll(draft))
	}
	d.disk = Folder(dir)
	return d, nil
}

// draftPrefix begins the name of a run directory that has no manifest yet: a program that is killed then leaves
// nothing that looks like a run.
const draftPrefix = "."

// drafts are the names of such directories, and abandoned is how old one is that nobody will finish.
const (
	drafts    = draftPrefix + "[0-9]*T[0-9]*Z-*"
	abandoned = time.Minute
)

// sweep removes what was left of them.
func sweep(root string) {
	left, _ := filepath.Glob(filepath.Join(root, drafts)) // fails only for a bad pattern
	for _, dir := range left {
		if info, err := os.Lstat(dir); err == nil && info.IsDir() && time.Since(info.ModTime()) > abandoned {
			_ = os.RemoveAll(dir) // it is in nobody's way
		}
	}
}

// CreateOn starts a run directory on an empty disk, which is known as path.
func CreateOn(disk Disk, path string, m Manifest) (*Directory, error) {
	d := &Directory{
		Path: path, disk: disk, sums: checksums{files: map[string]string{}}, measured: map[string]bool{},
	}
	if err := errors.Join(disk.Mkdir(cellsDir), disk.Sync(".")); err != nil {
		return nil, fmt.Errorf("creating the run directory: %w", err)
	}
	m.Schema, m.Status = RunSchema, Partial
	if err := d.SetManifest(m); err != nil {
		return nil, err
	}
	return d, nil
}

// SetManifest replaces the manifest.
func (d *Directory) SetManifest(m Manifest) error {
	m.Schema = RunSchema
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the manifest: %w", err)
	}
	data = append(secret.JSON(data), '\n')
	// The list comes first, and knows both: whichever is in place when the program is killed, it fits.
	d.sums.manifests = append(d.sums.manifests, sum(data))
	if err := d.writeSums(); err != nil {
		return err
	}
	if err := put(d.disk, manifestFile, data); err != nil {
		return err
	}
	d.manifest = m
	d.sums.manifests = []string{sum(data)}
	if m.Status != Complete {
		return nil
	}
	d.sums.files[manifestFile], d.sums.manifests = sum(data), nil
	return d.writeSums()
}

func (d *Directory) writeSums() error { return put(d.disk, sumsFile, d.sums.encode()) }

// SetFindings replaces the findings, in the form of the run's kind.
func (d *Directory) SetFindings(findings any) error {
	m := d.manifest
	var err error
	if m.Findings, err = Encode(findings); err != nil {
		return err
	}
	return d.SetManifest(m)
}

// Cells is the number of sealed cells.
func (d *Directory) Cells() int { return len(d.sums.cells()) }

// Manifest returns the manifest as last set.
func (d *Directory) Manifest() Manifest { return d.manifest }

// FileName replaces the characters that are not portable in file names by "_", and what is secret.
func FileName(name string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == ',':
			return '+'
		case strings.ContainsRune("-_.=+", c), '0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
			return c
		}
		return '_'
	}, secret.Redact(name))
}

// CellName is the name of a cell's folder.
func CellName(c *Cell) string {
	return fmt.Sprintf("%03d-%s-%s-%s-r%d", c.Index, c.Topology, c.Scenario, c.Load, c.Block)
}

// Seal writes a finished cell. Extra files (rendered configurations, logs) go next to its data,
// named by their path within the cell's folder.
func (d *Directory) Seal(c *Cell, extra map[string][]byte) error {
	name := CellName(c)
	if err := d.seal(name, c, extra); err != nil {
		return fmt.Errorf("sealing cell %s: %w", name, err)
	}
	return nil
}

func (d *Directory) seal(name string, c *Cell, extra map[string][]byte) error {
	if err := c.impossible(); err != nil {
		return err
	}
	files, err := cellFiles(c)
	if err != nil {
		return err
	}
	for file, data := range extra {
		if !filepath.IsLocal(file) {
			return fmt.Errorf("file %q is outside the cell's folder", file)
		}
		files[filepath.ToSlash(file)] = []byte(secret.Redact(string(data)))
	}
	if err := putTree(d.disk, path.Join(cellsDir, name), files); err != nil {
		return err
	}
	for file, data := range files {
		d.sums.files[path.Join(cellsDir, name, file)] = sum(data)
	}
	if err := d.writeSums(); err != nil {
		return err
	}
	d.measured[c.key()] = true
	return nil
}

// Finish records how the run ended. A complete run has every cell of its plan.
func (d *Directory) Finish(status string, elapsed time.Duration) error {
	m := d.manifest
	m.Status, m.Elapsed, m.Sealed = status, elapsed.Round(time.Millisecond).Seconds(), d.Cells()
	if m.Status == Complete && m.Planned > 0 && len(d.measured) != m.Planned {
		return fmt.Errorf("finishing the run: %d cells of the plan are sealed, but %d were planned",
			len(d.measured), m.Planned)
	}
	return d.SetManifest(m)
}
