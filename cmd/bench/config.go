package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"bench/targets"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// settle fills in the flags that the command line left out: from BENCH_NAME in the
// environment, then from flags: in the bench.yaml of the app or of the working folder.
func (s *shell) settle(c *cobra.Command, app string) error {
	if app == "" {
		app = s.env["BENCH_APP"]
	}
	file, err := s.fileFlags(c, app)
	if err != nil {
		return err
	}
	var errs []error
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Changed || f.Name == "help" {
			return
		}
		name := "BENCH_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		if value, given := s.env[name]; given && value != "" {
			if err := c.Flags().Set(f.Name, value); err != nil {
				errs = append(errs, usagef("%s=%q: %w", name, value, err))
			}
		} else if value, given := file[f.Name]; given {
			if err := c.Flags().Set(f.Name, value); err != nil {
				errs = append(errs, usagef("%s: flags.%s: %w", targets.ProjectFile, f.Name, err))
			}
		}
	})
	return errors.Join(errs...)
}

// fileFlags reads the flags: section. A key that no flag of the command has is an error,
// unless another command has it.
func (s *shell) fileFlags(c *cobra.Command, app string) (map[string]string, error) {
	dir := app
	if dir == "" {
		dir = "."
		if _, err := os.Stat(targets.ProjectFile); err != nil {
			return nil, nil
		}
	}
	project, err := targets.LoadProject(dir)
	if err != nil {
		return nil, usageError{err}
	}
	flags := map[string]string{}
	for key, value := range project.Flags {
		if !flagOfAnyCommand(c.Root(), key) {
			return nil, usagef("%s: flags.%s: no command has a flag --%s", targets.ProjectFile, key, key)
		}
		if list, many := value.([]any); many {
			var words []string
			for _, word := range list {
				words = append(words, fmt.Sprint(word))
			}
			flags[key] = strings.Join(words, ",")
			continue
		}
		flags[key] = fmt.Sprint(value)
	}
	return flags, nil
}

func flagOfAnyCommand(root *cobra.Command, name string) bool {
	for _, c := range root.Commands() {
		if c.Flags().Lookup(name) != nil {
			return true
		}
	}
	return false
}

// flagValues is every flag of a command with its value, for the record.
func flagValues(c *cobra.Command) map[string]string {
	values := map[string]string{}
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" && f.Name != "out" { // where the results lie is not part of them
			values[f.Name] = f.Value.String()
		}
	})
	return values
}
