package scenarios

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"bench/loadgen"
	"bench/results"
	"bench/servers"
	"bench/targets"
)

// script is a cluster that only notes what is done to it, and when.
type script struct {
	began time.Time
	done  []string
	fails error
}

func (s *script) note(what string) {
	s.done = append(s.done, fmt.Sprintf("%v %s", time.Since(s.began), what))
}

func (s *script) Signal(a servers.Address, signal syscall.Signal) ([]servers.Member, error) {
	s.note(fmt.Sprint(signal, " ", a))
	return []servers.Member{{Of: a.Name}}, s.fails
}

func (s *script) Resume(stopped []servers.Member) error {
	s.note("resume " + stopped[0].Of)
	return nil
}

func (s *script) Touch(file string) ([]string, error) {
	s.note("touch " + file)
	return []string{file}, nil
}

func (s *script) Reconfigure(a servers.Address, settings []servers.Setting) ([]servers.Member, error) {
	s.note(fmt.Sprint("config ", a, " ", settings))
	return []servers.Member{{Of: a.Name}}, s.fails
}

func incidents(t *testing.T, texts ...string) (all Timeline) {
	t.Helper()
	for _, text := range texts {
		i, err := ParseIncident(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, i)
	}
	return all
}

// Incidents happen at their times, those that last are undone at theirs, and what the load does not live
// to see is undone or said.
func TestIncidentsHappenAtTheirTimes(t *testing.T) {
	timeline := incidents(t, "at 40% kill uwsgi[1]", "at 1s stop proxy.worker for 10%", "at 90% stop app",
		"at 8s touch reload", "at 6s config proxy connections=64 balance=round_robin")
	for _, row := range []struct {
		lasts time.Duration
		want  string
	}{
		{10 * time.Second, "1s stopped (signal) proxy.worker, 2s resume proxy, 4s killed uwsgi[1], " +
			"6s config proxy [{connections 64} {balance round_robin}], 8s touch reload, " +
			"9s stopped (signal) app, 10s resume app"},
		{1500 * time.Millisecond, "1s stopped (signal) proxy.worker, 1.5s resume proxy"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &script{}
			p, err := timeline.rehearse(s, 10*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute) // the connections are opened
			s.began = time.Now()
			p.begin()
			time.Sleep(row.lasts)
			synctest.Wait()
			records := p.end()
			if got := strings.Join(s.done, ", "); got != row.want {
				t.Errorf("a load of %v: %s; want %s", row.lasts, got, row.want)
			}
			for _, r := range records {
				if happened := r.Planned <= row.lasts.Seconds(); happened != (r.Error == "") || happened && r.At != r.Planned {
					t.Errorf("a load of %v: %+v", row.lasts, r)
				}
			}
		})
	}
}

func TestAnIncidentThatFailsVoidsItsCell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{began: time.Now(), fails: errors.New("no such process")}
		p, err := incidents(t, "at 1s kill uwsgi[1]").rehearse(s, 2*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		p.begin()
		time.Sleep(2 * time.Second)
		c := &results.Cell{Grade: results.Valid, Incidents: p.end()}
		if judgeIncidents(c); c.Grade != results.Invalid || !strings.Contains(c.Diagnostics[0].Message, "no such process") {
			t.Errorf("%s, %v; want the cell void, and why", c.Grade, c.Diagnostics)
		}
	})
}

func TestIncidentsPrintAndParseBack(t *testing.T) {
	for _, kind := range IncidentKinds {
		i, err := ParseIncident(kind.Example)
		if err != nil {
			t.Errorf("the example of %s: %v", kind.Name, err)
			continue
		}
		again, err := ParseIncident(i.String())
		if err != nil || again != i || i.Kind != kind.Name {
			t.Errorf("%q is read as %q: %v", i, again, err)
		}
	}
}

// Whatever is wrong with a timeline is said with its line, and how to fix it.
func TestTimelinesAreReadStrictly(t *testing.T) {
	const head = "connections: 1\ntimeout: 1s\nmix: [{name: a, path: /}]\n"
	for _, row := range []struct{ text, want string }{
		{"timeline:\n- {at: 40%, kill: 'uwsgi[1]'}", ""},
		{"timeline:\n- at: 2s\n  signal: HUP uwsgi\n- {at: 50%, connections: idle 5000, for: 10%}", ""},
		{"length: 5s\nrate: 20\ntimeline: [{at: 1s, touch: reload}]", ""},
		{"timeline: kill", "string was used where sequence is expected"},
		{"timeline:\n- kill", "line 5"},
		{"timeline:\n- {at: 40%, kill: [uwsgi]}", "line 5: kill: want a text"},
		{"timeline:\n- {at: 40%}", "line 5: an incident has at, one of kill"},
		{"timeline:\n- {at: 40%, kill: a, stop: b}", "line 5: an incident has at, one of kill"},
		{"timeline:\n- {kill: a}", `line 5: at: "" is not a time`},
		{"timeline:\n- {at: 140%, kill: a}", `line 5: at: "140%" is not a time`},
		{"timeline:\n- {at: 40, kill: a}", `line 5: at: "40" is not a time`},
		{"timeline:\n- {at: -1s, kill: a}", `line 5: at: "-1s" is not a time`},
		{"timeline:\n- {at: NaN%, kill: a}", `line 5: at: "NaN%" is not a time`},
		{"timeline:\n- at: 1s\n  explode: a", `line 6: "explode" is not a kind of incident: want one of kill`},
		{"timeline:\n- {at: 1s, kill: 'a b'}", "want one address"},
		{"timeline:\n- {at: 1s, kill: 'a[0]'}", `"a[0]" is not an address`},
		{"timeline:\n- {at: 1s, kill: a, for: 2s}", "kill: it is over at once"},
		{"timeline:\n- {at: 1s, signal: BANG a}", `"BANG" is not a signal`},
		{"timeline:\n- {at: 1s, config: proxy connections=64}\n- {at: 2s, config: nginx}", ""},
		{"timeline:\n- {at: 1s, config: proxy connections}", `line 5: config proxy connections: "connections" is not a`},
		{"timeline:\n- {at: 1s, config: a b=1, for: 1s}", "config: it is over at once"},
		{"timeline:\n- {at: 1s, slow-clients: headers many}", `"many" is not a number`},
		{"timeline:\n- {at: 1s, slow-clients: feet 3}", "want headers, bodies or readers"},
		{"timeline:\n- {at: 1s, connections: idle 0}", "want one of"},
		{"length: 5s", "there is no timeline"},
		{"length: 5\ntimeline: [{at: 1s, kill: a}]", `length: "5"`},
	} {
		_, err := Parse("x", []byte(head+row.text+"\n"), targets.FilesBeside("x"))
		if got := fmt.Sprint(err); (err == nil) != (row.want == "") || !strings.Contains(got, row.want) {
			t.Errorf("%s: %v; want %q", row.text, err, row.want)
		}
	}
}

// An incident on a process that is not there is an error before the load starts.
func TestIncidentsNeedTheirProcesses(t *testing.T) {
	b := servers.Blueprint{
		Topology: servers.Topology{Name: "pair"},
		Roles:    results.Roles{"proxy": results.ProxyRole, "master": results.ServerRole, "python": results.AppRole},
		Processes: []servers.Process{
			{Name: "box-1", Kind: "box", Tier: "master", WorkerTier: "python", Workers: 2,
				Files: []servers.File{{Path: "/x/reload"}}},
			{Name: "box-2", Kind: "box", Tier: "master", WorkerTier: "python", Workers: 2},
			{Name: "front", Kind: "front", Tier: "proxy", Loops: 1},
		},
	}
	for _, row := range []struct{ text, want string }{
		{"at 1s kill box[2]", ""}, {"at 1s kill server[2]", ""}, {"at 1s kill app.worker[2]", ""},
		{"at 1s kill proxy.worker[1]", ""}, {"at 1s touch reload", ""}, {"at 1s connections idle 10", ""},
		{"at 1s kill box[3]", "pair has 2 of box"},
		{"at 1s kill boxes", "pair has box, master, python, server, app, front, proxy"},
		{"at 1s kill app[1].worker[3]", "box-1 has 2 workers"},
		{"at 1s touch other", `pair has no file "other": it has reload`},
		{"at 10s kill box", "the load ends after 10s"},
	} {
		err := incidents(t, row.text).Check(b, 10*time.Second)
		if got := fmt.Sprint(err); (err == nil) != (row.want == "") || !strings.Contains(got, row.want) {
			t.Errorf("%s: %v; want %q", row.text, err, row.want)
		}
	}
	text := "connections: 1\ntimeout: 1s\nmix: [{name: a, path: /}]\n" +
		"timeline:\n- {at: 1s, kill: box}\n- {at: 2s, kill: boxes}\n"
	s, err := Parse("x", []byte(text), targets.FilesBeside("x"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.CheckTimeline(b); err == nil || !strings.HasPrefix(err.Error(), "timeline, line 6: at 2s kill boxes: ") {
		t.Errorf("of the second incident of a file: %v; want its line", err)
	}
	err = incidents(t, "at 1s kill server").Check(servers.Blueprint{URL: "http://127.0.0.1:1"}, 10*time.Second)
	if !errors.Is(err, servers.ErrNoProcess) {
		t.Errorf("of a server that bench did not start: %v; want ErrNoProcess", err)
	}
}

// The load of a timeline has the incidents' times, their clients, and regular arrivals.
func TestTimelineIsALoadOfItsOwn(t *testing.T) {
	e := testExperiment("a", "b")
	e.Scenarios[1].Timeline = incidents(t, "at 50% kill server", "at 2s slow-clients headers 20 for 25%")
	e.Scenarios[1].Length = 8 * time.Second
	cells := e.block(1)
	last := cells[len(cells)-1]
	plan, err := last.Plan("http://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	slow := loadgen.SlowClients{
		Kind: loadgen.SlowHeaders, Clients: 20, Every: time.Second, From: 2 * time.Second, For: 2 * time.Second,
	}
	if last.Load.Name != TimelineLoad || plan.Pacer.String() != "constant 100/s" || len(plan.Slow) != 1 ||
		plan.Slow[0] != slow || fmt.Sprint(plan.Incidents) != "[4s 2s]" {
		t.Errorf("%s: %v, %v, %v", last.Load.Name, plan.Pacer, plan.Slow, plan.Incidents)
	}
	for _, c := range cells[:len(cells)-1] {
		if len(c.Load.Timeline) > 0 && c.Load.Name != TimelineLoad {
			t.Errorf("%s has a timeline", c.Load.Name)
		}
	}
}
