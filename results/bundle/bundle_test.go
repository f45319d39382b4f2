package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bench/results"
)

// stored is a run that is kept with the tests, as a folder of its own.
func stored(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "20260102T030405Z-compare-1a2b3c4d")
	runs, err := filepath.Glob("../testdata/*/manifest.json")
	if err != nil || len(runs) == 0 {
		t.Fatalf("no stored run: %v", err)
	}
	if err := os.CopyFS(dir, os.DirFS(filepath.Dir(runs[len(runs)-1]))); err != nil {
		t.Fatal(err)
	}
	return dir
}

func packed(t testing.TB, dir string) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := Write(&out, dir); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func saved(t testing.TB, data []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "run"+Extension)
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// What is opened has every byte of what was bundled, and a bundle is the same each time.
func TestBundlesHoldTheRun(t *testing.T) {
	dir := stored(t)
	data := packed(t, dir)
	if !bytes.Equal(data, packed(t, dir)) {
		t.Error("two bundles of a run differ")
	}
	file, below := saved(t, data), t.TempDir()
	opened, err := Open(file, below)
	if err != nil || !Is(file) || filepath.Base(opened) != filepath.Base(dir) {
		t.Fatalf("Open = %q, %v", opened, err)
	}
	files := 0
	err = fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files++
		want, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		if got, err := os.ReadFile(filepath.Join(opened, name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v", name, err)
		}
		return nil
	})
	if err != nil || files < 5 {
		t.Errorf("%d files, %v", files, err)
	}
	if again, err := Open(file, below); err != nil || again != opened {
		t.Errorf("the second time, Open = %q, %v", again, err)
	}
	if err := os.WriteFile(filepath.Join(opened, "SHA256SUMS"), []byte("another run\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file, below); err == nil || !strings.Contains(err.Error(), "another run") {
		t.Errorf("over another run: %v", err)
	}
	left, err := os.ReadDir(below)
	if err != nil || len(left) != 1 {
		t.Errorf("drafts are left: %v, %v", left, err)
	}
}

// archive is a bundle with the given entries.
func archive(t testing.TB, headers ...tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	w := tar.NewWriter(zipped)
	for _, h := range headers {
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		h.Mode = 0o777
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(make([]byte, min(h.Size, 1<<20))); err != nil {
			t.Fatal(err)
		}
	}
	_ = w.Flush() // an entry may be shorter than it says
	_ = zipped.Close()
	return out.Bytes()
}

// Nothing outside the folder is written, whatever a bundle holds, and nothing is left of it.
func TestHostileBundlesAreRefused(t *testing.T) {
	for name, data := range map[string][]byte{
		"up":               archive(t, tar.Header{Name: "../evil", Size: 1}),
		"up from within":   archive(t, tar.Header{Name: "run/../../evil", Size: 1}),
		"absolute":         archive(t, tar.Header{Name: "/tmp/evil", Size: 1}),
		"current":          archive(t, tar.Header{Name: "./evil", Size: 1}),
		"top":              archive(t, tar.Header{Name: "evil", Size: 1}),
		"hidden":           archive(t, tar.Header{Name: ".git/config", Size: 1}),
		"symbolic link":    archive(t, tar.Header{Name: "run/evil", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}),
		"hard link":        archive(t, tar.Header{Name: "run/evil", Typeflag: tar.TypeLink, Linkname: "/etc/passwd"}),
		"device":           archive(t, tar.Header{Name: "run/evil", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}),
		"pipe":             archive(t, tar.Header{Name: "run/evil", Typeflag: tar.TypeFifo}),
		"folder":           archive(t, tar.Header{Name: "run/evil/", Typeflag: tar.TypeDir}),
		"control":          archive(t, tar.Header{Name: "run/\x1b[2J", Size: 1}),
		"backslash":        archive(t, tar.Header{Name: `run/..\evil`, Size: 1}),
		"two folders":      archive(t, tar.Header{Name: "run/a", Size: 1}, tar.Header{Name: "evil/b", Size: 1}),
		"twice":            archive(t, tar.Header{Name: "run/a", Size: 1}, tar.Header{Name: "run/a", Size: 1}),
		"a file as folder": archive(t, tar.Header{Name: "run/a", Size: 1}, tar.Header{Name: "run/a/b", Size: 1}),
		"large file":       archive(t, tar.Header{Name: "run/a", Size: mostFileBytes + 1}),
		"cut short":        archive(t, tar.Header{Name: "run/a", Size: 2 << 20}),
		"not a run":        archive(t, tar.Header{Name: "run/a", Size: 1}),
		"long name":        archive(t, tar.Header{Name: "run/" + strings.Repeat("a", longestName), Size: 1}),
		"empty":            archive(t),
		"not an archive":   []byte("hello"),
		"nothing":          {},
	} {
		t.Run(name, func(t *testing.T) {
			outer := t.TempDir()
			below := filepath.Join(outer, "runs")
			if dir, err := Open(saved(t, data), below); err == nil {
				t.Errorf("it was opened into %s", dir)
			}
			for folder, want := range map[string]int{outer: 1, below: 0} {
				if left, err := os.ReadDir(folder); err != nil || len(left) != want {
					t.Errorf("%s holds %v, %v", folder, left, err)
				}
			}
		})
	}
}

// A bundle of zeros unpacks to a thousand times its size: it is stopped at the limit for one file.
func TestSmallBundlesOfMuch(t *testing.T) {
	var headers []tar.Header
	for i := range 3 {
		headers = append(headers, tar.Header{Name: fmt.Sprintf("run/%d", i), Size: 1 << 20})
	}
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if _, err := unpack(bytes.NewReader(archive(t, headers...)), root, "draft"); err != nil {
		t.Errorf("three mebibytes: %v", err)
	}
	headers[2].Size = mostFileBytes * 20
	if _, err := unpack(bytes.NewReader(archive(t, headers...)), root, "draft2"); err == nil {
		t.Error("more than a gibibyte in one file was accepted")
	}
}

func TestOnlyRunsAreBundled(t *testing.T) {
	if err := Write(&bytes.Buffer{}, t.TempDir()); err == nil {
		t.Error("an empty folder was bundled")
	}
	dir := stored(t)
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "notes")); err != nil {
		t.Fatal(err)
	}
	if err := Write(&bytes.Buffer{}, dir); err == nil {
		t.Error("a link was bundled")
	}
}

func Example() {
	folder, err := os.MkdirTemp("", "bundles")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	var file bytes.Buffer
	fmt.Println(Write(&file, folder) != nil) // it is not a run
	// Output: true
}

// The bytes of an archive are packed here: almost every change to packed ones would only spoil their checksum.
func FuzzUnpack(f *testing.F) {
	unzipped := func(data []byte) []byte {
		r, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			f.Fatal(err)
		}
		all, err := io.ReadAll(r)
		if err != nil {
			f.Fatal(err)
		}
		return all
	}
	f.Add(unzipped(packed(f, stored(f))))
	f.Add(unzipped(archive(f, tar.Header{Name: "run/a", Size: 3})))
	f.Fuzz(func(t *testing.T, data []byte) {
		var out bytes.Buffer
		zipped := gzip.NewWriter(&out)
		_, _ = zipped.Write(data)
		_ = zipped.Close()
		openHostile(t, out.Bytes())
	})
}

// Entries have checksums of their own, so that names, kinds and sizes need a target that writes them.
func FuzzEntries(f *testing.F) {
	f.Add("run/a", "run/b", "", byte(tar.TypeReg), int64(3))
	f.Add("run/a", "run/a/../../b", "/etc/passwd", byte(tar.TypeSymlink), int64(0))
	f.Add("run/a", "run/a", "run/a", byte(tar.TypeLink), int64(1<<40))
	f.Fuzz(func(t *testing.T, first, second, link string, kind byte, size int64) {
		var out bytes.Buffer
		zipped := gzip.NewWriter(&out)
		w := tar.NewWriter(zipped)
		for _, h := range []tar.Header{
			{Name: first, Typeflag: tar.TypeReg, Size: 1}, {Name: second, Linkname: link, Typeflag: kind, Size: size},
		} {
			if w.WriteHeader(&h) != nil {
				return // not a header of any archive
			}
			_, _ = w.Write([]byte("x")) // links and folders have no bytes
		}
		_ = w.Flush()
		_ = zipped.Close()
		openHostile(t, out.Bytes())
	})
}

// openHostile opens a bundle that may hold anything: a run comes of it, or nothing, and nothing else is written.
func openHostile(t *testing.T, data []byte) {
	t.Helper()
	outer := t.TempDir()
	below := filepath.Join(outer, "runs")
	want := 0
	if dir, err := Open(saved(t, data), below); err == nil {
		if want = 1; filepath.Dir(dir) != below {
			t.Errorf("it was opened into %s", dir)
		}
		if _, err := results.Load(dir); err != nil {
			t.Errorf("a bundle was opened that is not a run: %v", err)
		}
	}
	for folder, most := range map[string]int{outer: 1, below: want} {
		if left, err := os.ReadDir(folder); err != nil || len(left) != most {
			t.Errorf("%s holds %v, %v; want %d", folder, left, err, most)
		}
	}
}
