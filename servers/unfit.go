package servers

import (
	"fmt"

	"bench/targets"
)

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

// Unfit returns what the topology needs and the app does not offer, if anything.
func (d Definition) Unfit(app targets.App) error {
	for _, need := range d.Needs {
		if has, key := app.Offers(need); !has {
			return &UnfitError{d.Topology.Name, need, key}
		}
	}
	return nil
}
