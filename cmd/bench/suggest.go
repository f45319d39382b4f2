package main

import (
	"errors"
	"fmt"
	"strings"

	"bench/experiments"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// flagError is a mistake in a flag, with the flag that was probably meant.
func flagError(c *cobra.Command, err error) error {
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		return experiments.Misuse(invalidValue(invalid))
	}
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) || len(unknown.GetSpecifiedName()) < 2 {
		return experiments.Misuse(err)
	}
	var names []string
	c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if near := nearest(unknown.GetSpecifiedName(), names); near != "" {
		err = fmt.Errorf("%w, did you mean --%s?", err, near)
	}
	return experiments.Misuse(fmt.Errorf("%w (`%s --help` lists the flags)", err, c.CommandPath()))
}

// valueForms are what flags want, by the type of their value.
var valueForms = map[string]string{
	"duration": "a duration, such as 500ms, 10s or 1h30m", "int": "a whole number",
	"intSlice": "whole numbers, such as 0,1", "uint64": "a whole number that is not negative", "float64": "a number",
	"bool": "true or false",
}

// invalidValue says what a flag wants instead of a value that it cannot hold.
func invalidValue(err *pflag.InvalidValueError) error {
	f := err.GetFlag()
	if form := valueForms[f.Value.Type()]; form != "" {
		return fmt.Errorf("--%s %q: want %s", f.Name, err.GetValue(), form)
	}
	return err
}

// mostEdits is how far a word may be from the one that was meant.
const mostEdits = 2

// nearest is the word that a misspelt one is closest to, or that it begins; "" if none is close.
func nearest(typed string, words []string) (best string) {
	fewest := mostEdits + 1
	for _, word := range words {
		n := edits(typed, word)
		if strings.HasPrefix(word, typed) {
			n = min(n, 1)
		}
		if n < fewest {
			best, fewest = word, n
		}
	}
	return best
}

// edits is the number of characters to insert, remove or replace to get from one word to another.
func edits(from, to string) int {
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(from) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(to) {
			cost := 1
			if from[i] == to[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(to)]
}
