package discover_test

import (
	"fmt"
	"testing/fstest"

	"bench/targets/discover"
)

func ExampleTree_Projects() {
	tree, err := discover.ReadTree(fstest.MapFS{
		"src/manage.py":                    {Data: []byte("django: DJANGO_SETTINGS_MODULE = 'site1.settings.dev'")},
		"src/site1/wsgi.py":                {Data: []byte("application = get_wsgi_application()")},
		"src/site1/settings/dev.py":        {Data: []byte("DATABASES = {}")},
		"src/site1/settings/production.py": {Data: []byte("from .dev import *")},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range tree.Projects() {
		fmt.Println(p.Dir, p.WSGI[0].Name)
		for _, c := range p.Settings {
			fmt.Printf("%s: %s\n", c.Name, c.Why)
		}
	}
	// Output:
	// src site1.wsgi:application
	// site1.settings.production: production-like, by its name
	// site1.settings.dev: manage.py names it
}
