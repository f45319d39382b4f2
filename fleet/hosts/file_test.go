package hosts

import (
	"archive/tar"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bench/fleet"
	"bench/servers"
)

func TestFilesThatAreWrong(t *testing.T) {
	const ok = "hosts: {a: {ssh: [10.0.0.1]}, b: {ssh: [10.0.0.2]}}\nplace: {load: a, uwsgi: b}\n"
	if _, err := Parse([]byte(ok)); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"":                           "hosts: there are none",
		"hosts: {a: {}}\n":           "a: it names no host",
		"hosts: {a: {sshh: [x]}}\n":  "sshh",
		"hosts: {a: {ssh: x}}\n":     "1:",
		"hosts: {a: {ssh: [x y]}}\n": `"x y" is not the name of a host`,
		"hosts: {a: {ssh: [-oProxyCommand=x]}}\n":                                 "is not the name of a host",
		"hosts: {a: {netns: [../x]}}\n":                                           "is not the name of a host",
		"hosts: {a b: {ssh: [x]}}\n":                                              "want a name of letters",
		"hosts: {a: {ssh: [x], cores: -1}}\n":                                     "cores: -1",
		"hosts: {a: {ssh: [x, y], addresses: [10.0.0.1]}}\n":                      "there are 1 for 2 hosts",
		"hosts: {a: {ssh: [x], addresses: [nowhere]}}\n":                          "not an IPv4 address",
		"hosts: {a: {ssh: ['::1']}}\nplace: {load: a}\n":                          "not an IPv4 address",
		"hosts: {a: {ssh: [x]}, b: {ssh: [x]}}\nplace: {load: a}\n":               "is named twice, as a and as b",
		"hosts: {a: {ssh: [u@10.0.0.1]}, b: {ssh: [v@10.0.0.1]}}\n":               "is named twice",
		"hosts: {a: {ssh: [x, y]}, a-1: {ssh: [z]}}\n":                            "two hosts would be called a-1",
		"hosts: {a: {ssh: [x]}}\n":                                                "load has no host",
		"hosts: {front: {ssh: [x]}}\nplace: {load: frnt}\n":                       "did you mean front?",
		"hosts: {a: {ssh: [x]}}\nplace: {load: a, 'ng inx': a}\n":                 "is not the name of a process",
		"hosts: {a: {ssh: [x]}}\nplace: {load: a}\nplaces: {}\n":                  "places",
		"hosts: {a: {ssh: [x]}}\nplace: {load: [a]}\n":                            "2:",
		"hosts: {a: {ssh: [x], ssh: [y]}}\nplace: {load: a}\n":                    "1:",
		"hosts: {a: {local: [10.0.0.1]}, b: {ssh: [10.0.0.1]}}\nplace: {load: a}": "is named twice",
	} {
		if f, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gives %+v, %v: want an error with %q", text, f, err, want)
		}
	}
}

func TestBundleArrivesAsItWas(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "app")
	files := map[string]string{
		"site.py": "app = 1\n", "static/a.css": "a{}", "venv/pyvenv.cfg": "", "venv/lib.py": "x", ".git/HEAD": "x",
	}
	for name, text := range files {
		path := filepath.Join(from, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o640)); err != nil {
			t.Fatal(err)
		}
	}
	for name, leads := range map[string]string{"link.py": "site.py", "lost": "nowhere"} {
		if err := os.Symlink(leads, filepath.Join(from, name)); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	b, err := pack(filepath.Join(dir, "one.tar"), [][2]string{{appFolder, from}})
	if err != nil {
		t.Fatal(err)
	}
	again, err := pack(filepath.Join(dir, "two.tar"), [][2]string{{appFolder, from}})
	if err != nil || again.Hash != b.Hash {
		t.Errorf("the same folder has the hashes %s and %s (%v)", b.Hash, again.Hash, err)
	}
	in, err := os.Open(b.path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if err := errors.Join(verify(in, b.Hash), unpack(in, to)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"site.py": "app = 1\n", "static/a.css": "a{}", "link.py": "app = 1\n"} {
		if got, err := os.ReadFile(filepath.Join(to, appFolder, name)); err != nil || string(got) != want {
			t.Errorf("%s arrived as %q, %v", name, got, err)
		}
	}
	for _, name := range []string{"venv", ".git", "lost"} {
		if _, err := os.Lstat(filepath.Join(to, appFolder, name)); err == nil {
			t.Errorf("%s is of no use on another host, and was taken there", name)
		}
	}
	if err := verify(in, strings.Repeat("0", 64)); err == nil {
		t.Error("another hash was accepted")
	}
}

// A bundle writes nothing outside its folder, and holds nothing but files and folders.
func TestHostileBundles(t *testing.T) {
	for _, h := range []tar.Header{
		{Name: "../out", Typeflag: tar.TypeReg, Mode: 0o644}, {Name: "/out", Typeflag: tar.TypeReg, Mode: 0o644},
		{Name: "app/../../out", Typeflag: tar.TypeReg, Mode: 0o644},
		{Name: "app/x", Typeflag: tar.TypeSymlink, Linkname: "/etc"},
		{Name: "app/x", Typeflag: tar.TypeLink, Linkname: "/etc/passwd"}, {Name: "app/x", Typeflag: tar.TypeFifo},
	} {
		var data bytes.Buffer
		w := tar.NewWriter(&data)
		if err := errors.Join(w.WriteHeader(&h), w.Close()); err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		if err := unpack(&data, filepath.Join(dir, "to")); err == nil {
			t.Errorf("%s (type %c) was unpacked", h.Name, h.Typeflag)
		}
		if _, err := os.Lstat(filepath.Join(dir, "out")); err == nil {
			t.Errorf("%s was written outside the folder", h.Name)
		}
	}
}

// What goes wrong on a host is here what it was there: the exit code follows from it.
func TestFaultsKeepTheirKind(t *testing.T) {
	boot := &servers.BootError{Topology: servers.Topology{Name: "uwsgi"}, Diagnostic: "a port is taken", Process: "uwsgi",
		Log: "bind(): Address already in use", Err: errors.New("process uwsgi ended")}
	if got := faultOf(boot).err(); got.Error() != boot.Error() || !as[*servers.BootError](got) {
		t.Errorf("%v became %v", boot, got)
	}
	if got := faultOf(&servers.ConfigError{Err: errors.New("no such key")}).err(); !as[*servers.ConfigError](got) {
		t.Errorf("a mistake became %T", got)
	}
	if got := faultOf(errors.New("no space left on device")).err(); !errors.Is(got, fleet.ErrNotStarted) {
		t.Errorf("a full disk became %v", got)
	}
	if got := (*fault)(nil).err(); got != nil {
		t.Errorf("no fault became %v", got)
	}
}
