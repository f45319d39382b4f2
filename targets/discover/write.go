package discover

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// YAML is the proposal as a commented bench.yaml.
func (p Proposal) YAML() string {
	w := &writer{}
	w.line("# Written by bench init: what it found, and what it chose. Change what you know better.")
	w.line("# `bench compare --quick` measures it; docs/OWN-APP.md explains the keys.")
	w.line("app:")
	p.writeApp(w)
	p.writeMix(w)
	if len(p.Notes) > 0 {
		w.line("")
		w.line("# What bench init did not know:")
		for _, note := range p.Notes {
			w.line("# - %s", oneLine(note))
		}
	}
	return w.String()
}

func (p Proposal) writeApp(w *writer) {
	if p.Dir != "." {
		w.key("dir", p.Dir, "modules are imported from there")
	}
	if p.WSGI != "" {
		w.key("wsgi", p.WSGI, "")
	}
	if p.ASGI != "" {
		w.key("asgi", p.ASGI, "")
	}
	if p.Settings.Name != "" {
		why := p.Settings.Why
		if len(p.Others) > 0 {
			why += "; there are also " + shortList(names(p.Others), 5)
		}
		w.key("settings", p.Settings.Name, why)
	}
	if p.Python.Path != "" {
		w.line("  python: %s # %s, %s; %s", scalar(p.Python.Path), p.Version, p.Framework, oneLine(p.Python.Why))
	}
	if p.List != "" {
		w.key("requirements", p.List, fmt.Sprintf("bench makes the environment from it: %s, %s", p.Version, p.Framework))
	}
	if p.Health != "" && p.Health != "/" {
		w.key("health", p.Health, "answers when the app works")
	}
	if p.Host != "" {
		w.key("host", p.Host, "the settings allow it, and no page answers under another name")
	}
	if len(p.Services) > 0 {
		w.line("  services: %s # every boot gets a server of its own", flow(p.Services))
	}
	p.writeEnvironment(w)
	if len(p.Override) > 0 {
		w.line("  override: # settings that differ while bench runs the project; its files stay as they are")
		for _, name := range slices.Sorted(maps.Keys(p.Override)) {
			w.line("    %s: %s", name, flow(p.Override[name]))
		}
	}
	if p.Static != "" {
		w.line("  static: {url: %s, root: \"{build}/static\"}", scalar(p.Static))
	}
	if len(p.State) > 0 {
		w.line("  state: %s # every boot gets a fresh copy", flow(p.State))
	}
	if len(p.Prepare) > 0 {
		w.line("  prepare: # once, before the first boot")
		for _, argv := range p.Prepare {
			w.command(argv)
		}
	}
}

func (p Proposal) writeEnvironment(w *writer) {
	v := p.Variables
	if len(v.From) > 0 {
		w.line("  env_from: [%s] # taken from the environment of bench; values are never written anywhere",
			strings.Join(v.From, ", "))
	}
	if v.File != "" {
		w.key("env_file", v.File, "")
	}
	if len(v.Literal) > 0 {
		w.line("  env: # stand-ins: the settings need these, and nothing sets them")
		for _, name := range slices.Sorted(maps.Keys(v.Literal)) {
			w.line("    %s: %s", name, scalar(v.Literal[name]))
		}
	}
}

func (p Proposal) writeMix(w *writer) {
	if len(p.Mix) == 0 {
		return
	}
	as := ""
	if p.Cookie != "" {
		as = ", as a user who is logged in, since most routes ask a visitor for a login"
	}
	w.line("mix: # asked once each, in the project's interpreter%s", as)
	for _, pick := range p.Mix {
		expect := ""
		if p.Cookie != "" {
			expect = fmt.Sprintf(", headers: {Cookie: %s}, expect: {status: 200}", scalar(p.Cookie))
		}
		if pick.Varies {
			expect = strings.TrimSuffix(expect, ", expect: {status: 200}") + ", expect: {status: 200, any_body: true}"
		}
		w.line("  - {name: %s, path: %s, weight: %d%s} # %s: %.3g ms, %d bytes%s", scalar(pick.Target), scalar(pick.Path),
			pick.Weight, expect, pick.Speed, pick.MS, pick.Bytes, varies(pick.Varies))
	}
}

func varies(yes bool) string {
	if yes {
		return ", never the same twice"
	}
	return ""
}

// writer builds a YAML text line by line.
type writer struct{ strings.Builder }

func (w *writer) line(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }

// key writes a key of the app with a comment.
func (w *writer) key(name, value, comment string) {
	if comment != "" {
		comment = " # " + oneLine(comment)
	}
	w.line("  %s: %s%s", name, scalar(value), comment)
}

// command writes a command of the preparation; a script in it keeps its lines.
func (w *writer) command(argv []string) {
	last := len(argv) - 1
	script := argv[last]
	if !strings.Contains(script, "\n") {
		w.line("    - [%s]", strings.Join(scalars(argv), ", "))
		return
	}
	lead := "- "
	for _, word := range scalars(argv[:last]) {
		w.line("    %s- %s", lead, word)
		lead = "  "
	}
	w.line("      - |")
	for line := range strings.Lines(script) {
		w.line("        %s", strings.TrimRight(line, "\n"))
	}
}

// plain are texts that YAML reads as themselves without quotes, in a list as well.
var plain = regexp.MustCompile(`^[A-Za-z/.][\w./()-]*(:[A-Za-z][\w.()-]*)?$`)

// reserved are plain words that YAML reads as something else.
var reserved = regexp.MustCompile(`(?i)^(true|false|yes|no|on|off|null|y|n|~|[.]?(inf|nan))$`)

// scalar is a text as YAML. JSON's quoting is YAML's.
func scalar(text string) string {
	if plain.MatchString(text) && !reserved.MatchString(text) {
		return text
	}
	return flow(text)
}

func scalars(words []string) (list []string) {
	for _, word := range words {
		if strings.HasPrefix(word, "-") && plain.MatchString(strings.TrimLeft(word, "-")) {
			list = append(list, word)
			continue
		}
		list = append(list, scalar(word))
	}
	return list
}

// flow is a value in YAML's flow style, which JSON is.
func flow(value any) string {
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return `""`
	}
	return strings.TrimSpace(out.String())
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
