package plot

import (
	"encoding/base64"
	"fmt"
	"html/template"
	"os"
	"path/filepath"

	"bench/results"
)

// Write writes figures into a folder, each as SVG and as PNG.
func Write(dir string, figures []*Figure) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("writing the plots: %w", err)
	}
	for _, f := range figures {
		svg, err := f.SVG()
		if err != nil {
			return err
		}
		png, err := f.PNG()
		if err != nil {
			return err
		}
		if err := results.WriteFile(filepath.Join(dir, f.Name+".svg"), svg); err != nil {
			return err
		}
		if err := results.WriteFile(filepath.Join(dir, f.Name+".png"), png); err != nil {
			return err
		}
	}
	return nil
}

// Embedded is a figure within a page: an image, not markup, so that whatever its labels hold,
// nothing in it can run.
type Embedded struct {
	Title, Reads string
	Source       template.URL
}

// Embed makes figures fit for a page that needs no other file.
func Embed(figures []*Figure) (all []Embedded, err error) {
	for _, f := range figures {
		svg, err := f.SVG()
		if err != nil {
			return nil, err
		}
		all = append(all, Embedded{f.Title, f.Reads, template.URL("data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString(svg))})
	}
	return all, nil
}
