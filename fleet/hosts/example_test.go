package hosts_test

import (
	"fmt"

	"bench/fleet/hosts"
)

func ExampleParse() {
	f, err := hosts.Parse([]byte(`
hosts:
  front: {ssh: [deploy@10.0.0.5]}
  app:   {ssh: [deploy@10.0.0.6, deploy@10.0.0.7], cores: 4}
  gen:   {ssh: [load@10.0.1.1]}
place: {nginx: front, uwsgi: app, load: gen}
`))
	fmt.Println(f.Placement, f.Load, err)
	_, err = hosts.Parse([]byte(`{hosts: {gen: {ssh: [gen]}}, place: {load: gne}}`))
	fmt.Println(err)
	// Output:
	// nginx=front,uwsgi=app-1+app-2 [gen] <nil>
	// place: load: "gne" is not a host; did you mean gen? the hosts are gen
}
