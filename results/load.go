package results

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"
)

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
