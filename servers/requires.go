package servers

import (
	"fmt"
	"slices"
	"strings"

	"bench/targets"
)

// Requires lists the tools that the topology needs on a host, with the parameters that it has.
func (d Definition) Requires(h Host) (tools []string, err error) { return d.words("tools", d.Tools, h) }

// words renders a list of the definition with the values of its parameters.
func (d Definition) words(name string, list []string, h Host) ([]string, error) {
	if !d.Boots() {
		return nil, nil
	}
	params, err := d.values(h)
	if err != nil {
		return nil, &ConfigError{err}
	}
	rendered, err := renderWords(name, list, renderData{Param: params, Host: h})
	if err != nil {
		return nil, d.wrong(err)
	}
	return rendered, nil
}

// UnfitError says that a topology needs something that the app does not offer.
type UnfitError struct{ Topology, Need, Key string }

func (e *UnfitError) Error() string {
	return fmt.Sprintf("topology %s needs an app with %s, and bench.yaml has no %s: leave the topology out, "+
		"or set the key (`bench init` finds what the app offers)", e.Topology, needNames[e.Need], e.Key)
}

var needNames = map[string]string{
	targets.OffersDjango: "Django settings", targets.OffersWSGI: "a WSGI application",
	targets.OffersASGI: "an ASGI application",
}

// Unfit returns what the topology needs, with the parameters that it has, and the app does not
// offer, if anything.
func (d Definition) Unfit(app targets.App, h Host) error {
	needs, err := d.words("needs", d.Needs, h)
	if err != nil {
		return err
	}
	for _, need := range needs {
		if err := checkNeed(need); err != nil {
			return d.wrong(err)
		}
		if has, key := app.Offers(need); !has {
			return &UnfitError{d.Topology.Name, need, key}
		}
	}
	return nil
}

// checkNeed returns what is wrong with an entry of a topology's needs. A template is checked when
// it has been rendered.
func checkNeed(need string) error {
	if strings.Contains(need, "{{") || slices.Contains(targets.Offerings(), need) {
		return nil
	}
	const format = "needs: %q is not something that an app offers: want one of %s"
	return fmt.Errorf(format, need, strings.Join(targets.Offerings(), ", "))
}

// Missing returns the tool without which the topology cannot be booted on this host, if any.
func (d Definition) Missing(h Host) error {
	tools, err := d.Requires(h)
	if err != nil {
		return err
	}
	for _, tool := range tools {
		if missing := h.Tools.missing(tool); missing != nil {
			missing.Topology = d.Topology.Name
			return missing
		}
	}
	return nil
}

// Rule is what the servers' own documentation recommends for the parameters, on a host; empty if
// the definition knows of no such recommendation.
func (d Definition) Rule(h Host) map[string]string {
	values := map[string]string{}
	for _, p := range d.Params {
		if p.Rule == "" {
			continue
		}
		if value, err := render("rule of "+p.Name, p.Rule, renderData{Host: h}); err == nil && p.check(value) == nil {
			values[p.Name] = value
		}
	}
	return values
}

// Defaults are the values of all parameters that are not given, on a host.
func (d Definition) Defaults(h Host) (map[string]string, error) { return d.values(h) }

// Popular lists the embedded topologies that most people choose between.
func Popular() []string { return builtin().that(func(d Definition) bool { return d.Popular }) }

// Lineup lists the embedded topologies without those that are compared only where they are named.
func Lineup() []string { return builtin().that(func(d Definition) bool { return !d.ByName }) }

// that lists the embedded topologies of one sort, in the order of Names.
func (c catalog) that(sort func(Definition) bool) []string {
	return slices.DeleteFunc(c.names(), func(name string) bool {
		d, err := c.define(Topology{Name: name})
		return err == nil && !sort(d) // Define returns the error
	})
}
