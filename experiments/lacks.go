package experiments

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"bench/results"
	"bench/servers"
	"bench/servers/setup"
	"bench/targets"
)

// missing is the error that keeps a topology from being booted for the app, if any.
func missing(t servers.Topology, host servers.Host, app targets.App) error {
	d, err := servers.Define(t)
	if err != nil {
		return Misuse(err)
	}
	if err := d.Unfit(app, host); err != nil {
		return Misuse(err)
	}
	err = d.Missing(host)
	var tool *servers.MissingToolError
	if errors.As(err, &tool) {
		tool.For(app)
	}
	return err
}

// Unbootable says of each topology what keeps it from being booted here for the app; nil: nothing known.
func (e Env) Unbootable(ctx context.Context, app targets.App, topologies []servers.Topology) ([]error, error) {
	lacks := make([]error, len(topologies))
	if e.Fleet != nil { // its hosts say what they lack
		for i, t := range topologies {
			lacks[i] = e.unplaced(t)
		}
		return lacks, nil
	}
	host, err := e.Host(ctx, app, topologies)
	if err != nil {
		return nil, err
	}
	for i, t := range topologies {
		lacks[i] = missing(t, host, app)
	}
	return lacks, nil
}

// TooFewError says that of the topologies that a word stands for fewer can be booted here than a comparison
// takes.
type TooFewError struct {
	Word    string
	Least   int
	Present []string
	Left    []results.Diagnostic
	lacks   error // why one was left out, which decides the exit code
}

func (e *TooFewError) Error() string {
	some := "none"
	if len(e.Present) > 0 {
		some = "only " + strings.Join(e.Present, ", ")
	}
	text := fmt.Sprintf("comparing %s: %s can be booted here; want %d or more", e.Word, some, e.Least)
	for _, d := range e.Left {
		text += "\n  " + d.Sentences()
	}
	if len(e.Present) > 0 {
		text += fmt.Sprintf("\nTo measure it alone, name it: --topologies %s", e.Present[0])
	}
	return text
}

func (e *TooFewError) Unwrap() error { return e.lacks }

// Present lists the topologies of a group that can be booted here, and reports what the others lack. A
// missing package does not keep the rest from being compared, unless fewer than the least number are left.
func (e Env) Present(ctx context.Context, word string, app targets.App, least int) (
	list string, left []results.Diagnostic, err error,
) {
	all, err := ParseTopologies(word, "")
	if err != nil {
		return "", nil, err
	}
	lacks, err := e.Unbootable(ctx, app, all)
	if err != nil {
		return "", nil, err
	}
	names := present(all, lacks)
	left = LeftOut("left out", all, lacks)
	if len(names) < least {
		return "", left, &TooFewError{word, least, names, left, curable(lacks)}
	}
	return strings.Join(names, ","), left, nil
}

// Bootable are the topologies of a group that can be booted here for the app, and what the others lack, as far as
// that is known without installing anything.
func (e Env) Bootable(ctx context.Context, word string, app targets.App) (
	names []string, left []results.Diagnostic, err error,
) {
	all, err := ParseTopologies(word, "")
	if err != nil {
		return nil, nil, err
	}
	lacks, err := e.Foresee(ctx, app, all)
	if err != nil {
		return nil, nil, err
	}
	return present(all, lacks), LeftOut("cannot be booted here", all, lacks), nil
}

// present are the names of the topologies that lack nothing.
func present(topologies []servers.Topology, lacks []error) (names []string) {
	for i, lack := range lacks {
		if lack == nil {
			names = append(names, topologies[i].Name)
		}
	}
	return names
}

// curable is the first error that a missing tool is the reason of, else the first.
func curable(lacks []error) error {
	lacks = slices.DeleteFunc(slices.Clone(lacks), func(err error) bool { return err == nil })
	if at := slices.IndexFunc(lacks, func(err error) bool {
		var tool *servers.MissingToolError
		return errors.As(err, &tool)
	}); at > 0 {
		return lacks[at]
	}
	return lacks[0]
}

// Foresee is Unbootable without installing anything: of an environment that the first run makes, nothing is known.
func (e Env) Foresee(ctx context.Context, app targets.App, topologies []servers.Topology) ([]error, error) {
	if e.Fleet == nil && app.Python == "" && app.Requirements != "" {
		made, err := e.made(ctx, app.Requirements)
		if made == "" {
			return make([]error, len(topologies)), err
		}
	}
	return e.Unbootable(ctx, app, topologies)
}

// made is the interpreter of the environment of a list of packages; empty: there is none yet.
func (e Env) made(ctx context.Context, file string) (string, error) {
	list, err := setup.ReadRequirements(file)
	if err != nil {
		return "", Misuse(err)
	}
	return setup.Setup{Cache: e.Cache, Path: e.Path, Env: e.User}.Made(ctx, list, "")
}

// LeftOut says why topologies cannot be booted, once for each reason, and what becomes of them.
func LeftOut(what string, topologies []servers.Topology, lacks []error) (list []results.Diagnostic) {
	byReason := map[string]*shortage{}
	var all []*shortage
	for i, t := range topologies {
		if lacks[i] == nil {
			continue
		}
		reason, _ := Lack(lacks[i])
		s := byReason[reason]
		if s == nil {
			s = &shortage{reason: reason, first: lacks[i]}
			byReason[reason], all = s, append(all, s)
		}
		s.add(t.Name, lacks[i])
	}
	for _, s := range all {
		list = append(list, s.diagnostic(what))
	}
	return list
}

// shortage is what keeps several topologies from being booted.
type shortage struct {
	reason     string
	first      error
	topologies []string
	tools      []string
}

func (s *shortage) add(topology string, err error) {
	if !slices.Contains(s.topologies, topology) {
		s.topologies = append(s.topologies, topology)
	}
	var tool *servers.MissingToolError
	if errors.As(err, &tool) && !slices.Contains(s.tools, tool.Tool) {
		s.tools = append(s.tools, tool.Tool)
	}
}

func (s *shortage) diagnostic(what string) results.Diagnostic {
	d := results.Diagnostic{
		Code: "left-out", Message: fmt.Sprintf("%s: %s (%s)", what, strings.Join(s.topologies, ", "), s.reason),
	}
	_, d.Hint = Lack(s.first)
	var tool *servers.MissingToolError
	if errors.As(s.first, &tool) {
		d.Hint = sentence(tool.Remedy(s.tools...))
	}
	return d
}

// sentence is the second half of an error message as a sentence of its own.
func sentence(clause string) string {
	if clause == "" {
		return ""
	}
	return strings.ToUpper(clause[:1]) + clause[1:] + "."
}

// Lack is why a topology cannot be booted, in a few words, and what to do.
func Lack(err error) (reason, hint string) {
	var unfit *servers.UnfitError
	if errors.As(err, &unfit) {
		return "the app has no " + unfit.Key, err.Error()
	}
	var tool *servers.MissingToolError
	if errors.As(err, &tool) {
		return tool.Reason(), sentence(tool.Remedy(tool.Tool))
	}
	var placed *unplacedError
	if errors.As(err, &placed) {
		return placed.reason(), sentence(placed.remedy())
	}
	return "it cannot be booted here", err.Error()
}
