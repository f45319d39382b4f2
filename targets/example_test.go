package targets_test

import (
	"fmt"

	"bench/targets"
)

// The target of request n is a pure function of n and the seed, so any part of a load can be
// reproduced without the rest.
func ExampleMix_At() {
	mix, err := targets.ParseMix([]byte(`
- {name: home, path: /, weight: 3}
- {name: search, path: "/search?q=tea", weight: 1, expect: {contains: results}}
`), "")
	if err != nil {
		fmt.Println(err)
		return
	}
	mix = mix.WithSeed(7)
	count := map[string]int{}
	for n := range uint64(10_000) {
		count[mix.At(n).Name]++
	}
	fmt.Println("of four requests, home gets about", (count["home"]+1250)/2500)
	fmt.Println("request 4,711 is for", mix.At(4711).Name, "whoever sends it")
	// Output:
	// of four requests, home gets about 3
	// request 4,711 is for home whoever sends it
}
