package targets

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

//go:embed counting/sitecustomize.py
var counting []byte

// WriteCounting writes into a folder what makes any Django app report the number of database queries of
// a response, and returns the variables that bring it into the app's processes. The app itself is
// not changed.
func WriteCounting(dir string, app App) (map[string]string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("writing what counts queries: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "sitecustomize.py"), counting, 0o644); err != nil {
		return nil, fmt.Errorf("writing what counts queries: %w", err)
	}
	path := []string{dir}
	if own := app.Env["PYTHONPATH"]; own != "" {
		path = append(path, own)
	}
	return map[string]string{"PYTHONPATH": strings.Join(path, string(filepath.ListSeparator))}, nil
}
