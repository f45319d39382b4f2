package results

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"bench/internal/secret"
	"bench/internal/strict"
)

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
	files := map[string][]byte{
		cellFile: append(secret.JSON(meta), '\n'),
		hlogFile: hlog.Bytes(), countsFile: counts.Bytes(), usageFile: usage.Bytes(),
	}
	if len(c.Incidents) > 0 {
		files[momentsFile], err = writeMoments(c.Moments)
	}
	return files, err
}

// decodeCell reads the files of one cell; its errors start with the file's name.
func decodeCell(files map[string][]byte) (*Cell, error) {
	c := &Cell{}
	if err := strict.JSON(files[cellFile], c); err != nil {
		return nil, fmt.Errorf("%s: %w", cellFile, err)
	}
	for i, d := range c.Diagnostics {
		// In older runs they do not say which of them decided the grade.
		c.Diagnostics[i].Severity = d.Severity.or(SeverityOf(c.Grade))
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
	if len(c.Incidents) > 0 {
		if c.Moments, err = readMoments(files[momentsFile]); err != nil {
			return nil, fmt.Errorf("%s: %w", momentsFile, err)
		}
	}
	if total := TotalCounts(c.Intervals); total != c.Counts {
		return nil, fmt.Errorf("%s: adds up to %+v, but %s says %+v", countsFile, total, cellFile, c.Counts)
	}
	return c, nil
}
