package results

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// checksums is the content of SHA256SUMS, which `sha256sum -c` understands too: to that program, the
// lines that begin with # are comments. The list protects itself: it begins with its version and ends
// with the checksum of everything above that line, so that neither a lost line nor a changed one goes
// unnoticed.
type checksums struct {
	files map[string]string // path within the directory → SHA-256 in hex
	// manifests are those that may be in place while the run goes on. There are two while one replaces
	// the other: the program may be killed between the two renames. A final manifest is among the files.
	manifests []string
}

// Parts of the list beside its files. Lists of the first version have none of them.
const (
	sumsVersion  = "# bench.sums/2"
	sumsManifest = "# manifest.json: "
	sumsOfList   = "# sha256 of this list: "
)

func (c *checksums) encode() []byte {
	var out bytes.Buffer
	fmt.Fprintln(&out, sumsVersion)
	for name, sum := range inOrder(c.files) {
		fmt.Fprintf(&out, "%s  %s\n", sum, name)
	}
	if len(c.manifests) > 0 {
		fmt.Fprintf(&out, "%s%s\n", sumsManifest, strings.Join(c.manifests, " "))
	}
	fmt.Fprintf(&out, "%s%s\n", sumsOfList, sum(out.Bytes()))
	return out.Bytes()
}

// inOrder goes through a map by its keys.
func inOrder[V any](m map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, name := range slices.Sorted(maps.Keys(m)) {
			if !yield(name, m[name]) {
				return
			}
		}
	}
}

func sum(data []byte) string {
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}

var sumLine = regexp.MustCompile(`^([0-9a-f]{64})  (.+)$`)

// parseChecksums reads a list of this version or of the first.
func parseChecksums(data []byte) (*checksums, error) {
	text, c := string(data), &checksums{files: map[string]string{}}
	number := 1
	if strings.HasPrefix(text, "#") {
		var err error
		if text, err = checkedList(text); err != nil {
			return nil, err
		}
		number++
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if sums, is := strings.CutPrefix(line, sumsManifest); is {
			c.manifests = strings.Fields(sums)
			continue
		}
		m := sumLine.FindStringSubmatch(line)
		if m == nil || !filepath.IsLocal(m[2]) {
			if line == "" && number == 1 {
				break // a list of the first version, when nothing is sealed yet
			}
			return nil, fmt.Errorf("line %d is not a checksum and a path", number)
		}
		if _, twice := c.files[m[2]]; twice {
			return nil, fmt.Errorf("line %d lists %s a second time", number, m[2])
		}
		c.files[m[2]] = m[1]
		number++
	}
	return c, nil
}

// checkedList returns the lines between the version and the list's own checksum, which it verifies.
func checkedList(text string) (string, error) {
	at := strings.LastIndex(strings.TrimSuffix(text, "\n"), "\n") + 1
	above, last := text[:at], text[at:]
	lines, known := strings.CutPrefix(above, sumsVersion+"\n")
	switch {
	case last != sumsOfList+sum([]byte(above))+"\n":
		return "", fmt.Errorf("it differs from its own checksum: truncated or changed after the run")
	case !known:
		return "", fmt.Errorf("it is not a list of the version %q; use the version that wrote it", sumsVersion)
	}
	return lines, nil
}

// has reports whether a file is listed.
func (c *checksums) has(name string) bool {
	_, listed := c.files[name]
	return listed
}

// check returns why the content of a file is not the listed one, if it is not.
func (c *checksums) check(name string, data []byte) error {
	want, listed := c.files[name]
	switch {
	case !listed:
		return fmt.Errorf("%s: %s does not list it", name, sumsFile)
	case sum(data) != want:
		return fmt.Errorf("%s: differs from its checksum in %s: truncated or changed after the run", name, sumsFile)
	}
	return nil
}

// checkManifest is check for the manifest, which changes as long as the run goes on.
func (c *checksums) checkManifest(data []byte) error {
	if _, final := c.files[manifestFile]; final || len(c.manifests) > 0 && !slices.Contains(c.manifests, sum(data)) {
		if final {
			return c.check(manifestFile, data)
		}
		return fmt.Errorf("%s: differs from its checksum in %s: truncated or changed after the run", manifestFile, sumsFile)
	}
	return nil
}

// cells are the names of the listed cells' folders, in order.
func (c *checksums) cells() []string {
	var names []string
	for path := range inOrder(c.files) {
		parts := strings.Split(path, "/")
		if len(parts) == 3 && parts[0] == cellsDir && parts[2] == cellFile {
			names = append(names, parts[1])
		}
	}
	return names
}
