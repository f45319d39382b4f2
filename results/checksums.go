package results

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

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
