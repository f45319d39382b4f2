package internal

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"bench/internal/proof"
)

var (
	fences   = regexp.MustCompile("(?ms)^ *```.*?^ *```")
	codeSpan = regexp.MustCompile("`[^`\n]*`")
	links    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	headings = regexp.MustCompile(`(?m)^#+ +(.+)$`)
	unslug   = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
	mentions = regexp.MustCompile(`\bdocs/[A-Za-z0-9/-]+\.md\b`)
)

// Every link within the documents leads to a file, and to a heading of it where it names one. So does
// every document that a text or a comment of the code names.
func TestLinksLeadSomewhere(t *testing.T) {
	proof.WithoutRace(t)
	tested := 0
	for _, file := range readFiles(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, named := range mentions.FindAllString(string(text), -1) {
			if _, err := os.Stat(filepath.Join("..", named)); err != nil {
				t.Errorf("%s names %s, which is not there", file, named)
			}
		}
		if filepath.Ext(file) != ".md" {
			continue
		}
		for _, link := range links.FindAllStringSubmatch(prose(string(text)), -1) {
			if err := follow(file, link[1]); err != nil {
				t.Errorf("%s: the link %s: %v", file, link[1], err)
			}
			tested++
		}
	}
	if tested < 200 {
		t.Errorf("only %d links were found", tested)
	}
}

// readFiles are the files that people read, without what others wrote.
func readFiles(t *testing.T) (files []string) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains(unread, entry.Name()):
			return fs.SkipDir
		case slices.Contains(read, filepath.Ext(path)) && !strings.HasSuffix(path, "_test.go") &&
			entry.Name() != "THIRD-PARTY.md":
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// prose is a document without its code, which may look like a link or a heading.
func prose(text string) string {
	return codeSpan.ReplaceAllString(fences.ReplaceAllString(text, ""), "")
}

// follow says where a link in a file leads nowhere. Links to other sites are not followed.
func follow(file, link string) error {
	if strings.Contains(link, "://") {
		return nil
	}
	path, anchor, _ := strings.Cut(link, "#")
	to := file
	if path != "" {
		to = filepath.Join(filepath.Dir(file), path)
	}
	text, err := os.ReadFile(to)
	if info, statErr := os.Stat(to); statErr == nil && info.IsDir() && anchor == "" {
		return nil
	}
	if err != nil {
		return err
	}
	if anchor != "" && !slices.Contains(anchors(string(text)), anchor) {
		return fmt.Errorf("%s has no heading #%s", to, anchor)
	}
	return nil
}

// anchors are those of a document's headings, as GitHub makes them: the second of the same name ends in -1.
func anchors(text string) (all []string) {
	times := map[string]int{}
	for _, heading := range headings.FindAllStringSubmatch(fences.ReplaceAllString(text, ""), -1) {
		anchor := strings.ReplaceAll(unslug.ReplaceAllString(strings.ToLower(heading[1]), ""), " ", "-")
		n := times[anchor]
		times[anchor]++
		if n > 0 {
			anchor = fmt.Sprintf("%s-%d", anchor, n)
		}
		all = append(all, anchor)
	}
	return all
}

// A link that leads nowhere is found.
func TestLinksThatLeadNowhereAreFound(t *testing.T) {
	for link, found := range map[string]bool{
		"../README.md": true, "../README.md#start": true, "https://semver.org": true, "../docs/adr/": true,
		"../README.md#end": false, "../NONE.md": false, "#none": false,
	} {
		if err := follow("links_test.go", link); (err == nil) != found {
			t.Errorf("follow(%s) = %v", link, err)
		}
	}
	if got := anchors("# A b: c!\n```\n# no\n```\n## A b: c!\n"); !slices.Equal(got, []string{"a-b-c", "a-b-c-1"}) {
		t.Errorf("anchors = %q", got)
	}
}

// Documents name no folder of the person who wrote them.
func TestDocumentsNameNobodysHome(t *testing.T) {
	home := regexp.MustCompile(`(?:/root|/home/[a-z]+)/\.?[\w-]+`)
	for _, file := range readFiles(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Ext(file) == ".md" {
			for _, found := range home.FindAllString(string(text), -1) {
				t.Errorf("%s names %s; write ~", file, found)
			}
		}
	}
}
