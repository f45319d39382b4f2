package experiments

import (
	"strings"

	"bench/servers"
)

// Words that stand for several embedded topologies; where those are to be booted, for those whose
// tools are installed.
const (
	AllTopologies     = "all"     // without variants, which are compared only where they are named
	PopularTopologies = "popular" // those that most people choose between
)

// group lists the topologies that a word stands for; nil: it is not such a word.
func group(word string) []string {
	switch word {
	case AllTopologies:
		return servers.Lineup()
	case PopularTopologies:
		return servers.Popular()
	}
	return nil
}

// IsGroup reports whether a text stands for several topologies, of which those are meant that can
// be booted.
func IsGroup(text string) bool { return group(text) != nil }

// ParseTopologies reads a list of topologies: names separated by commas, where a comma
// within parameters belongs to the parameters ("uwsgi:workers=2,threads=4,runserver").
func ParseTopologies(text, profile string) ([]servers.Topology, error) {
	if names := group(text); names != nil {
		text = strings.Join(names, ",")
	}
	var words []string
	for part := range strings.SplitSeq(text, ",") {
		if last := len(words) - 1; last >= 0 && strings.Contains(words[last], ":") &&
			strings.Contains(part, "=") && !strings.Contains(part, ":") {
			words[last] += "," + part
			continue
		}
		words = append(words, strings.TrimSpace(part))
	}
	var list []servers.Topology
	for _, word := range words {
		t, err := servers.ParseTopology(word)
		if err != nil {
			return nil, Misuse(err)
		}
		if profile != "" && t.Param("profile") == "" {
			t = t.With("profile", profile)
		}
		if _, err := servers.Define(t); err != nil {
			return nil, Misuse(err)
		}
		list = append(list, t)
	}
	return list, nil
}

// OneTopology reads a text that has to name exactly one topology.
func OneTopology(text, profile string) (servers.Topology, error) {
	list, err := ParseTopologies(text, profile)
	if err != nil {
		return servers.Topology{}, err
	}
	if len(list) != 1 {
		return servers.Topology{}, Misusef("%q names %d topologies: want one topology", text, len(list))
	}
	return list[0], nil
}
