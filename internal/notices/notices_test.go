package notices

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// The notices name every module that is linked, in its version, with its licence.
func TestNoticesAreCurrent(t *testing.T) {
	const tree = "../.."
	parts, err := Read(t.Context(), tree)
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	if err := Write(&want, parts); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(tree + "/" + File); err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Errorf("%s is not current (%v): run make notices", File, err)
	}
}

// Every module that is linked is one of go.mod, and its licence goes with that of bench.
func TestLicencesArePermissive(t *testing.T) {
	const tree = "../.."
	mod, err := os.ReadFile(tree + "/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	parts, err := Read(t.Context(), tree)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range parts {
		if strings.Contains(p.Name, "/") && !strings.Contains(string(mod), p.Name+" "+p.Version) {
			t.Errorf("%s %s is linked, and not in go.mod", p.Name, p.Version)
		}
		text := strings.Join(strings.Fields(strings.Join(p.Texts, " ")), " ")
		for _, copyleft := range []string{
			"GNU GENERAL PUBLIC LICENSE", "GNU AFFERO", "GNU LESSER", "Server Side Public License", "Business Source License",
		} {
			if strings.Contains(text, copyleft) {
				t.Errorf("%s is under a licence that asks more than MIT does: %s", p.Name, copyleft)
			}
		}
	}
}

func TestLicenceFilesAreFound(t *testing.T) {
	for name, want := range map[string]bool{
		"LICENSE": true, "LICENCE.txt": true, "License.md": true, "COPYING": true, "NOTICE": true, "LICENSE-GO": true,
		"PATENTS": true, "license.go": false, "licenses": false, "README.md": false,
	} {
		if got := isLicence(name); got != want {
			t.Errorf("isLicence(%q) = %v, want %v", name, got, want)
		}
	}
}

func TestASharedTextStandsOnce(t *testing.T) {
	var out strings.Builder
	if err := Write(&out, []Part{{Name: "a", Texts: []string{"same"}}, {Name: "b", Texts: []string{"same"}}}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "\nsame\n"); n != 1 {
		t.Errorf("the text stands %d times:\n%s", n, out.String())
	}
}
