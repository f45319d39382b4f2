package results

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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

func cellFiles(c *Cell) (map[string][]byte, error) {
	if err := c.Counts.Check(); err != nil {
		return nil, err
	}
	if total := TotalCounts(c.Intervals); total != c.Counts {
		return nil, fmt.Errorf("the intervals add up to %+v, the cell says %+v", total, c.Counts)
	}
	meta, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return nil, err
	}
	var hlog, counts, usage bytes.Buffer
	err = errors.Join(writeHlog(&hlog, c.Intervals), writeCounts(&counts, c.Intervals), writeUsage(&usage, c.Usage))
	if err != nil {
		return nil, err
	}
	return map[string][]byte{
		cellFile: append(meta, '\n'), hlogFile: hlog.Bytes(), countsFile: counts.Bytes(), usageFile: usage.Bytes(),
	}, nil
}

func (d *Directory) writeSums() error {
	names := make([]string, 0, len(d.sums))
	for name := range d.sums {
		names = append(names, name)
	}
	slices.Sort(names)
	var out bytes.Buffer
	for _, name := range names {
		fmt.Fprintf(&out, "%s  %s\n", d.sums[name], name)
	}
	return WriteFile(filepath.Join(d.Path, sumsFile), out.Bytes())
}

func sum(data []byte) string {
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}

// WriteFile writes a file of mode 0600 that is never seen half written: temporary file in the
// same folder, sync, rename, sync of the folder.
func WriteFile(path string, data []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.tmp")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
			err = fmt.Errorf("writing %s: %w", path, err)
		}
	}()
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func writeTree(root string, files map[string][]byte) error {
	if err := os.RemoveAll(root); err != nil {
		return err
	}
	for name, data := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		_, err = f.Write(data)
		if err == nil {
			err = f.Sync()
		}
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return syncDir(root)
}

// ErrNotRun marks a folder that is not a run directory.
var ErrNotRun = errors.New("not a run directory")

// Load reads a run directory. Damage to any file that a report needs is an error that names the
// file; an interrupted run loads with the cells it had sealed.
func Load(dir string) (*Run, error) {
	run, err := load(dir)
	if err != nil {
		return nil, fmt.Errorf("reading run %s: %w", dir, err)
	}
	return run, nil
}

func load(dir string) (*Run, error) {
	sums, err := readSums(dir)
	if err != nil {
		return nil, err
	}
	var data []byte
	if _, final := sums[manifestFile]; final {
		data, err = readChecked(dir, manifestFile, sums)
	} else {
		data, err = readRegular(filepath.Join(dir, manifestFile))
	}
	if err != nil {
		return nil, err
	}
	run := &Run{}
	schema := ""
	if run.Manifest, schema, err = decodeManifest(data); err != nil {
		return nil, fmt.Errorf("%s: %w", manifestFile, err)
	}
	seen := map[string]bool{}
	for _, name := range cellNames(sums) {
		path := cellsDir + "/" + name
		cell, err := loadCell(dir, path, sums, schema)
		if err != nil {
			return nil, err
		}
		if err := run.Manifest.fits(cell); err != nil {
			return nil, fmt.Errorf("%s/%s: %w", path, cellFile, err)
		}
		key := fmt.Sprintf("%s/%s/%s/%d", cell.Topology, cell.Scenario, cell.Load, cell.Block)
		if cell.Again > 0 {
			key += fmt.Sprintf(" again %d", cell.Again)
		}
		if seen[key] {
			return nil, fmt.Errorf("%s: a second cell for %s", path, key)
		}
		seen[key] = true
		run.Cells = append(run.Cells, cell)
	}
	return run, nil
}

// fits returns why a cell cannot belong to the run, if it cannot.
func (m Manifest) fits(c *Cell) error {
	named := slices.ContainsFunc(m.Topologies, func(t TopologyRecord) bool { return t.Name == c.Topology })
	sane := func(v float64) bool { return v >= 0 && v < 1e9 } // false for NaN
	switch after := c.Started.Sub(m.Started); {
	case !named:
		return fmt.Errorf("topology %q is not in the manifest", c.Topology)
	case c.Grade != Valid && c.Grade != Degraded && c.Grade != Invalid:
		return fmt.Errorf("grade %q", c.Grade)
	case c.Mode != OpenLoop && c.Mode != ClosedLoop:
		return fmt.Errorf("mode %q", c.Mode)
	case c.Mode == OpenLoop && !(c.Rate > 0 && sane(c.Rate)):
		return fmt.Errorf("an open loop at rate %g", c.Rate)
	case !(c.Duration > 0 && sane(c.Duration)) || !sane(c.Elapsed):
		return fmt.Errorf("duration %g s, elapsed %g s", c.Duration, c.Elapsed)
	case c.Block < 1 || c.Connections < 1:
		return fmt.Errorf("block %d, %d connections", c.Block, c.Connections)
	case after < -time.Hour || after > 30*24*time.Hour:
		return fmt.Errorf("it started %v after the run", after)
	}
	return nil
}

// decodeManifest reads a manifest of this schema or an older one, and says which.
func decodeManifest(data []byte) (m Manifest, schema string, err error) {
	var head struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return m, "", err
	}
	switch head.Schema {
	case RunSchema:
		err = json.Unmarshal(data, &m)
	case runSchema1:
		m, err = manifestOfSchema1(data)
	default:
		err = fmt.Errorf("schema %q, but this bench reads %q and %q; use the version that wrote it",
			head.Schema, runSchema1, RunSchema)
	}
	return m, head.Schema, err
}

var sumLine = regexp.MustCompile(`^([0-9a-f]{64})  (.+)$`)

func readSums(dir string) (map[string]string, error) {
	data, err := readRegular(filepath.Join(dir, sumsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: there is no %s in it", ErrNotRun, sumsFile)
	}
	if err != nil {
		return nil, err
	}
	sums := map[string]string{}
	for i, line := range strings.Split(strings.TrimSuffix(string(data), "\n"), "\n") {
		if line == "" && i == 0 {
			break // nothing is sealed yet
		}
		m := sumLine.FindStringSubmatch(line)
		if m == nil || !filepath.IsLocal(m[2]) {
			return nil, fmt.Errorf("%s: line %d is not a checksum and a path", sumsFile, i+1)
		}
		sums[m[2]] = m[1]
	}
	return sums, nil
}

func cellNames(sums map[string]string) []string {
	var names []string
	for path := range sums {
		parts := strings.Split(path, "/")
		if len(parts) == 3 && parts[0] == cellsDir && parts[2] == cellFile {
			names = append(names, parts[1])
		}
	}
	slices.Sort(names)
	return names
}

// mostBytes is the size beyond which no file of a run directory can be valid.
const mostBytes = 64 << 20

// readRegular reads a file of a run directory, which may come from anywhere: it refuses links,
// pipes that never end and files larger than they can be.
func readRegular(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > mostBytes {
		return nil, fmt.Errorf("%s is not a regular file of at most %d MiB", path, mostBytes>>20)
	}
	return os.ReadFile(path)
}

func readChecked(dir, name string, sums map[string]string) ([]byte, error) {
	want, listed := sums[name]
	if !listed {
		return nil, fmt.Errorf("%s: %s does not list it", name, sumsFile)
	}
	data, err := readRegular(filepath.Join(dir, name))
	if err != nil {
		return nil, err
	}
	if sum(data) != want {
		return nil, fmt.Errorf("%s: differs from its checksum in %s: truncated or changed after the run", name, sumsFile)
	}
	return data, nil
}

func loadCell(dir, path string, sums map[string]string, schema string) (*Cell, error) {
	files := map[string][]byte{}
	for _, name := range []string{cellFile, hlogFile, countsFile, usageFile} {
		data, err := readChecked(dir, path+"/"+name, sums)
		if err != nil {
			return nil, err
		}
		files[name] = data
	}
	if schema == runSchema1 {
		if err := cellOfSchema1(files); err != nil {
			return nil, fmt.Errorf("%s/%w", path, err)
		}
	}
	cell, err := decodeCell(files)
	if err != nil {
		return nil, fmt.Errorf("%s/%w", path, err)
	}
	if schema == runSchema1 {
		cell.addPacer()
	}
	return cell, nil
}

// decodeCell reads the files of one cell; its errors start with the file's name.
func decodeCell(files map[string][]byte) (*Cell, error) {
	c := &Cell{}
	if err := json.Unmarshal(files[cellFile], c); err != nil {
		return nil, fmt.Errorf("%s: %w", cellFile, err)
	}
	var err error
	if c.Intervals, err = readCounts(bytes.NewReader(files[countsFile])); err != nil {
		return nil, fmt.Errorf("%s: %w", countsFile, err)
	}
	if err := readHlog(bytes.NewReader(files[hlogFile]), c.Intervals); err != nil {
		return nil, fmt.Errorf("%s: %w", hlogFile, err)
	}
	if c.Usage, err = readUsage(bytes.NewReader(files[usageFile])); err != nil {
		return nil, fmt.Errorf("%s: %w", usageFile, err)
	}
	if total := TotalCounts(c.Intervals); total != c.Counts {
		return nil, fmt.Errorf("%s: adds up to %+v, but %s says %+v", countsFile, total, cellFile, c.Counts)
	}
	return c, nil
}

// Finish records how the run ended.
func (d *Directory) Finish(status string, elapsed time.Duration) error {
	m := d.manifest
	m.Status, m.Elapsed = status, elapsed.Round(time.Millisecond).Seconds()
	return d.SetManifest(m)
}
