package targets

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// The patterns list each kind of file: bytecode and generated static files that a developer's
// own run leaves in the tree must not become part of the program.
//
//go:embed shop/bench.yaml shop/manage.py shop/shop/*.py shop/shop/migrations/*.py
//go:embed shop/shop/management/__init__.py shop/shop/management/commands/*.py shop/shop/templates/shop/*.html
var bundled embed.FS

// Bundled returns the Django project that comes with bench. Its Dir is empty until the
// files are written somewhere with WriteBundled.
func Bundled() (Project, error) {
	data, err := bundled.ReadFile("shop/" + ProjectFile)
	if err != nil {
		return Project{}, fmt.Errorf("reading the bundled project: %w", err)
	}
	project, err := ParseProject(data, "")
	if err != nil {
		return Project{}, fmt.Errorf("reading the bundled project: %w", err)
	}
	project.App.Name = "shop"
	return project, nil
}

// BundledHash identifies the content of the bundled project.
func BundledHash() string {
	sum := sha256.New()
	_ = fs.WalkDir(bundled, "shop", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := bundled.ReadFile(path)
		fmt.Fprintf(sum, "%s %d\n", path, len(data))
		sum.Write(data)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil))[:16]
}

// WriteBundled writes the files of the bundled project below dir.
func WriteBundled(dir string) error {
	files, err := fs.Sub(bundled, "shop")
	if err != nil {
		return err
	}
	return fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(dir, path)
		if entry.IsDir() {
			return os.MkdirAll(to, 0o755)
		}
		data, err := fs.ReadFile(files, path)
		if err != nil {
			return err
		}
		return os.WriteFile(to, data, 0o644)
	})
}
