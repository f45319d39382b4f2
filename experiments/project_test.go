package experiments

import (
	"os"
	"strings"
	"testing"
)

// An app that is there and has no bench.yaml yet is never passed over for the bundled one.
func TestLoadProjectOffersInit(t *testing.T) {
	t.Chdir(t.TempDir())
	if project, err := LoadProject(""); err != nil || project.App.Name != "shop" {
		t.Errorf("in an empty folder: %q, %v; want the bundled project", project.App.Name, err)
	}
	if err := os.WriteFile("manage.py", []byte("import django\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadProject(""); err == nil || !strings.Contains(err.Error(), "run `bench init`") {
		t.Errorf("beside a manage.py: %v; want the offer of bench init", err)
	}
	if project, err := LoadProject(Bundled); err != nil || project.App.Name != "shop" {
		t.Errorf("the bundled project by name: %q, %v", project.App.Name, err)
	}
}
