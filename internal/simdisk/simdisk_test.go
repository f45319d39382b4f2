package simdisk

import (
	"errors"
	"testing"
)

// write does what careful programs do: a draft, its name, and the folder synced.
func write(d *Disk, data string, syncs bool) error {
	err := errors.Join(d.Mkdir("dir"), d.Sync("."))
	if err == nil {
		err = errors.Join(d.Write("dir/draft", []byte(data)), d.Rename("dir/draft", "dir/file"))
	}
	if err == nil && syncs {
		err = d.Sync("dir")
	}
	return err
}

// A power cut loses what was not synced, on some seeds, and nothing that was.
func TestAPowerCutLosesOnlyWhatWasNotSynced(t *testing.T) {
	for _, syncs := range []bool{true, false} {
		lost := 0
		for seed := range uint64(50) {
			d := New(Power, 6+1, seed)
			if err := write(d, "x", syncs); err != nil {
				t.Fatal(err)
			}
			func() {
				defer func() { _ = recover() }()
				for range 3 {
					_ = d.Mkdir("next")
				}
			}()
			if _, err := d.Restart().Read("dir/file"); err != nil {
				lost++
			}
		}
		if syncs && lost > 0 || !syncs && (lost == 0 || lost == 50) {
			t.Errorf("synced %v: lost on %d of 50 seeds", syncs, lost)
		}
	}
}

func TestEachFaultHappensAtItsOperation(t *testing.T) {
	clean := New(Fails, 0, 1)
	if err := write(clean, "data", true); err != nil || clean.Operations() != 5 {
		t.Fatalf("%v after %d operations; want 5", err, clean.Operations())
	}
	for _, fault := range All() {
		for at := 1; at <= 5; at++ {
			d, stopped := New(fault, at, 1), false
			var err error
			func() {
				defer func() { stopped = recover() != nil }()
				err = write(d, "data", true)
			}()
			if stops := fault > Full; stopped != stops || !stops && err == nil {
				t.Errorf("%v at %d: stopped %v, %v", fault, at, stopped, err)
			}
		}
	}
	d := New(Torn, 3, 1)
	func() {
		defer func() { _ = recover() }()
		_ = write(d, "data", true)
	}()
	if data, err := d.Restart().Read("dir/draft"); err != nil || string(data) != "da" {
		t.Errorf("a torn file holds %q, %v", data, err)
	}
}
