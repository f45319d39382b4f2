package results

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"bench/internal/secret"
	"bench/internal/strict"
)

// ErrNotRun marks a folder that is not a run directory.
var ErrNotRun = errors.New("not a run directory")

// Load reads a run directory. Damage to any file that a report needs is an error that names the
// file; an interrupted run loads with the cells it had sealed.
func Load(dir string) (*Run, error) {
	run, err := LoadFrom(Folder(dir))
	if err != nil {
		return nil, fmt.Errorf("reading run %s: %w", dir, err)
	}
	return run, nil
}

// LoadFrom is Load for any disk.
func LoadFrom(disk Disk) (*Run, error) {
	sums, err := readSums(disk)
	if err != nil {
		return nil, err
	}
	run := &Run{}
	schema := ""
	if run.Manifest, schema, err = loadManifest(disk, sums); err != nil {
		return nil, err
	}
	for _, name := range sums.cells() {
		cell, err := loadCell(disk, path.Join(cellsDir, name), sums, schema)
		if err != nil {
			return nil, err
		}
		if err := run.Manifest.fits(cell); err != nil {
			return nil, fmt.Errorf("%s/%s/%s: %w", cellsDir, name, cellFile, err)
		}
		run.Cells = append(run.Cells, cell)
	}
	if err := errors.Join(run.checkPlan(), checkFolders(disk, sums, run.Manifest.Status)); err != nil {
		return nil, err
	}
	return run, nil
}

// LoadManifest reads a run's manifest alone, for a list of runs.
func LoadManifest(disk Disk) (Manifest, error) {
	sums, err := readSums(disk)
	if err != nil {
		return Manifest{}, err
	}
	m, _, err := loadManifest(disk, sums)
	return m, err
}

func loadManifest(disk Disk, sums *checksums) (m Manifest, schema string, err error) {
	data, err := disk.Read(manifestFile)
	if err == nil {
		err = sums.checkManifest(data)
	}
	if err != nil {
		return m, "", err
	}
	data = secret.JSON(data) // older versions wrote them
	if m, schema, err = decodeManifest(data); err != nil {
		return m, schema, fmt.Errorf("%s: %w", manifestFile, err)
	}
	return m, schema, nil
}

func readSums(disk Disk) (*checksums, error) {
	data, err := disk.Read(sumsFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: there is no %s in it", ErrNotRun, sumsFile)
	}
	if err != nil {
		return nil, err
	}
	sums, err := parseChecksums(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", sumsFile, err)
	}
	return sums, nil
}

// key names what a cell measures, and how often that had been measured before.
func (c *Cell) key() string {
	return fmt.Sprintf("%s/%s/%s/%d", c.Topology, c.Scenario, c.Load, c.Block)
}

// checkPlan compares the cells to one another and to the plan.
func (r *Run) checkPlan() error {
	seen, keys := map[string]bool{}, map[string]bool{}
	for _, c := range r.Cells {
		again := fmt.Sprintf("%s again %d", c.key(), c.Again)
		if seen[again] {
			return fmt.Errorf("%s/%s: a second cell for %s", cellsDir, CellName(c), c.key())
		}
		seen[again], keys[c.key()] = true, true
	}
	m := r.Manifest
	switch {
	case m.Status == Partial:
		return nil
	case m.Status != Complete:
		return fmt.Errorf("%s: status %q", manifestFile, m.Status)
	case m.Sealed > 0 && len(r.Cells) != m.Sealed:
		return fmt.Errorf("%s says that %d cells were sealed, but %s lists %d",
			manifestFile, m.Sealed, sumsFile, len(r.Cells))
	case m.Planned > 0 && len(keys) != m.Planned:
		return fmt.Errorf("%s says that %d cells were planned, but there are %d", manifestFile, m.Planned, len(keys))
	}
	return nil
}

// checkFolders compares the cells' folders to the list. A run that was killed may have one more: the
// cell that it was sealing.
func checkFolders(disk Disk, sums *checksums, status string) error {
	names, err := disk.List(cellsDir)
	if errors.Is(err, fs.ErrNotExist) && len(sums.cells()) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	listed := sums.cells()
	unlisted := slices.DeleteFunc(names, func(name string) bool {
		return strings.HasPrefix(name, ".") || slices.Contains(listed, name) // a draft of a cell begins with a dot
	})
	if len(unlisted) > 1 || len(unlisted) > 0 && status == Complete {
		return fmt.Errorf("%s/%s: %s does not list it: the list was truncated or changed after the run",
			cellsDir, unlisted[0], sumsFile)
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
		err = strict.JSON(data, &m)
	case runSchema1:
		m, err = manifestOfSchema1(data)
	default:
		err = fmt.Errorf("schema %q, but this bench reads %q and %q; use the version that wrote it",
			head.Schema, runSchema1, RunSchema)
	}
	if err == nil {
		err = m.impossible()
	}
	return m, head.Schema, err
}

func loadCell(disk Disk, folder string, sums *checksums, schema string) (*Cell, error) {
	files := map[string][]byte{}
	names := []string{cellFile, hlogFile, countsFile, usageFile}
	if sums.has(path.Join(folder, momentsFile)) {
		names = append(names, momentsFile)
	}
	for _, name := range names {
		data, err := disk.Read(path.Join(folder, name))
		if err == nil {
			err = sums.check(path.Join(folder, name), data)
		}
		if err != nil {
			return nil, err
		}
		files[name] = data
	}
	files[cellFile] = secret.JSON(files[cellFile])
	if schema == runSchema1 {
		if err := cellOfSchema1(files); err != nil {
			return nil, fmt.Errorf("%s/%w", folder, err)
		}
	}
	cell, err := decodeCell(files)
	if err == nil {
		err = cell.impossible()
	}
	if err != nil {
		return nil, fmt.Errorf("%s/%w", folder, err)
	}
	if schema == runSchema1 {
		cell.addPacer()
	}
	return cell, nil
}
