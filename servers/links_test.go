package servers

import (
	"os"
	"path/filepath"
	"testing"
)

// 36-folder-with-a-blank: the environment of such a project is reached through a link.
func TestToolsInAFolderWithABlank(t *testing.T) {
	home := filepath.Join(t.TempDir(), "my site", "venv")
	for _, name := range []string{"python", "uwsgi"} {
		write(t, filepath.Join(home, "bin", name), name)
	}
	tools, err := Tools{
		"python": {Path: filepath.Join(home, "bin", "python"), Facts: map[string]string{"home": home, "django": "5.2"}},
		"uwsgi":  {Path: filepath.Join(home, "bin", "uwsgi")},
		"nginx":  {Path: "/usr/sbin/nginx"},
		"absent": {},
	}.Plain(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"python", "uwsgi"} {
		if path := tools.Path(name); !PlainPath(path) || read(t, path) != name {
			t.Errorf("%s is %q; want a plain path to it", name, path)
		}
	}
	facts := tools["python"].Facts
	if own, _ := os.Readlink(facts["home"]); own != home || facts["django"] != "5.2" {
		t.Errorf("the facts are %v; want a link to %s", facts, home)
	}
	if tools.Path("nginx") != "/usr/sbin/nginx" || tools.Path("absent") != "" {
		t.Errorf("plain paths changed: %v", tools)
	}
}
