package scenarios

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// Every embedded ladder can be read on machines of any size, and its steps are between different topologies.
func TestEmbeddedLadders(t *testing.T) {
	for _, name := range Ladders() {
		for _, cores := range []int{1, 2, 3, 8, 64} {
			l, err := LadderNamed(name, cores)
			if err != nil {
				t.Errorf("%s on %d cores: %v", name, cores, err)
				continue
			}
			if len(l.Rungs) < 5 || len(l.Detours) < 2 || l.Summary == "" {
				t.Errorf("%s on %d cores: %d rungs, %d detours", name, cores, len(l.Rungs), len(l.Detours))
			}
		}
	}
}

func TestDoublings(t *testing.T) {
	for n, want := range map[int]string{1: "[1]", 2: "[1 2]", 4: "[1 2 4]", 6: "[1 2 4 6]"} {
		if got := fmt.Sprint(doublings(n)); got != want {
			t.Errorf("up to %d: %s; want %s", n, got, want)
		}
	}
}

// Mistakes are named with their file and line, and with what would be right.
func TestMistakesInLadders(t *testing.T) {
	const two = "rungs:\n  - {name: a, adds: x, topology: runserver}\n  - {name: b, adds: x, topology: uwsgi}\n"
	for _, row := range []struct{ says, text, where, want string }{
		{"no rung", "summary: x\n", "", "0 of the two rungs"},
		{"one rung", "rungs:\n  - {name: a, adds: x, topology: runserver}\n", "line 2", "1 of the two rungs"},
		{"an unknown key", "rungs:\n  - {name: a, add: x, topology: runserver}\n", "[2:", "add"},
		{"an unknown topology", two + "  - {name: c, adds: x, topology: ngins-uwsgi}\n", "line 4", "nginx-uwsgi"},
		{"an unknown parameter", two + "  - name: c\n    adds: x\n    topology: uwsgi:worker=2\n", "line 6", "workers"},
		{"a value out of bounds", two + "  - {name: c, adds: x, topology: 'uwsgi:workers=0'}\n", "line 4", "workers"},
		{"a name twice", two + "  - {name: a, adds: x, topology: gunicorn}\n", "line 4", "given twice"},
		{"a name that is a path", two + "  - {name: ../c, adds: x, topology: gunicorn}\n",
			"line 4", "want up to 40 letters"},
		{"a topology twice", two + "  - {name: c, adds: x, topology: uwsgi}\n", "line 4", "already"},
		{"a running server", two + "  - {name: c, adds: x, topology: 'url:http://127.0.0.1:1'}\n",
			"line 4", "already running"},
		{"nothing added", two + "  - {name: c, topology: gunicorn}\n", "line 4", "adds:"},
		{"an unknown number", two + "  - {name: c, adds: x, topology: 'uwsgi:workers={{.Seats}}'}\n",
			"line 4", "{{.Workers}}"},
		{"a broken template", two + "  - {name: c, adds: x, topology: 'uwsgi:workers={{'}\n", "line 4", "{{.Workers}}"},
		{"a doubling of nothing", two + "  - {name: c, adds: x, topology: gunicorn, doubling: true}\n", "line 4", "{{.N}}"},
		{"a detour from nowhere", two + "detours:\n  - {name: d, from: z, step: b, topology: gunicorn}\n",
			"line 5", "want one of a, b"},
		{"a detour to nowhere", two + "detours:\n  - {name: d, from: b, step: z, topology: gunicorn}\n",
			"line 5", "want one of b"},
		{"a detour on the ladder", two + "detours:\n  - {name: d, from: a, step: b, topology: gunicorn}\n",
			"line 5", "on the ladder"},
	} {
		_, err := ParseLadder("mine", "mine.yaml", []byte(row.text), 2)
		if err == nil || !strings.Contains(err.Error(), "mine.yaml") || !strings.Contains(err.Error(), row.where) ||
			!strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v; want %q at %s", row.says, err, row.want, row.where)
		}
	}
	if _, err := ParseLadder("mine", "mine.yaml", []byte(two), 2); err != nil {
		t.Error(err)
	}
	document, err := os.ReadFile("../docs/LADDERS.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(document), "```yaml\n")
	text, _, _ = strings.Cut(text, "```")
	if l, err := ParseLadder("doc", "doc.yaml", []byte(text), 4); err != nil || len(l.Rungs) != 5 || len(l.Detours) != 1 {
		t.Errorf("the ladder of docs/LADDERS.md: %d rungs, %v", len(l.Rungs), err)
	}
	if _, err := LadderNamed("nowhere", 2); err == nil || !strings.Contains(err.Error(), "classic, gunicorn") {
		t.Errorf("an unknown ladder: %v", err)
	}
}
