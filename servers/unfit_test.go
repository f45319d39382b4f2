package servers

import (
	"errors"
	"testing"

	"bench/targets"
)

// What a topology needs of the app is decided before anything starts.
func TestUnfit(t *testing.T) {
	for _, row := range []struct {
		topology string
		app      targets.App
		key      string
	}{
		{"runserver", targets.App{WSGI: "a.wsgi:application", Settings: "a.settings"}, ""},
		{"runserver", targets.App{WSGI: "a:create_app()"}, "app.settings"},
		{"uwsgi", targets.App{WSGI: "a:create_app()"}, ""},
		{"uwsgi", targets.App{ASGI: "a:app"}, "app.wsgi"},
		{"gunicorn", targets.App{ASGI: "a:app"}, "app.wsgi"},
		{"gunicorn:class=uvicorn", targets.App{ASGI: "a:app"}, ""}, // a need depends on the parameters
		{"uvicorn", targets.App{WSGI: "a:app"}, "app.asgi"},
		{"url:http://127.0.0.1:1", targets.App{}, ""},
	} {
		topology, err := ParseTopology(row.topology)
		if err != nil {
			t.Fatal(err)
		}
		d, err := Define(topology)
		if err != nil {
			t.Fatal(err)
		}
		var unfit *UnfitError
		got := d.Unfit(row.app, testHost)
		if errors.As(got, &unfit) != (row.key != "") || row.key != "" && unfit.Key != row.key {
			t.Errorf("%s for %+v: %v; want %q missing", row.topology, row.app, got, row.key)
		}
	}
}
