package wheel

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// made is a wheel of a program of two lines.
func made() Wheel {
	return Wheel{
		Name: "django-bench-suite", Version: "0.1.0", Summary: "Which is fastest?", Readme: []byte("# bench\n"),
		Platform: runtime.GOOS + "/" + runtime.GOARCH, Command: "bench",
		Program:  []byte("#!/bin/sh\necho \"bench says $1\"\n"),
		Licences: map[string][]byte{"LICENSE": []byte("MIT\n"), "THIRD-PARTY.md": []byte("none\n")},
	}
}

// pip installs the wheel into a fresh environment, checks it against its record, runs the program, and
// removes every file again.
func TestPipInstallsTheWheel(t *testing.T) {
	t.Parallel()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed")
	}
	dir := t.TempDir()
	w := made()
	name, err := w.FileName()
	if err != nil {
		t.Skip(err)
	}
	var data bytes.Buffer
	if err := w.Write(&data); err != nil {
		t.Fatal(err)
	}
	file, venv := filepath.Join(dir, name), filepath.Join(dir, "venv")
	if err := os.WriteFile(file, data.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(program string, args ...string) string {
		t.Helper()
		out, err := exec.Command(program, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("%s %v: %v\n%s", program, args, err, out)
		}
		return string(out)
	}
	if out, err := exec.Command(python, "-m", "venv", "--without-pip", venv).CombinedOutput(); err != nil {
		t.Skipf("python3 makes no environments: %s", out)
	}
	if exec.Command(python, "-m", "pip", "--version").Run() != nil {
		t.Skip("pip is not installed")
	}
	pip := []string{"-m", "pip", "--python", filepath.Join(venv, "bin/python"), "--disable-pip-version-check"}
	run(python, append(pip, "install", "--no-index", "--no-deps", file)...)
	command := filepath.Join(venv, "bin/bench")
	if out := run(command, "hello"); out != "bench says hello\n" {
		t.Errorf("the program printed %q", out)
	}
	if out := run(python, append(pip, "show", "--files", w.Name)...); !strings.Contains(out, "Version: 0.1.0") ||
		!strings.Contains(out, "licenses/THIRD-PARTY.md") {
		t.Errorf("pip show: %s", out)
	}
	run(python, append(pip, "uninstall", "--yes", w.Name)...)
	if _, err := os.Stat(command); err == nil {
		t.Error("the program is still there")
	}
}

func TestTheSameProgramGivesTheSameWheel(t *testing.T) {
	var one, two bytes.Buffer
	w := made()
	w.Platform = "linux/arm64"
	if err := w.Write(&one); err != nil {
		t.Fatal(err)
	}
	if err := w.Write(&two); err != nil || !bytes.Equal(one.Bytes(), two.Bytes()) {
		t.Errorf("two wheels of the same program differ (%v)", err)
	}
}

func TestWheelsThatPipWouldRefuseAreNotMade(t *testing.T) {
	for _, broken := range []func(*Wheel){
		func(w *Wheel) { w.Version = "v0.1.0" },
		func(w *Wheel) { w.Version = "0.1.0-next" },
		func(w *Wheel) { w.Version = "" },
		func(w *Wheel) { w.Platform = "plan9/386" },
	} {
		w := made()
		broken(&w)
		if err := w.Write(&bytes.Buffer{}); err == nil {
			t.Errorf("a wheel of version %q for %q was made", w.Version, w.Platform)
		}
	}
}
