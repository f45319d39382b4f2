package pacing

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestParseArrivals(t *testing.T) {
	const log = `127.0.0.1 - - [22/Nov/2026:18:00:01 +0100] "GET / HTTP/1.1" 200 5
127.0.0.1 - - [22/Nov/2026:18:00:00 +0100] "GET / HTTP/1.1" 200 5
127.0.0.1 - - [22/Nov/2026:18:00:01 +0100] "GET /a HTTP/1.1" 200 5
`
	for _, row := range []struct{ says, in, want string }{
		{"an access log: sorted, and whole seconds spread out", log, "[0s 1s 1.5s]"},
		{"seconds with fractions, unchanged", "# c\n1700000000.250 GET /\n1700000000.750\n", "[0s 500ms]"},
		{"RFC 3339", "2026-11-22T18:00:00.5Z x\n2026-11-22T18:00:02.5Z\n", "[0s 2s]"},
	} {
		got, err := ParseArrivals(strings.NewReader(row.in))
		if err != nil || fmt.Sprint(got) != row.want {
			t.Errorf("%s: %v, %v; want %s", row.says, got, err, row.want)
		}
	}
	for _, bad := range []string{"", "# nothing\n", "yesterday GET /\n", "[99/Nov/2026:18:00:00 +0000]\n", "-5\n",
		"NaN\n"} {
		if _, err := ParseArrivals(strings.NewReader(bad)); err == nil {
			t.Errorf("ParseArrivals(%q) succeeded", bad)
		}
	}
}

func TestReplayIsAPacer(t *testing.T) {
	p := Replay{Times: []time.Duration{0, time.Second, 1500 * time.Millisecond}, Speed: 2}
	early, all := Count(p, 600*time.Millisecond), Count(p, time.Hour)
	if p.Due(1) != 500*time.Millisecond || early != 2 || all != 3 || p.Rate(time.Second/2) != 3 {
		t.Errorf("Due(1) = %v, Count = %d and %d, Rate = %g", p.Due(1), early, all, p.Rate(time.Second/2))
	}
}

func FuzzParseArrivals(f *testing.F) {
	f.Add("1.5\n2.5\n")
	f.Add("x [22/Nov/2026:18:00:00 +0000] y\n")
	f.Fuzz(func(t *testing.T, text string) {
		times, err := ParseArrivals(strings.NewReader(text))
		for i := range times {
			if times[i] < 0 || i > 0 && times[i] < times[i-1] {
				t.Fatalf("ParseArrivals(%q) = %v, %v", text, times, err)
			}
		}
	})
}
