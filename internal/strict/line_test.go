package strict

import "testing"

func TestLine(t *testing.T) {
	const text = "summary: x\nrungs:\n  - name: a\n    topology: b\n  - {name: c, topology: d}\n"
	for path, want := range map[string]int{
		"$.summary": 1, "$.rungs[0].topology": 4, "$.rungs[1].topology": 5, "$.rungs[1].name": 5,
		"$.rungs[7].name": 0, "$.none": 0, "not a path": 0,
	} {
		if got := Line([]byte(text), path); got != want {
			t.Errorf("Line(%s) = %d; want %d", path, got, want)
		}
	}
	if got := Line([]byte("\x00"), "$.summary"); got != 0 {
		t.Errorf("Line of no document = %d; want 0", got)
	}
}
