package page

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"bench/results"
)

// However much there is to say, the answer fits a terminal, and ends with the verdict.
func TestBriefFitsATerminal(t *testing.T) {
	long := strings.Repeat("a long sentence about a topology ", 12)
	for _, row := range []struct{ rows, lead, diagnostics, words int }{
		{0, 0, 0, 1}, {1, 0, 0, 1}, {3, 5, 2, 1}, {3, 40, 0, 1}, {40, 10, 12, 1}, {40, 40, 40, 30}, {3, 1, 1, 30},
	} {
		d := sample()
		d.Lead, d.Sections = nil, nil
		d.Headline = strings.TrimSpace(strings.Repeat("deploy it ", row.words))
		table := Table{Columns: Columns("topology", "", "#req/s")}
		for i := range row.rows {
			name := fmt.Sprintf("uwsgi-%d%s", i, strings.Repeat("-workers=4", row.words)) // also far too long ones
			table.Rows = append(table.Rows, []string{name, Bar(0.4, 16), "1,239"})
		}
		d.Brief = []Table{table}
		for range row.lead {
			d.Lead = append(d.Lead, long)
		}
		var all []results.Diagnostic
		for range row.diagnostics {
			all = append(all, results.Diagnostic{Code: "busy-neighbour", Message: long})
		}
		d.Sections = []Section{{ID: "diagnostics", Title: "Diagnostics", Diagnostics: all}}
		var out bytes.Buffer
		if err := Brief(&out, d, false); err != nil {
			t.Fatal(err)
		}
		text := strings.TrimRight(out.String(), "\n")
		all24 := strings.Split(text, "\n")
		if len(all24) > mostLines {
			t.Errorf("%+v: %d lines:\n%s", row, len(all24), text)
		}
		for _, line := range all24 {
			if utf8.RuneCountInString(line) > columns {
				t.Errorf("%+v: a line of %d columns: %s", row, utf8.RuneCountInString(line), line)
			}
		}
		label := "VALID"
		if row.diagnostics > 0 {
			label += " (" + Count(row.diagnostics, "note") + ")"
		}
		last := text[strings.LastIndex(text, "VALID"):]
		if joined := strings.Join(strings.Fields(last), " "); joined != label+": "+d.Headline {
			t.Errorf("%+v: it ends with %q", row, last)
		}
	}
}

// Colour adds nothing but colour.
func TestBriefIsColouredOnRequestOnly(t *testing.T) {
	var plain, painted bytes.Buffer
	d := sample()
	if err := Brief(&plain, d, false); err != nil {
		t.Fatal(err)
	}
	if err := Brief(&painted, d, true); err != nil {
		t.Fatal(err)
	}
	if plain.String() == painted.String() || strings.Contains(plain.String(), "\x1b") {
		t.Errorf("plain %q, coloured %q", plain.String(), painted.String())
	}
	if bare := strings.NewReplacer("\x1b[1;32m", "", "\x1b[0m", "").Replace(painted.String()); bare != plain.String() {
		t.Errorf("without its colours it reads %q, and not %q", bare, plain.String())
	}
}

func TestJUnitTellsHowARunEnded(t *testing.T) {
	for verdict, want := range map[Verdict]string{
		Passed:    `hostname="localhost" tests="1" failures="0" errors="0" skipped="0"`,
		Regressed: `failures="1"`, Likely: `failures="1"`,
		Invalid: `errors="1"`, Inconclusive: `skipped="1"`,
	} {
		d := sample()
		d.Files, d.Outcome.Verdict = nil, verdict
		var out bytes.Buffer
		if err := JUnit(&out, d); err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("%s: %v\n%s", verdict, err, out.String())
		}
	}
}
