package experiments

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"bench/reports"
	"bench/reports/page"
	"bench/results"
)

// Verification is what a stored run's report looks like when everything in it is computed again.
type Verification struct {
	Schema string `json:"schema"`
	Run    string `json:"run"`
	// Damage is why the run could not be read: a file that differs from its checksum, for example.
	Damage  string       `json:"damage,omitempty"`
	Cells   int          `json:"cells"`   // whose files all have their checksums
	Numbers int          `json:"numbers"` // of report.json that were computed again
	Differ  []Difference `json:"differ"`  // what report.json says otherwise
	Files   []string     `json:"files"`   // of the report that are the same, byte for byte
	Changed []string     `json:"changed"` // and those that are not
}

// Difference is a place in report.json at which the stored report and the run disagree.
type Difference struct {
	Path     string `json:"path"`
	Stored   any    `json:"stored"`
	Computed any    `json:"computed"`
}

// Holds reports whether the stored report is what follows from the run.
func (v Verification) Holds() bool { return v.Damage == "" && len(v.Differ)+len(v.Changed) == 0 }

// Verify checks the hashes of a run directory, computes its report again from the histograms, and compares
// it to the stored one. It writes nothing. The error is about a folder that is not a run.
func Verify(dir string) (Verification, error) {
	v := Verification{
		Schema: "bench.verify/1", Run: filepath.Base(dir), Differ: []Difference{}, Files: []string{}, Changed: []string{},
	}
	run, err := results.Load(dir)
	if errors.Is(err, results.ErrNotRun) || errors.Is(err, fs.ErrNotExist) && !isFolder(dir) {
		return v, Misuse(err)
	}
	if err != nil {
		v.Damage = err.Error()
		return v, nil
	}
	v.Cells = len(run.Cells)
	judged, err := reports.Judge(reports.Kinds, run)
	if err != nil {
		return v, err
	}
	files, err := page.Render(judged.Document)
	if err != nil {
		return v, err
	}
	for _, f := range files {
		stored, err := os.ReadFile(filepath.Join(dir, f.Name))
		switch {
		case err != nil:
			v.Changed = append(v.Changed, f.Name+" (missing)")
			continue
		case bytes.Equal(stored, f.Data):
			v.Files = append(v.Files, f.Name)
		default:
			v.Changed = append(v.Changed, f.Name)
		}
		if f.Name == "report.json" {
			v.compare(stored, f.Data)
		}
	}
	return v, nil
}

func isFolder(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && info.IsDir()
}

// compare compares the stored report to the computed one, value by value.
func (v *Verification) compare(stored, computed []byte) {
	var old, now any
	for data, tree := range map[*[]byte]*any{&stored: &old, &computed: &now} {
		decoder := json.NewDecoder(bytes.NewReader(*data))
		decoder.UseNumber()
		if err := decoder.Decode(tree); err != nil {
			v.Differ = append(v.Differ, Difference{Path: "", Stored: fmt.Sprintf("not JSON: %v", err)})
			return
		}
	}
	v.walk("", old, now)
}

func (v *Verification) walk(path string, old, now any) {
	switch n := now.(type) {
	case map[string]any:
		if o, is := old.(map[string]any); is {
			both := maps.Clone(n)
			maps.Copy(both, o)
			for _, key := range slices.Sorted(maps.Keys(both)) {
				v.walk(path+"."+key, o[key], n[key])
			}
			return
		}
	case []any:
		if o, is := old.([]any); is && len(o) == len(n) {
			for i := range n {
				v.walk(fmt.Sprintf("%s[%d]", path, i), o[i], n[i])
			}
			return
		}
	case json.Number:
		v.Numbers++
	}
	if fmt.Sprint(old) != fmt.Sprint(now) {
		v.Differ = append(v.Differ, Difference{path, old, now})
	}
}
