package probe

import (
	"reflect"
	"strings"
	"testing"

	"bench/results"
)

func TestParseStubStatus(t *testing.T) {
	page := "Active connections: 2 \nserver accepts handled requests\n 16 15 31 \nReading: 0 Writing: 1 Waiting: 1 \n"
	s, err := parseStubStatus(page)
	want := results.Counters{"accepts": 16, "handled": 15, "requests": 31}
	if err != nil || !reflect.DeepEqual(s.Counters, want) {
		t.Errorf("parseStubStatus = %+v, %v", s, err)
	}
	if _, err := parseStubStatus("<html>404</html>"); err == nil {
		t.Error("parseStubStatus accepted a page")
	}
}

func TestSinceTakesDifferencesAndTheGreaterPeak(t *testing.T) {
	before := Reading{results.Counters{"requests": 5, "listen_queue_max": 9, "gone": 1}, []uint64{2, 3}}
	now := Reading{results.Counters{"requests": 12, "listen_queue_max": 4, "new": 1}, []uint64{4, 8, 7}}
	want := Reading{results.Counters{"requests": 7, "listen_queue_max": 9}, []uint64{2, 5}}
	if got := now.Since(before); !reflect.DeepEqual(got, want) {
		t.Errorf("Since = %+v; want %+v", got, want)
	}
}

// Every row of the table can be looked up, and says what its counters mean.
func TestEveryKindIsDescribed(t *testing.T) {
	for _, k := range Kinds() {
		if found, err := Lookup(k.Name); err != nil || found.Name != k.Name || k.Open == nil || len(k.Counters) == 0 {
			t.Errorf("kind %+v: %v", k, err)
		}
		for _, c := range k.Counters {
			if c.Name == "" || c.Means == "" || c.Name != strings.ToLower(c.Name) {
				t.Errorf("%s: counter %+v is not described", k.Name, c)
			}
			if strings.HasSuffix(c.Name, "_seconds") != (c.Unit == "s") {
				t.Errorf("%s: counter %s has the unit %q", k.Name, c.Name, c.Unit)
			}
		}
	}
	if _, err := Lookup("apache"); err == nil || !strings.Contains(err.Error(), "nginx, procs") {
		t.Errorf("Lookup of an unknown kind: %v; want the known ones", err)
	}
}

func TestUWSGIRequest(t *testing.T) {
	got := uwsgiRequest("h:1", "/a?b=c")
	size := int(got[1]) | int(got[2])<<8
	if got[0] != 0 || got[3] != 0 || size != len(got)-4 {
		t.Errorf("the header of %q announces %d bytes; want %d", got, size, len(got)-4)
	}
	if !strings.Contains(got, "\x0c\x00QUERY_STRING\x03\x00b=c") || !strings.Contains(got, "\x09\x00PATH_INFO\x02\x00/a") {
		t.Errorf("variables: %q", got)
	}
}

func TestTitlesOfADatabaseThatServeClients(t *testing.T) {
	for title, want := range map[string]bool{
		"postgres: bench bench [local] idle\x00": true, "postgres: bench shop [local] SELECT": true,
		"postgres: bench shop 127.0.0.1(4711) idle in transaction": true,
		"postgres: checkpointer \x00":                              false, "postgres: autovacuum worker shop": false,
		"postgres: logical replication launcher": false, "/usr/lib/postgresql/15/bin/postgres -D data": false,
	} {
		if servesClient(title) != want {
			t.Errorf("%q serves a client: %t; want %t", title, !want, want)
		}
	}
}
