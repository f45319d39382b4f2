package gate

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bench/experiments"
)

// repository makes a checkout with two commits of an app in a subfolder, and uncommitted changes.
func repository(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	run := func(args ...string) {
		t.Helper()
		c := exec.Command("git", args...)
		c.Dir = root
		c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null",
			"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b")
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run("init", "-q", "-b", "main")
	run("config", "user.name", "a")
	run("config", "user.email", "a@b")
	write("site/bench.yaml", "app: {wsgi: \"a.wsgi:application\", settings: a.settings}\n")
	write("site/version", "1")
	write(".gitattributes", "site/version export-ignore\n") // affects releases, not checkouts
	run("add", ".")
	run("commit", "-qm", "one")
	run("checkout", "-qb", "work")
	write("site/version", "2")
	run("commit", "-qam", "two")
	write("site/version", "3")
	return root
}

// testEnv collects messages and diagnostics as text.
func testEnv(messages *strings.Builder) experiments.Env {
	return experiments.Env{Path: os.Getenv("PATH"), User: os.Environ(), Emit: func(event experiments.Event) {
		switch e := event.(type) {
		case experiments.Message:
			fmt.Fprintln(messages, e.Text)
		case experiments.Diagnostic:
			fmt.Fprintln(messages, e.Message)
		}
	}}
}

func misused(err error) bool {
	var of *experiments.Error
	return errors.As(err, &of) && of.Verdict == experiments.Misused
}

func TestVersionsOfACheckout(t *testing.T) {
	root := repository(t)
	var messages strings.Builder
	env := testEnv(&messages)
	version := func(o Spec, side int) string {
		t.Helper()
		both, err := versions(t.Context(), env, o, t.TempDir(), false)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(both[side].project.App.Dir, "version"))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	app := filepath.Join(root, "site")
	if base, head := version(Spec{App: app}, 0), version(Spec{App: app}, 1); base != "1" || head != "3" {
		t.Errorf("by default base is %s and head %s; want where the branch left main, 1, and the work tree, 3", base, head)
	}
	if !strings.Contains(messages.String(), "uncommitted") {
		t.Errorf("the uncommitted changes were not reported: %q", messages.String())
	}
	named := Spec{App: app, Base: "main", Head: "work"}
	if base, head := version(named, 0), version(named, 1); base != "1" || head != "2" {
		t.Errorf("main and work are %s and %s; want 1 and 2", base, head)
	}
	// Neither the work tree nor the list of stashes was changed.
	if text, _ := os.ReadFile(filepath.Join(app, "version")); string(text) != "3" {
		t.Errorf("the work tree holds %s", text)
	}
	if out, _ := exec.Command("git", "-C", root, "stash", "list").Output(); len(out) > 0 {
		t.Errorf("a stash was left: %s", out)
	}
}

// The change that adds bench.yaml can be judged: base is measured with head's. A self-test measures
// the same version twice, and uncommitted changes are marked as such.
func TestVersionsWithoutAProjectFileAndEqualOnes(t *testing.T) {
	root := repository(t)
	app := filepath.Join(root, "site")
	for _, args := range [][]string{
		{"rm", "-q", "--cached", "site/bench.yaml"}, {"stash", "-q", "--include-untracked"}, {"checkout", "-q", "main"},
		{"rm", "-q", "site/bench.yaml"}, {"commit", "-qm", "without"}, {"checkout", "-q", "-b", "adds"},
		{"checkout", "-q", "work", "--", "site/bench.yaml"},
	} {
		if out, err := exec.Command("git", append([]string{"-C", root}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
	}
	var messages strings.Builder
	env := testEnv(&messages)
	both, err := versions(t.Context(), env, Spec{App: app, Base: "main"}, t.TempDir(), false)
	reported := strings.Contains(messages.String(), "measured with that of")
	if err != nil || both[0].project.App.WSGI != "a.wsgi:application" || !reported {
		t.Errorf("a base without bench.yaml: %+v, %v; %q", both[0], err, messages.String())
	}
	if !both[1].dirty || !strings.HasSuffix(both[1].commit, "-dirty") || strings.HasSuffix(both[0].commit, "-dirty") {
		t.Errorf("the commits are %s and %s; head holds uncommitted changes", both[0].commit, both[1].commit)
	}
	both, err = versions(t.Context(), env, Spec{App: app}, t.TempDir(), true)
	if err != nil || both[0].name != both[1].name {
		t.Errorf("a self-test of %s and %s: %v", both[0].name, both[1].name, err)
	}
}

// The change that corrects bench.yaml can be judged: a base whose own cannot be read is measured with head's.
func TestVersionsWithAProjectFileThatCannotBeRead(t *testing.T) {
	root := repository(t)
	app := filepath.Join(root, "site")
	for _, args := range [][]string{
		{"stash", "-q"}, {"checkout", "-q", "main"}, {"mv", "-f", "site/version", "site/bench.yaml"},
		{"commit", "-qam", "broken"}, {"checkout", "-q", "work"},
	} {
		if out, err := exec.Command("git", append([]string{"-C", root}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
	}
	var messages strings.Builder
	both, err := versions(t.Context(), testEnv(&messages), Spec{App: app, Base: "main"}, t.TempDir(), false)
	said := strings.Contains(messages.String(), "the bench.yaml of main cannot be read")
	if err != nil || both[0].project.App.WSGI != "a.wsgi:application" || !said {
		t.Errorf("%+v, %v; %q", both[0], err, messages.String())
	}
}

func TestBadVersions(t *testing.T) {
	root := repository(t)
	env := testEnv(&strings.Builder{})
	for _, row := range []struct {
		says string
		o    Spec
		want string
	}{
		{"an unknown commit", Spec{App: filepath.Join(root, "site"), Base: "nowhere"}, "not a commit"},
		{"an option instead of a commit", Spec{App: filepath.Join(root, "site"), Base: "--all"}, "not a commit"},
		{"the same commit twice", Spec{App: filepath.Join(root, "site"), Base: "work", Head: "work"}, "same commit"},
		{"no checkout", Spec{App: t.TempDir()}, "not in a git checkout"},
		{"no bench.yaml", Spec{App: root}, "bench.yaml"},
	} {
		_, err := versions(t.Context(), env, row.o, t.TempDir(), false)
		if err == nil || !strings.Contains(err.Error(), row.want) || !misused(err) {
			t.Errorf("%s: %v; want a mistake in the request that says %q", row.says, err, row.want)
		}
	}
}

// Packages are part of a version: if they differ, each version gets its own.
func TestPackageLists(t *testing.T) {
	if warnings := requirementsDiffer([2]side{}); len(warnings) > 0 {
		t.Errorf("warnings about equal requirements: %v", warnings)
	}
	warnings := requirementsDiffer([2]side{
		{packages: []string{"django==5.1 --hash=sha256:ab", "--index-url https://me:secret@example.org/simple"}},
		{packages: []string{"django==5.2", "a @ https://me:secret@example.org/a.zip", "b", "c", "d", "e", "f"}},
	})
	want := "base requires django==5.1, head django==5.2, a @ https://example.org/a.zip, b, c, d and 2 more"
	if len(warnings) != 1 || !strings.Contains(warnings[0].Message, want) {
		t.Errorf("warnings = %v", warnings)
	}
}

// Which interpreter each version runs with. A fake python3 pretends to make environments.
func TestVersionsWithDifferentPackagesGetTheirOwnEnvironments(t *testing.T) {
	bin := t.TempDir()
	fake := `#!/bin/sh
case "$1 $2" in
"-m venv") mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && cp "$0" "$3/bin/uwsgi" ;;
"-m pip") case "$(cat "${@: -1}" 2>/dev/null)" in *nonsense*)
	echo "ERROR: Could not find a version that satisfies the requirement nonsense (from versions: none)"; exit 1 ;;
esac ;;
-c*) printf '3.11.2\n/usr\n/usr\n5.2\n' ;;
esac
`
	fake = strings.Replace(fake, `"${@: -1}"`, `"$(eval echo \\$$#)"`, 1)
	fake = strings.ReplaceAll(fake, `\\$`, `\$`)
	if err := os.WriteFile(filepath.Join(bin, "python3"), []byte(fake), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		says   string
		yaml   [2]string // further keys of app
		lists  [2]string
		own    [2]bool // an environment made by bench
		shared bool    // both run in the same one
		broken int     // version whose environment fails; -1: none
	}{
		{"equal lists need no environment", [2]string{}, [2]string{"django==5.1", "django==5.1"}, [2]bool{}, false, -1},
		{"different packages, different environments", [2]string{},
			[2]string{"django==5.1", "django==5.2"}, [2]bool{true, true}, false, -1},
		{"a version without a list keeps its interpreter", [2]string{},
			[2]string{"", "django==5.2"}, [2]bool{false, true}, false, -1},
		{"a list that only one version names counts for both", [2]string{"", ", requirements: requirements.txt"},
			[2]string{"django==5.1", "django==5.1"}, [2]bool{true, true}, true, -1},
		{"each names its interpreter", [2]string{", python: /one", ", python: /two"},
			[2]string{"django==5.1", "django==5.2"}, [2]bool{}, false, -1},
		{"a folder cannot be installed, but there is an interpreter", [2]string{", python: /one", ", python: /one"},
			[2]string{"-e .", "django==5.2"}, [2]bool{}, false, -1},
		{"packages that do not exist", [2]string{}, [2]string{"django==5.1", "nonsense"}, [2]bool{true, false}, false, 1},
	} {
		var messages strings.Builder
		env := testEnv(&messages)
		env.Path, env.Cache = bin+":/usr/bin:/bin", t.TempDir()
		env.User = []string{"PATH=" + env.Path}
		var both [2]side
		for i := range both {
			dir := t.TempDir()
			files := map[string]string{
				"bench.yaml": "app: {wsgi: \"a.wsgi:application\", settings: a.settings" + row.yaml[i] + "}\n",
			}
			if row.lists[i] != "" {
				files["requirements.txt"] = row.lists[i] + "\n"
			}
			for name, text := range files {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			project, err := experiments.LoadProject(dir)
			if err != nil {
				t.Fatalf("%s: %v", row.says, err)
			}
			both[i].project = project
		}
		if err := environments(t.Context(), env, &both); err != nil {
			t.Errorf("%s: %v", row.says, err)
		}
		for i, version := range both {
			app := version.project.App
			if own := strings.Contains(app.Python, "env-"); own != row.own[i] {
				t.Errorf("%s: version %d runs with %q\n%s", row.says, i, app.Python, messages.String())
			}
			if broken := version.broken != nil; broken != (row.broken == i) {
				t.Errorf("%s: version %d: %v", row.says, i, version.broken)
			}
		}
		if same := both[0].project.App.Python == both[1].project.App.Python; row.own[0] && row.own[1] && same != row.shared {
			t.Errorf("%s: they run with %s and %s", row.says, both[0].project.App.Python, both[1].project.App.Python)
		}
	}
}

// A file that is changed in the moment of a commit, and is as long as before, is changed all the same: git knows it by
// the time of its index, which a copy has to keep.
func TestAChangeInTheMomentOfACommit(t *testing.T) {
	root := repository(t)
	git := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("git", append([]string{"-C", root}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
	}
	git("commit", "-qam", "three")
	git("config", "core.trustctime", "false") // nobody can set that time, and so nothing can show that it is the same
	file, moment := filepath.Join(root, "site", "version"), time.Now().Add(-time.Hour)
	for _, step := range []func() error{
		func() error { return os.Chtimes(file, moment, moment) },
		func() error { git("update-index", "-q", "--refresh"); return nil },
		func() error { return os.WriteFile(file, []byte("4"), 0o644) },
		func() error { return os.Chtimes(file, moment, moment) },
		func() error { return os.Chtimes(filepath.Join(root, ".git", "index"), moment, moment) },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	asked := Spec{App: filepath.Join(root, "site")}
	both, err := versions(t.Context(), testEnv(new(strings.Builder)), asked, t.TempDir(), false)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(both[1].project.App.Dir, "version")); err != nil || string(text) != "4" {
		t.Errorf("head is %q (%v); want 4", text, err)
	}
}
