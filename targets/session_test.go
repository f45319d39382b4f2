package targets

import (
	"strings"
	"testing"
	"time"
)

func TestParseSessions(t *testing.T) {
	feed, err := ParseFeed("users.csv", []byte("user,password\nann,a b\nbob,c\n"))
	if err != nil {
		t.Fatal(err)
	}
	mix, err := ParseSessions([]byte(`
- name: buyer
  weight: 3
  steps:
    - {name: form, path: /login}
    - {name: login, method: post, path: "/login?u={{user}}", think: ~2s,
       body: "p={{ password }}&t={{cookie:csrftoken}}"}
- name: looker
  steps: [{name: home, path: /}]
`), feed, "")
	if err != nil {
		t.Fatal(err)
	}
	if len(mix.Sessions) != 2 || mix.Sessions[0].Weight != 3 || mix.Sessions[1].Weight != 1 || len(mix.Targets) != 3 {
		t.Errorf("mix = %+v", mix)
	}
	if think := mix.Sessions[0].Steps[1].Think; think != (Think{2 * time.Second, true}) {
		t.Errorf("think = %+v; want exponential with a mean of 2 s", think)
	}
	parts, err := mix.Parts(string(mix.Targets[1].Body))
	if err != nil || len(parts) != 4 || parts[1].Column != 1 || parts[3].Cookie != "csrftoken" {
		t.Errorf("parts = %+v, %v", parts, err)
	}
	drawn := 0
	for n := range uint64(4000) {
		if mix.SessionIndex(n) == 0 {
			drawn++
		}
	}
	if drawn < 2900 || drawn > 3100 {
		t.Errorf("%d of 4000 sessions are buyers; want about 3000", drawn)
	}
}

func TestThinkTimes(t *testing.T) {
	think := Think{Mean: 100 * time.Millisecond, Exponential: true}
	var sum time.Duration
	const n = 20_000
	for i := range uint64(n) {
		sum += think.Time(7, i, 2)
	}
	if mean := sum / n; mean < 97*time.Millisecond || mean > 103*time.Millisecond {
		t.Errorf("mean pause %v; want 100 ms", mean)
	}
	if again := think.Time(7, 1, 2); think.Time(7, 1, 2) != again || think.Time(7, 1, 2) == think.Time(7, 1, 3) {
		t.Error("a pause is not a pure function of session and step")
	}
}

func TestBadSessionsAndFeeds(t *testing.T) {
	feed := &Feed{Columns: []string{"a"}, Rows: [][]string{{"1"}}}
	for _, row := range []struct{ says, yaml, want string }{
		{"an unknown key", "- {name: a, stepz: []}", "stepz"},
		{"no steps", "- {name: a, steps: []}", "no targets"},
		{"an unknown column", "- {name: a, steps: [{name: x, path: '/{{b}}'}]}", "no such column"},
		{"a placeholder that is not closed", "- {name: a, steps: [{name: x, path: '/{{a'}]}", "not closed"},
		{"a weight on a step", "- {name: a, steps: [{name: x, path: /, weight: 2}]}", "weight"},
		{"a pause before the first step", "- {name: a, steps: [{name: x, path: /, think: 1s}]}", "first step"},
		{"a pause that is not a duration",
			"- {name: a, steps: [{name: x, path: /}, {name: y, path: /, think: soon}]}", "think"},
		{"a pause of a day", "- {name: a, steps: [{name: x, path: /}, {name: y, path: /, think: 24h}]}", "pause"},
	} {
		if _, err := ParseSessions([]byte(row.yaml), feed, ""); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v; want an error that names %q", row.says, err, row.want)
		}
	}
	for _, row := range []struct{ says, name, data string }{
		{"an empty CSV", "a.csv", ""},
		{"a CSV without rows", "a.csv", "a,b\n"},
		{"rows of different lengths", "a.csv", "a,b\n1\n"},
		{"a column twice", "a.csv", "a,a\n1,2\n"},
		{"JSON that is not a list", "a.json", "{}"},
		{"objects with different members", "a.json", `[{"a":1},{"b":2}]`},
	} {
		if _, err := ParseFeed(row.name, []byte(row.data)); err == nil {
			t.Errorf("%s: accepted", row.says)
		}
	}
	f, err := ParseFeed("a.JSON", []byte(`[{"b":"x","a":12345678901234567890}]`))
	if err != nil || f.Rows[0][0] != "12345678901234567890" {
		t.Errorf("JSON feed = %+v, %v; want the number as written", f, err)
	}
}

func FuzzParseSessions(f *testing.F) {
	f.Add([]byte("- {name: a, weight: 2, steps: [{name: x, path: '/{{a}}', think: ~1s}]}"))
	feed := &Feed{Columns: []string{"a"}, Rows: [][]string{{"1"}}}
	f.Fuzz(func(t *testing.T, data []byte) {
		mix, err := ParseSessions(data, feed, "")
		if err == nil && mix.Validate() != nil {
			t.Fatal("accepted what Validate refuses")
		}
	})
}

func FuzzParseFeed(f *testing.F) {
	f.Add("a.csv", []byte("a,b\n1,2\n"))
	f.Add("a.json", []byte(`[{"a":1}]`))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		feed, err := ParseFeed(name, data)
		if err != nil {
			return
		}
		for _, row := range feed.Rows {
			if len(row) != len(feed.Columns) {
				t.Fatalf("row %v of columns %v", row, feed.Columns)
			}
		}
	})
}
