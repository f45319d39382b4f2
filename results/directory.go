package results

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
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
)

// Directory is a run directory being written. Every file in it is complete: it is written under
// a temporary name, synced and renamed; a cell appears with all its files at once.
type Directory struct {
	Path     string
	manifest Manifest
	sums     map[string]string // path within the directory → SHA-256 in hex
}

// Create creates a run directory below root, named after time, command and a random part.
func Create(root string, m Manifest) (*Directory, error) {
	var random [4]byte
	_, _ = rand.Read(random[:]) // never fails: crypto/rand documents that it aborts instead
	name := fmt.Sprintf("%s-%s-%s", m.Started.UTC().Format("20060102T150405Z"), m.Name, hex.EncodeToString(random[:]))
	d := &Directory{Path: filepath.Join(root, name), sums: map[string]string{}}
	if err := os.MkdirAll(filepath.Join(d.Path, cellsDir), 0o700); err != nil {
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
	data = append(data, '\n')
	if err := WriteFile(filepath.Join(d.Path, manifestFile), data); err != nil {
		return err
	}
	d.manifest = m
	if m.Status == Complete {
		// Listed only when it is final: a crash between two renames would leave a manifest that
		// differs from its checksum, which would make all sealed cells unreadable.
		d.sums[manifestFile] = sum(data)
	}
	return d.writeSums()
}

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
func (d *Directory) Cells() int { return len(cellNames(d.sums)) }

// Manifest returns the manifest as last set.
func (d *Directory) Manifest() Manifest { return d.manifest }

// Seal writes a finished cell. Extra files (rendered configurations, logs) go next to its data,
// named by their path within the cell's folder.
func (d *Directory) Seal(c *Cell, extra map[string][]byte) error {
	files, err := cellFiles(c)
	if err != nil {
		return fmt.Errorf("sealing cell %s: %w", CellName(c), err)
	}
	for name, data := range extra {
		if !filepath.IsLocal(name) {
			return fmt.Errorf("sealing cell %s: file %q is outside the cell's folder", CellName(c), name)
		}
		files[name] = data
	}
	name := CellName(c)
	final := filepath.Join(d.Path, cellsDir, name)
	draft := filepath.Join(d.Path, cellsDir, "."+name+".tmp")
	if err := writeTree(draft, files); err != nil {
		_ = os.RemoveAll(draft)
		return fmt.Errorf("sealing cell %s: %w", name, err)
	}
	if err := os.Rename(draft, final); err != nil {
		_ = os.RemoveAll(draft)
		return fmt.Errorf("sealing cell %s: %w", name, err)
	}
	for file, data := range files {
		d.sums[cellsDir+"/"+name+"/"+filepath.ToSlash(file)] = sum(data)
	}
	return d.writeSums()
}

// Finish records how the run ended.
func (d *Directory) Finish(status string, elapsed time.Duration) error {
	m := d.manifest
	m.Status, m.Elapsed = status, elapsed.Round(time.Millisecond).Seconds()
	return d.SetManifest(m)
}

// FileName replaces the characters that are not portable in file names by "_".
func FileName(name string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == ',':
			return '+'
		case strings.ContainsRune("-_.=+", c), '0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
			return c
		}
		return '_'
	}, name)
}

// CellName is the name of a cell's folder.
func CellName(c *Cell) string {
	return fmt.Sprintf("%03d-%s-%s-%s-r%d", c.Index, c.Topology, c.Scenario, c.Load, c.Block)
}
