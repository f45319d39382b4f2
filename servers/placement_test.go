package servers

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"bench/targets"
)

func TestPlacementParsesBack(t *testing.T) {
	p, err := ParsePlacement("uwsgi=app-1+app-2,nginx=front")
	if err != nil || p != "nginx=front,uwsgi=app-1+app-2" {
		t.Fatalf("%q, %v: want it sorted", p, err)
	}
	if again, err := ParsePlacement(p.String()); err != nil || again != p {
		t.Errorf("%q parses back as %q, %v", p, again, err)
	}
	if got := p.Hosts("uwsgi"); len(got) != 2 || got[1] != "app-2" || p.Hosts("gunicorn") != nil {
		t.Errorf("hosts of uwsgi: %q, of gunicorn: %q", got, p.Hosts("gunicorn"))
	}
	for _, wrong := range []string{"nginx", "nginx=", "=front", "nginx=a,nginx=b", "nginx=a++b", "ng inx=a", ","} {
		if p, err := ParsePlacement(wrong); err == nil {
			t.Errorf("%q was read as %q", wrong, p)
		}
	}
}

// onHosts is a host with processes placed on others.
func onHosts(placed map[string][]string) Host {
	here := testHost.canonical([]string{"nginx", "uwsgi", "python"})
	h := here
	h.Placed = map[string][]Host{}
	for process, names := range placed {
		for _, name := range names {
			at := here
			at.Name, at.Address, at.Dir, at.Project = name, "10.0.0."+name[len(name)-1:], "/boot/on-"+name, "/app/on-"+name
			h.Placed[process] = append(h.Placed[process], at)
		}
	}
	return h
}

func TestPartsOfABlueprint(t *testing.T) {
	app := targets.App{Dir: "/site", WSGI: "site:app", Health: "/"}
	h := onHosts(map[string][]string{"nginx": {"front-1"}, "uwsgi": {"app-2", "app-3"}})
	b, err := Topology{Name: "nginx-uwsgi", Params: "backends=3,workers=2"}.Blueprint(app, h)
	if err != nil {
		t.Fatal(err)
	}
	if b.URL != "http://10.0.0.1:1" || len(b.Parts) != 3 {
		t.Fatalf("%s, %d parts: want clients to reach the first port of front-1", b.URL, len(b.Parts))
	}
	where := map[string]string{}
	for _, part := range b.Parts {
		for _, p := range part.Processes {
			where[p.Name] = part.Host
			if p.Host != part.Host || !strings.HasPrefix(p.Home, part.Dir) {
				t.Errorf("%s of %s is on %s, in %s", p.Name, part.Host, p.Host, p.Home)
			}
		}
	}
	want := map[string]string{"uwsgi-1": "app-2", "uwsgi-2": "app-3", "uwsgi-3": "app-2", "nginx": "front-1"}
	if !maps.Equal(where, want) {
		t.Errorf("what runs where: %v", where)
	}
	text := b.String()
	for _, want := range []string{
		"## process uwsgi-2 (tier uwsgi) on app-3", "listen 10.0.0.1:1 ", "allow 10.0.0.1;", "socket = 10.0.0.3:1\n",
		"stats = 127.0.0.1:2\n", "server 10.0.0.2:3 ", "chdir = /app/on-app-3\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the blueprint lacks %q", want)
		}
	}
}

// What differs only in where it runs has another fingerprint, and what runs on one host opens no more than its entry.
func TestPlacementIsInTheFingerprint(t *testing.T) {
	app := targets.App{Dir: "/site", WSGI: "site:app", Health: "/"}
	of := func(placed map[string][]string) Blueprint {
		h := onHosts(placed)
		if placed == nil {
			h.Placed = nil
		}
		b, err := Topology{Name: "nginx-uwsgi"}.Canonical(app, h)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	here, one := of(nil), of(map[string][]string{"nginx": {"a-1"}, "uwsgi": {"a-1"}})
	two := of(map[string][]string{"nginx": {"a-1"}, "uwsgi": {"a-2"}})
	if here.Fingerprint() == one.Fingerprint() || one.Fingerprint() == two.Fingerprint() {
		t.Error("another placement has the same fingerprint")
	}
	if text := one.String(); !strings.Contains(text, "socket = 127.0.0.1:") || !strings.Contains(text, "listen a-1:") {
		t.Errorf("on one host, uWSGI has to be reached by nginx alone:\n%s", text)
	}
}

func TestPlacementsThatCannotBe(t *testing.T) {
	app := targets.App{Dir: "/site", WSGI: "site:app", Health: "/"}
	apart := map[string][]string{"nginx": {"front-1"}, "uwsgi": {"app-2"}}
	lacking := onHosts(apart)
	lacking.Placed["uwsgi"][0].Tools = Tools{}
	relaying, serving := onHosts(apart), onHosts(apart)
	relaying.Relay, serving.Services = true, []string{"redis"}
	for want, row := range map[string]struct {
		topology Topology
		on       Host
	}{
		"process nginx has no host": {Topology{Name: "nginx-uwsgi"}, onHosts(map[string][]string{"uwsgi": {"app-2"}})},
		"a socket file reaches":     {Topology{Name: "nginx-uwsgi", Params: "socket=unix"}, onHosts(apart)},
		"host app-2: uwsgi is not":  {Topology{Name: "nginx-uwsgi"}, lacking},
		"counting bytes":            {Topology{Name: "nginx-uwsgi"}, relaying},
		"redis beside the servers":  {Topology{Name: "nginx-uwsgi"}, serving},
	} {
		_, err := row.topology.Blueprint(app, row.on)
		var config *ConfigError
		if err == nil || !strings.Contains(err.Error(), want) || !errors.As(err, &config) {
			t.Errorf("%v: want a mistake that says %q", err, want)
		}
	}
}
