package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// The action's install step, run as a runner does: a release's binary is checked against its checksums, another
// one ends the job, and without one for this machine bench is built from source. It then prepares the machine.
func TestActionInstalls(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not installed, with which the step fetches a release")
	}
	text, err := os.ReadFile("../../action.yml")
	if err != nil {
		t.Fatal(err)
	}
	var action struct {
		Runs struct {
			Steps []struct{ Name, Run string }
		}
	}
	if err := yaml.Unmarshal(text, &action); err != nil {
		t.Fatal(err)
	}
	install := ""
	for _, s := range action.Runs.Steps {
		if s.Name == "install" {
			install = s.Run
		}
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("bench_9.8.7_%s_%s.tar.gz", runtime.GOOS, runtime.GOARCH)
	archive := packed(t, "bench", "#!/bin/sh\necho released $*\n")
	for about, row := range map[string]struct {
		ref, sums, said string
		fails           bool
	}{
		"a release":             {"v9.8.7", fmt.Sprintf("%x  %s\n", sha256.Sum256(archive), name), "released setup", false},
		"a wrong file":          {"v9.8.7", strings.Repeat("0", 64) + "  " + name + "\n", "", true},
		"no file for this":      {"v9.8.7", "", "built setup", false},
		"a branch of the suite": {"main", "", "built setup", false},
	} {
		releases := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch file := filepath.Base(r.URL.Path); {
			case row.sums == "" || filepath.Dir(r.URL.Path) != "/us/bench/releases/download/v9.8.7":
				http.NotFound(w, r)
			case file == name:
				_, _ = w.Write(archive)
			case file == "SHA256SUMS":
				_, _ = w.Write([]byte(row.sums))
			}
		}))
		dir := t.TempDir()
		bench := filepath.Join(dir, "bench-bin", "bench")
		compiler := "#!/bin/sh\nprintf '#!/bin/sh\\necho built $*\\n' > \"$BENCH\" && chmod +x \"$BENCH\"\n"
		if err := os.WriteFile(filepath.Join(dir, "go"), []byte(compiler), 0o700); err != nil {
			t.Fatal(err)
		}
		c := exec.Command("bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", install)
		c.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "BENCH="+bench, "GITHUB_ACTION_PATH="+root,
			"GITHUB_ACTION_REF="+row.ref, "GITHUB_ACTION_REPOSITORY=us/bench", "GITHUB_SERVER_URL="+releases.URL)
		out, err := c.CombinedOutput()
		releases.Close()
		_, missing := os.Stat(bench)
		if row.fails != (err != nil) || row.fails != (missing != nil) || !strings.Contains(string(out), row.said) {
			t.Errorf("%s: %v, %v\n%s", about, err, missing, out)
		}
	}
}

// packed is an archive with one program.
func packed(t *testing.T, name, program string) []byte {
	t.Helper()
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	files := tar.NewWriter(zipped)
	head := &tar.Header{Name: name, Mode: 0o755, Size: int64(len(program)), Typeflag: tar.TypeReg}
	for _, err := range []error{files.WriteHeader(head), fill(files, program), files.Close(), zipped.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

func fill(to *tar.Writer, text string) error {
	_, err := to.Write([]byte(text))
	return err
}
