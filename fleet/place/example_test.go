package place_test

import (
	"fmt"

	"bench/fleet/place"
)

func ExampleParse() {
	p, err := place.Parse("ssh:gen1,gen2", place.Options{})
	fmt.Println(p.Workers(), err)
	_, err = place.Parse("ssh:gen1,gen1", place.Options{})
	fmt.Println(err)
	// Output:
	// [gen1 gen2] <nil>
	// "ssh:gen1,gen1": gen1 is named twice; want ssh:HOST,…
}
