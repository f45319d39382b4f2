// Package wheel packs a program into a Python wheel, so that pip installs it like any tool of a Python
// project. The same program gives the same bytes.
package wheel

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Wheel is what a wheel is made of.
type Wheel struct {
	Name     string // of the distribution, as pip installs it
	Version  string // in the form of PEP 440
	Summary  string
	Homepage string // may be empty
	Readme   []byte // in Markdown
	Platform string // as Go names it: linux/amd64
	Command  string // that the program is installed as
	Program  []byte
	Licences map[string][]byte // by file name
}

// platforms are the tags of wheels by Go's names of platforms. The program is linked statically, so it needs
// no version of a C library; the tags are those that every pip of a supported Python knows.
var platforms = map[string]string{
	"linux/amd64":  "manylinux_2_17_x86_64.manylinux2014_x86_64.musllinux_1_1_x86_64",
	"linux/arm64":  "manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64",
	"darwin/amd64": "macosx_12_0_x86_64", // the oldest system that Go's programs run on
	"darwin/arm64": "macosx_12_0_arm64",
}

// public is the form of versions in PEP 440, without epochs.
var public = regexp.MustCompile(`^\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?(\+[a-z0-9]+(\.[a-z0-9]+)*)?$`)

// epoch is the time of every file: the earliest that a zip archive knows.
var epoch = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// FileName is the name that pip wants the wheel to have.
func (w Wheel) FileName() (string, error) {
	tag, known := platforms[w.Platform]
	if !known {
		return "", fmt.Errorf("packing a wheel: %q is not a platform that wheels are made for", w.Platform)
	}
	if !public.MatchString(w.Version) {
		return "", fmt.Errorf("packing a wheel: %q is not a version as PEP 440 has it, such as 0.1.0 or 0.2.0rc1", w.Version)
	}
	return fmt.Sprintf("%s-%s-py3-none-%s.whl", w.module(), w.Version, tag), nil
}

// module is the distribution's name as file names have it.
func (w Wheel) module() string { return strings.ReplaceAll(w.Name, "-", "_") }

// Write writes the wheel.
func (w Wheel) Write(out io.Writer) error {
	name, err := w.FileName()
	if err != nil {
		return err
	}
	base := w.module() + "-" + w.Version
	info := base + ".dist-info"
	p := packer{zip: zip.NewWriter(out)}
	p.add(base+".data/scripts/"+w.Command, 0o755, w.Program)
	for _, licence := range slices.Sorted(maps.Keys(w.Licences)) {
		p.add(path.Join(info, "licenses", licence), 0o644, w.Licences[licence])
	}
	p.add(info+"/METADATA", 0o644, w.metadata())
	p.add(info+"/WHEEL", 0o644, w.tags(name))
	p.record.WriteString(info + "/RECORD,,\n")
	p.put(info+"/RECORD", 0o644, p.record.Bytes())
	if p.err != nil {
		return p.err
	}
	return p.zip.Close()
}

func (w Wheel) metadata() []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "Metadata-Version: 2.4\nName: %s\nVersion: %s\nSummary: %s\n", w.Name, w.Version, w.Summary)
	if w.Homepage != "" {
		fmt.Fprintf(&out, "Project-URL: Homepage, %s\n", w.Homepage)
	}
	out.WriteString("License-Expression: MIT\n")
	for _, licence := range slices.Sorted(maps.Keys(w.Licences)) {
		fmt.Fprintf(&out, "License-File: %s\n", licence)
	}
	for _, c := range []string{
		"Environment :: Console", "Framework :: Django", "Operating System :: MacOS", "Operating System :: POSIX :: Linux",
		"Topic :: Software Development :: Testing", "Topic :: System :: Benchmark",
	} {
		fmt.Fprintf(&out, "Classifier: %s\n", c)
	}
	fmt.Fprintf(&out, "Description-Content-Type: text/markdown\n\n%s", w.Readme)
	return out.Bytes()
}

// tags is the file WHEEL, in which each combination of the name's tags has a line.
func (w Wheel) tags(name string) []byte {
	var out bytes.Buffer
	out.WriteString("Wheel-Version: 1.0\nGenerator: bench\nRoot-Is-Purelib: false\n")
	parts := strings.Split(strings.TrimSuffix(name, ".whl"), "-")
	for platform := range strings.SplitSeq(parts[len(parts)-1], ".") {
		fmt.Fprintf(&out, "Tag: py3-none-%s\n", platform)
	}
	return out.Bytes()
}

// packer adds files to the archive and to its record; it keeps the first error.
type packer struct {
	zip    *zip.Writer
	record bytes.Buffer
	err    error
}

func (p *packer) add(name string, mode fs.FileMode, data []byte) {
	sum := sha256.Sum256(data)
	fmt.Fprintf(&p.record, "%s,sha256=%s,%d\n", name, base64.RawURLEncoding.EncodeToString(sum[:]), len(data))
	p.put(name, mode, data)
}

func (p *packer) put(name string, mode fs.FileMode, data []byte) {
	if p.err != nil {
		return
	}
	h := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: epoch}
	h.SetMode(mode)
	f, err := p.zip.CreateHeader(h)
	if err == nil {
		_, err = f.Write(data)
	}
	p.err = err
}
