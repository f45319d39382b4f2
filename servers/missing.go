package servers

import (
	"cmp"
	"fmt"
	"strings"

	"bench/targets"
)

// MissingToolError names a program that a topology needs.
type MissingToolError struct {
	Topology string
	Tool     string
	Host     string // of a fleet, where it is missing; empty: this machine
	Beside   string // the interpreter whose environment it belongs in, where that is the user's own
	List     string // the list of packages that it belongs in, where bench makes the app's environment from one
	Provided string // the command that installs it; empty: none
	Lacking  string // what its absence means, where that is not that it is not installed
}

func (e *MissingToolError) Error() string {
	if e.Host != "" {
		return fmt.Sprintf("host %s: %s is not installed: log in there and run `%s`", e.Host, e.Tool,
			cmp.Or(e.Provided, "bench setup --with "+e.Tool))
	}
	if e.Lacking != "" {
		return fmt.Sprintf("topology %s: %s", e.Topology, e.Lacking)
	}
	reason := e.Reason()
	if !strings.HasPrefix(reason, e.Tool) {
		reason = e.Tool + " is " + reason
	}
	return fmt.Sprintf("topology %s: %s: %s", e.Topology, reason, e.Remedy(e.Tool))
}

// Reason is why the tool is missing, in a few words. Tools that are missing for one reason have one remedy.
func (e *MissingToolError) Reason() string {
	switch {
	case e.Lacking != "":
		return e.Lacking
	case e.Beside != "":
		return "not installed for " + e.Beside
	case e.List != "":
		return "not in " + e.List
	case e.optional():
		return "not installed"
	}
	return e.Tool + " is not installed"
}

// Remedy is how tools are installed that are missing for the same reason as this one.
func (e *MissingToolError) Remedy(tools ...string) string {
	switch {
	case e.Lacking != "":
		return ""
	case e.Beside != "":
		return fmt.Sprintf("install it in that environment (%s -m pip install %s), or list its packages in "+
			"app.requirements of bench.yaml", e.Beside, strings.Join(tools, " "))
	case e.List != "":
		return fmt.Sprintf("add %s to that list, from which bench makes the environment", strings.Join(tools, ", "))
	case e.optional():
		return fmt.Sprintf("run `%s`", strings.Replace(e.Provided, e.Tool, strings.Join(tools, ","), 1))
	case e.Provided != "":
		return fmt.Sprintf("run `%s`, or `bench doctor` to see what is missing", e.Provided)
	}
	return "install it, and make sure that it is on PATH"
}

// optional reports whether bench setup installs the tool when it is asked for by name, and only then.
func (e *MissingToolError) optional() bool { return strings.Contains(e.Provided, "--with") }

// For notes that the app has an environment of its own: a tool that belongs in there is not for bench setup to
// install.
func (e *MissingToolError) For(app targets.App) {
	switch {
	case !finderOf(e.Tool).beside:
	case app.Python != "":
		e.Beside = app.Python
	case app.Requirements != "":
		e.Beside, e.List = "", app.Requirements
	}
}

// missing returns nil when the tool was found.
func (t Tools) missing(name string) *MissingToolError {
	row := finderOf(name)
	if t[name].Path != "" || row.library && t[name].Version != "" {
		return nil
	}
	missing := &MissingToolError{Tool: name, Provided: row.provided, Lacking: row.lacking}
	if row.provided == "" {
		missing.For(targets.App{Python: t.Path("python")})
	}
	return missing
}
