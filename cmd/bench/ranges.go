package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// between are the values that make sense for a flag; those of times are in seconds.
type between struct{ least, most float64 }

const (
	aDay  = float64(24 * time.Hour / time.Second)
	aYear = 365 * aDay
	many  = 1 << 20
)

// ranges are those of every flag that is a number or a time: by name, or by command and name where that command's
// is another. What a flag means together with others is checked where it is used.
var ranges = map[string]between{
	"apart":                   {0, 1000},
	"blocks":                  {1, 1000},
	"claims blocks":           {0, 1000}, // 0: according to the preset
	"boot-timeout":            {1, 3600},
	"budget":                  {1, 7 * aDay},
	"connections":             {1, many},
	"duration":                {1e-3, aDay},
	"import duration":         {1e-3, aYear}, // another tool's load may have been longer than ours are
	"each":                    {1, 3600},
	"finals":                  {2, 1000},
	"for":                     {1, aDay},
	"join-wait":               {1, aDay},
	"keep":                    {1, 100 * aYear},
	"longest":                 {0, aDay / 4}, // 0: no confirmation
	"mean":                    {0, 60},
	"cell":                    {1, 3600},
	"over":                    {1, 3600},
	"pairs":                   {1, 10_000},
	"pod-wait":                {1, aDay},
	"port":                    {0, 1<<16 - 1}, // 0: a free one
	"precision":               {0.1, 100},     // percent
	"price":                   {0, 1e6},
	"replay-speed":            {1e-6, 1e6},
	"requests":                {0, 1e15}, // 0: as many as the duration takes
	"memory requests":         {1, 1e15},
	"requests-per-connection": {0, 1e9}, // 0: any number
	"rounds":                  {1, 1000},
	"seed":                    {0, 1 << 64}, // 0: a new one
	"service-seed":            {0, 1 << 64},
	"slice":                   {0.01, 3600},
	"slow-every":              {1e-3, 3600},
	"threads":                 {0, 1024}, // 0: one for every four cores
	"timeout":                 {1e-3, 3600},
	"turns":                   {2, 1000},
	"width":                   {0.01, 0.5},
	"workers":                 {1, 1024},
}

// rangeOf is the range of a command's flag; none if it is not a number.
func rangeOf(c *cobra.Command, f *pflag.Flag) (r between, has bool) {
	if _, number := numberIn(f.Value); !number {
		return r, false
	}
	if r, has = ranges[c.Name()+" "+f.Name]; has {
		return r, true
	}
	r, has = ranges[f.Name]
	return r, has
}

// numberIn is the value of a flag that is a number, or a time in seconds.
func numberIn(v pflag.Value) (x float64, number bool) {
	switch {
	case v.Type() == "duration":
		d, err := time.ParseDuration(v.String())
		return d.Seconds(), err == nil
	case strings.HasPrefix(v.Type(), "int") || strings.HasPrefix(v.Type(), "uint") || strings.HasPrefix(v.Type(), "float"):
		x, err := strconv.ParseFloat(v.String(), 64)
		return x, err == nil
	}
	return 0, false
}

// outOfRange refuses values that make no sense, wherever they were set.
func outOfRange(c *cobra.Command) (err error) {
	c.Flags().VisitAll(func(f *pflag.Flag) {
		r, has := rangeOf(c, f)
		if x, _ := numberIn(f.Value); err != nil || !has || !f.Changed || x >= r.least && x <= r.most {
			return
		}
		least, most := strconv.FormatFloat(r.least, 'f', -1, 64), strconv.FormatFloat(r.most, 'f', -1, 64)
		if f.Value.Type() == "duration" {
			least, most = inWords(r.least), inWords(r.most)
		}
		about, _, _ := strings.Cut(f.Usage, "\n")
		about, _, _ = strings.Cut(strings.ReplaceAll(about, "`", ""), " (")
		err = usagef("--%s %s: want %s to %s: %s", f.Name, f.Value, least, most, about)
	})
	return err
}

// inWords is a time as a flag is given.
func inWords(seconds float64) string {
	if seconds == aDay*7 || seconds >= aYear {
		return fmt.Sprintf("%.0fh", seconds/3600)
	}
	text := time.Duration(seconds * float64(time.Second)).String()
	return strings.TrimSuffix(strings.TrimSuffix(text, "0s"), "0m")
}
