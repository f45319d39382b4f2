package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
)

// browsers are programs that open a file in the user's browser, where BROWSER names none.
var browsers = []string{"xdg-open", "open", "wslview", "sensible-browser"}

// openPage opens a page in the user's browser, and does not wait for it.
func openPage(s *shell, file string) error {
	path, err := filepath.Abs(file)
	if err != nil {
		return fmt.Errorf("opening the report: %w", err)
	}
	return openAddress(s, path)
}

// openAddress opens a file or an address in the user's browser, and does not wait for it.
func openAddress(s *shell, path string) error {
	candidates := browsers
	if b := s.env["BROWSER"]; b != "" {
		candidates = []string{b}
	}
	for _, name := range candidates {
		program, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		c := exec.Command(program, path)
		c.Env = s.user()
		if err := c.Start(); err != nil {
			return fmt.Errorf("opening the report with %s: %w", program, err)
		}
		return c.Process.Release()
	}
	return usagef("no program that opens a browser was found (%v): open %s yourself, or set BROWSER", candidates, path)
}
