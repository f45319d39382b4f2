package reports_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bench/internal/chromium"
	"bench/reports"
	"bench/reports/diff"
	"bench/reports/page"
	"bench/results"
)

var pictures = flag.String("pictures", "", "write pictures of the pages into this `folder`")

// unpacked is a run of testdata/runs: a real one, without the servers' logs and configuration.
func unpacked(t testing.TB, archive string) *results.Run {
	t.Helper()
	packed, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	dir := results.Folder(t.TempDir())
	for files := tar.NewReader(plain); ; {
		head, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if head.Typeflag != tar.TypeReg {
			continue
		}
		data, err := io.ReadAll(files)
		if err == nil {
			_, name, _ := strings.Cut(head.Name, "/")
			err = results.WriteInto(string(dir), name, data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	run, err := results.LoadFrom(dir)
	if err != nil {
		t.Fatalf("%s: %v", archive, err)
	}
	return run
}

// documents are the reports of real runs, one of each kind, and what changed between two of them.
func documents(t testing.TB) map[string]page.Document {
	t.Helper()
	archives, err := filepath.Glob("testdata/runs/*.tgz")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no stored runs: %v", err)
	}
	all := map[string]page.Document{}
	for _, archive := range archives {
		run := unpacked(t, archive)
		judged, err := reports.Judge(reports.Kinds, run)
		if err != nil {
			t.Fatalf("%s: %v", archive, err)
		}
		all[strings.TrimSuffix(filepath.Base(archive), ".tgz")] = judged.Document
		if run.Manifest.Kind == results.KindCompare {
			all["diff"] = diff.Build("base", run, "head", run).Document()
		}
	}
	return all
}

var looks = map[string]chromium.Look{
	"": {Width: 1280, Height: 800}, "-dark": {Width: 1280, Height: 800, Dark: true},
	"-phone": {Width: 390, Height: 844}, "-phone-dark": {Width: 390, Height: 844, Dark: true},
	"-print": {Width: 794, Height: 1123, Print: true},
}

// answersAtOnce checks that all of the answer is on the first screen: question, grade, sentence, three figures and
// a chart that shows something.
func answersAtOnce(t *testing.T, p *chromium.Page, name string, look chromium.Look) {
	t.Helper()
	for _, part := range []string{
		"h1", ".label", ".answer", ".tile:nth-child(3)", "header .rows", "header .rows :is(rect, circle)",
	} {
		bottom, is := p.Run(fmt.Sprintf("document.querySelector(%q).getBoundingClientRect().bottom", part)).(float64)
		if !is || bottom <= 0 || bottom > float64(look.Height) {
			t.Errorf("%s: %s ends at %v of %d", name, part, bottom, look.Height)
		}
	}
}

// A page of each kind can be read by everybody: on a desk and on a phone, light, dark and printed, by
// keyboard and screen reader; nothing is cut off, and nothing is asked of any server.
func TestPagesAreForEverybody(t *testing.T) {
	t.Parallel()
	browser := chromium.Start(t)
	for kind, document := range documents(t) {
		var html bytes.Buffer
		if err := page.HTML(&html, document); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), kind+".html")
		if err := os.WriteFile(file, html.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		p := browser.Open("file://"+file, looks[""])
		drawn := time.Since(begun)
		for name, look := range looks {
			p.Look(look)
			if wider := p.Sideways(); wider > 0 {
				t.Errorf("%s%s is %g pixels wider than its window", kind, name, wider)
			}
			if *pictures != "" {
				p.Picture(filepath.Join(*pictures, kind+name+".png"))
			}
			if kind != "diff" && !look.Print { // which answers with a table
				answersAtOnce(t, p, kind+name, look)
			}
			if look.Print || look.Dark != (look.Width < 500) {
				continue // nobody clicks on paper, and these two show both colours and both sizes
			}
			for _, barrier := range p.Barriers() {
				t.Errorf("%s%s: %s", kind, name, barrier)
			}
		}
		p.Quiet()
		t.Logf("%s: %d KB, open and drawn in %v", kind, html.Len()>>10, drawn.Round(time.Millisecond))
	}
}
