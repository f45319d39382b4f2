package results

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// What a user names as an output is never replaced by a file unless it is one.
func TestOutputsThatAreNotFilesStayWhatTheyAre(t *testing.T) {
	for _, row := range []struct {
		says    string
		place   func(path string) error
		refused string                   // "" if it is written
		into    func(path string) string // where the data then is; nil: at the path
	}{
		{"nothing yet", func(string) error { return nil }, "", nil},
		{"a file", func(path string) error { return os.WriteFile(path, []byte("old"), 0o600) }, "", nil},
		{"a link to a file", func(path string) error {
			return firstOf(os.WriteFile(path+"-real", []byte("old"), 0o600), os.Symlink(path+"-real", path))
		}, "", func(path string) string { return path + "-real" }},
		{"a link to a link to a file", func(path string) error {
			real, second := path+"-real", path+"-2"
			return firstOf(os.WriteFile(real, nil, 0o600), os.Symlink(real, second), os.Symlink(second, path))
		}, "", func(path string) string { return path + "-real" }},
		{"a link to a device", func(path string) error { return os.Symlink(os.DevNull, path) }, "",
			func(string) string { return os.DevNull }},
		{"a link to nothing", func(path string) error { return os.Symlink(path+"-gone", path) }, "does not exist", nil},
		{"a folder", func(path string) error { return os.Mkdir(path, 0o700) }, "folder", nil},
		{"a pipe that nobody reads", func(path string) error { return syscall.Mkfifo(path, 0o600) }, "nobody reads", nil},
		{"a file in a folder that does not exist", func(path string) error { return os.Remove(filepath.Dir(path)) },
			"no such file", nil},
	} {
		path := filepath.Join(t.TempDir(), "dir", "out")
		if err := firstOf(os.Mkdir(filepath.Dir(path), 0o700), row.place(path)); err != nil {
			t.Fatal(err)
		}
		before := modeOf(path)
		err := WriteFile(path, []byte("new"))
		if row.refused != "" {
			if err == nil || !strings.Contains(err.Error(), row.refused) {
				t.Errorf("%s: WriteFile = %v; want %q", row.says, err, row.refused)
			}
			if checked := CheckOutput(path); checked == nil && !strings.Contains(row.says, "pipe") {
				t.Errorf("%s: the check finds nothing", row.says)
			}
		} else if err != nil {
			t.Errorf("%s: %v", row.says, err)
		}
		if after := modeOf(path); before != 0 && after != before {
			t.Errorf("%s: the mode was %v and is %v", row.says, before, after)
		}
		if row.into != nil && row.into(path) == os.DevNull || row.refused != "" {
			continue
		}
		at := path
		if row.into != nil {
			at = row.into(path)
		}
		if got, err := os.ReadFile(at); err != nil || string(got) != "new" {
			t.Errorf("%s: %s holds %q, %v", row.says, at, got, err)
		}
	}
	if mode := modeOf(os.DevNull); mode&os.ModeCharDevice == 0 {
		t.Fatalf("%s has become %v", os.DevNull, mode)
	}
}

func modeOf(path string) os.FileMode {
	info, err := os.Lstat(path)
	if err != nil {
		return 0
	}
	return info.Mode().Type()
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// A pipe that somebody reads gets the data.
func TestAPipeIsWrittenInto(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	pipe, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	if err := WriteFile(path, []byte("data")); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(pipe); err != nil || string(got) != "data" {
		t.Errorf("the reader gets %q, %v", got, err)
	}
}

// A run directory from elsewhere may hold links; nothing outside it is written.
func TestNothingIsWrittenOutsideAFolder(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	for _, name := range []string{"plots", "report.json"} {
		if err := os.Symlink(outside, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(".", filepath.Join(dir, "here")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"plots/a.svg", "plots/deep/a.svg", "here/a", "../a"} {
		if err := WriteInto(dir, name, []byte("x")); err == nil {
			t.Errorf("%s was written", name)
		}
	}
	if err := WriteInto(dir, "report.json", []byte("x")); err != nil { // replaces the link
		t.Error(err)
	}
	if left, _ := os.ReadDir(outside); len(left) > 0 {
		t.Errorf("%v was written outside", left)
	}
}
