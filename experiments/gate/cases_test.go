package gate

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bench/experiments"
)

// work is a folder in which a test runs git.
type work struct {
	t   *testing.T
	dir string
}

func (w work) git(args ...string) string {
	w.t.Helper()
	c := exec.Command("git", append([]string{"-c", "protocol.file.allow=always"}, args...)...)
	c.Dir = w.dir
	c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b")
	out, err := c.CombinedOutput()
	if err != nil {
		w.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (w work) write(name, text string) {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// project is a repository with an app on main, and a change to it on a branch.
func project(t *testing.T, folder string, files map[string]string) work {
	t.Helper()
	w := work{t, filepath.Join(t.TempDir(), "r")}
	if err := os.Mkdir(w.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	w.git("init", "-q", "-b", "main")
	w.git("config", "user.name", "a") // git stash create wants one
	w.git("config", "user.email", "a@b")
	w.write(filepath.Join(folder, "site1/urls.py"), "urlpatterns = []\n")
	for name, text := range files {
		w.write(filepath.Join(folder, name), text)
	}
	w.git("add", "-A")
	w.git("commit", "-qm", "one")
	w.git("checkout", "-qb", "f")
	w.write(filepath.Join(folder, "site1/urls.py"), "urlpatterns = []  # changed\n")
	w.git("commit", "-qam", "two")
	return w
}

const (
	siteFile = "app: {wsgi: \"site1.wsgi:application\", settings: site1.settings}\n"
	withMix  = siteFile + "mix: [{name: home, path: /}]\n"
)

// testTime differs from the time in the index.
var testTime = time.Unix(1e9, 0)

// Repositories from public bug reports, named as where they were collected, and others like them.
// Each case returns the gate to run.
func TestCasesOfRepositories(t *testing.T) {
	for _, row := range []struct {
		says  string
		make  func(t *testing.T) Spec
		err   string // what the mistake in the request says; empty: the versions are found
		warns string
	}{
		{"17-gate-without-mix", func(t *testing.T) Spec {
			return Spec{App: project(t, ".", map[string]string{"bench.yaml": siteFile}).dir}
		}, "has no mix", ""},
		{"18-shallow-clone-and-base-sha", func(t *testing.T) Spec {
			w := project(t, ".", map[string]string{"bench.yaml": withMix})
			clone := shallow(t, w)
			return Spec{App: clone.dir, Base: w.git("rev-parse", "main")}
		}, "which is a shallow clone: fetch it with git fetch --depth 1 origin", ""},
		{"18-shallow-clone-and-base-sha, without the base", func(t *testing.T) Spec {
			return Spec{App: shallow(t, project(t, ".", map[string]string{"bench.yaml": withMix})).dir}
		}, "fetch the rest with git fetch --unshallow", ""},
		{"19-copied-checkout", func(t *testing.T) Spec {
			w := project(t, ".", map[string]string{"bench.yaml": withMix})
			copied := filepath.Join(t.TempDir(), "c")
			if err := os.CopyFS(copied, os.DirFS(w.dir)); err != nil {
				t.Fatal(err)
			}
			return Spec{App: copied, Base: "main"}
		}, "", ""},
		{"20-lfs", func(t *testing.T) Spec {
			w := pointersOf(t)
			for key, value := range map[string]string{"smudge": "absent smudge", "process": "absent", "clean": "absent clean",
				"required": "true"} {
				w.git("config", "filter.lfs."+key, value)
			}
			later := filepath.Join(w.dir, "model.bin")
			if err := os.Chtimes(later, testTime, testTime); err != nil {
				t.Fatal(err)
			}
			return Spec{App: w.dir, Base: "main"}
		}, "put git-lfs on PATH, or compare two folders", ""},
		{"20-lfs, without the filter", func(t *testing.T) Spec { return Spec{App: pointersOf(t).dir, Base: "main"} },
			"", "pointers of git LFS and not their content, such as model.bin"},
		{"21-bench-yaml-not-added", func(t *testing.T) Spec {
			w := project(t, ".", nil)
			w.write("bench.yaml", withMix)
			return Spec{App: w.dir}
		}, "", "not in git yet"},
		{"21-bench-yaml-not-added, and ignored", func(t *testing.T) Spec {
			w := project(t, ".", map[string]string{".gitignore": "bench.yaml\n"})
			w.write("bench.yaml", withMix)
			return Spec{App: w.dir, Head: "f"}
		}, "", "not in git yet"},
		{"22-app-in-a-subfolder", func(t *testing.T) Spec {
			return Spec{App: project(t, "services/shop", map[string]string{"bench.yaml": withMix}).dir}
		}, "--app services/shop", ""},
		{"a submodule", func(t *testing.T) Spec { return Spec{App: submodule(t).dir, Base: "main"} }, "", ""},
		{"a submodule that is not checked out", func(t *testing.T) Spec {
			w := submodule(t)
			w.git("submodule", "deinit", "-q", "-f", "lib")
			return Spec{App: w.dir, Base: "main", Head: "f"}
		}, "git submodule update --init", ""},
	} {
		t.Run(row.says, func(t *testing.T) {
			spec := row.make(t)
			var messages strings.Builder
			env := testEnv(&messages)
			both, err := versions(t.Context(), env, spec, t.TempDir(), false)
			if err == nil {
				_, _, err = mix(spec, both)
			}
			if row.err != "" {
				if err == nil || !strings.Contains(err.Error(), row.err) || !misused(err) {
					t.Errorf("%v; want a mistake in the request that says %q", err, row.err)
				}
				return
			}
			if err != nil || !strings.Contains(messages.String(), row.warns) {
				t.Fatalf("%v, messages %q; want them to say %q", err, messages.String(), row.warns)
			}
			for i, want := range []string{"urlpatterns = []\n", "urlpatterns = []  # changed\n"} {
				dir := both[i].project.App.Dir
				if got, _ := os.ReadFile(filepath.Join(dir, "site1/urls.py")); string(got) != want {
					t.Errorf("version %d holds %q; want %q", i, got, want)
				}
				if experiments.IsDir(filepath.Join(spec.App, "lib")) && !experiments.IsFile(filepath.Join(dir, "lib/lib.py")) {
					t.Errorf("version %d lacks the files of its submodule", i)
				}
			}
		})
	}
}

func shallow(t *testing.T, w work) work {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "s")
	w.git("clone", "-q", "--depth", "1", "-b", "f", "file://"+w.dir, dir)
	return work{t, dir}
}

// pointersOf is a repository whose LFS file is a pointer.
func pointersOf(t *testing.T) work {
	w := project(t, ".", map[string]string{"bench.yaml": withMix})
	w.write("model.bin", pointer+"oid sha256:"+strings.Repeat("0", 64)+"\nsize 12345\n")
	w.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
	w.git("add", "-A")
	w.git("commit", "-qm", "lfs")
	return w
}

// submodule is a repository with another one in it, on both branches.
func submodule(t *testing.T) work {
	t.Helper()
	lib := work{t, filepath.Join(t.TempDir(), "lib")}
	if err := os.Mkdir(lib.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	lib.git("init", "-q", "-b", "main")
	lib.write("lib.py", "x = 1\n")
	lib.git("add", "-A")
	lib.git("commit", "-qm", "lib")
	w := project(t, ".", map[string]string{"bench.yaml": withMix})
	w.git("checkout", "-q", "main")
	w.git("submodule", "--quiet", "add", lib.dir, "lib")
	w.git("commit", "-qm", "with a library")
	w.git("checkout", "-q", "f")
	w.git("merge", "-q", "--no-edit", "main")
	w.git("submodule", "--quiet", "update", "--init")
	return w
}

// 23-base-sha-of-a-merge-ref: what CI checks out is the pull request merged into main as it is now, and
// the base is main as it is now, whatever main got in the meantime.
func TestCaseOfAMergeRef(t *testing.T) {
	w := project(t, ".", map[string]string{"bench.yaml": withMix})
	w.git("checkout", "-q", "main")
	w.write("site1/other.py", "slower = True\n")
	w.git("add", "-A")
	w.git("commit", "-qm", "main moved on")
	w.git("checkout", "-q", "--detach", "main")
	w.git("merge", "-q", "--no-edit", "f")
	both, err := versions(t.Context(), testEnv(&strings.Builder{}), Spec{App: w.dir}, t.TempDir(), false)
	if err != nil {
		t.Fatal(err)
	}
	for i, version := range both {
		if !experiments.IsFile(filepath.Join(version.project.App.Dir, "site1/other.py")) {
			t.Errorf("version %d lacks what main got in the meantime: head would be judged for it", i)
		}
	}
	for _, file := range []string{"../../docs/CI.md", "../../action.yml"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, wrong := range []string{"base.sha", "DIFF_BASE_SHA"} {
			if strings.Contains(string(text), wrong) {
				t.Errorf("%s names %s as the base: main as it was when the pull request was last pushed to", file, wrong)
			}
		}
	}
}
