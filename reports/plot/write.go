package plot

import (
	"fmt"
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
