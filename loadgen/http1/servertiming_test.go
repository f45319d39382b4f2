package http1

import (
	"testing"
	"time"
)

// The values are those of the specification's grammar (a list of metrics with parameters), and mistakes.
func TestAppTime(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"app;dur=12.5":                        12500 * time.Microsecond,
		"APP; Dur = 3":                        3 * time.Millisecond,
		"db;dur=53, app;dur=47.2":             47200 * time.Microsecond,
		`miss, app;desc="a, b; dur=9";dur=2`:  2 * time.Millisecond,
		`app;desc="\",app;dur=9";dur=2;dur=7`: 2 * time.Millisecond,
		`app;dur="1.5"`:                       1500 * time.Microsecond,
		"app;dur=0.0004":                      400 * time.Nanosecond,
		"":                                    0,
		"app":                                 0,
		"app;dur":                             0,
		"app;dur=":                            0,
		"app;dur=soon":                        0,
		"app;dur=-1":                          0,
		"app;dur=NaN":                         0,
		"app;dur=Inf":                         0,
		"app;dur=1e300":                       0,
		"application;dur=3, happ;dur=4":       0,
		`other;desc="app;dur=5"`:              0,
		`other;desc="open, app;dur=5`:         0,
		"app;dur=1111111111111111111111111111111111": 0,
	} {
		if got := AppTime([]byte(value)); got != want {
			t.Errorf("%q: %v; want %v", value, got, want)
		}
	}
}

func TestParserReadsAppTime(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	for stream, want := range map[string]time.Duration{
		"HTTP/1.1 103 Hints\r\nServer-Timing: app;dur=9\r\n\r\n" + ok + "Content-Length: 0\r\n\r\n": 0,
		ok + "server-timing: db;dur=1\r\nServer-Timing: app;dur=2\r\nContent-Length: 0\r\n\r\n":     2 * time.Millisecond,
		ok + "Transfer-Encoding: chunked\r\n\r\n0\r\nServer-Timing: app;dur=2\r\n\r\n":              0,
	} {
		p := Parser{App: time.Hour} // of the response before
		p.Reset(false)
		for data := []byte(stream); len(data) > 0; {
			_, rest, err := p.Next(data)
			if err != nil {
				t.Fatal(err)
			}
			data = rest
		}
		if p.App != want || !p.Complete() {
			t.Errorf("%q: %v; want %v", stream, p.App, want)
		}
	}
}
