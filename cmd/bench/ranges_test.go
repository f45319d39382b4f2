package main

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Every flag of every command that is a number or a time has a range, its default is within it, and what is
// outside is refused before anything else is looked at.
func TestImpossibleValuesAreRefused(t *testing.T) {
	t.Parallel()
	checked := 0
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			visit(sub)
		}
		if c.Name() == "null-server" {
			return
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if _, number := numberIn(f.Value); !number {
				return
			}
			r, has := rangeOf(c, f)
			if !has {
				t.Errorf("%s --%s has no row in the table of ranges", c.CommandPath(), f.Name)
				return
			}
			if x, _ := numberIn(f.Value); (x < r.least || x > r.most) && x != 0 {
				t.Errorf("%s --%s: the default %v is outside %v", c.CommandPath(), f.Name, x, r)
			}
			for _, bad := range outside(f, r) {
				var s shell
				var out, errs strings.Builder
				s.out, s.errs = &out, &errs
				args := append(strings.Fields(c.CommandPath())[1:], "--"+f.Name+"="+bad)
				if _, wants, some := strings.Cut(c.Use, " "); some && !strings.HasPrefix(wants, "[") {
					args = append(args, "x")
				}
				if code := s.run(t.Context(), args); code != 2 || !strings.Contains(errs.String(), f.Name) {
					t.Errorf("bench %v: exit code %d, %s", args, code, errs.String())
				}
				checked++
			}
		})
	}
	visit(newRootCommand(&shell{}))
	if checked < 100 {
		t.Errorf("only %d values were tried", checked)
	}
}

// outside are values that a flag must not have.
func outside(f *pflag.Flag, r between) (bad []string) {
	switch kind := f.Value.Type(); {
	case kind == "duration":
		bad = append(bad, "-1s", "1s2")
		if r.least > 0 {
			bad = append(bad, "0s", "1ns")
		}
		if r.most < 3e9 {
			bad = append(bad, fmt.Sprintf("%.0fs", 2*r.most))
		}
	default:
		bad = append(bad, "-1", "x", "99999999999999999999999")
		if r.least > 0 {
			bad = append(bad, "0")
		}
		if strings.HasPrefix(kind, "float") {
			bad = append(bad, "nan", "inf", "-inf")
		} else if r.most < math.MaxInt32 {
			bad = append(bad, fmt.Sprintf("%.0f", r.most+1))
		}
	}
	return bad
}
