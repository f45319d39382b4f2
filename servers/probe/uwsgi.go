package probe

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"bench/results"
)

var uwsgi = Kind{
	Name: "uwsgi", Ports: []string{"stats"}, Workers: true,
	Counters: []Counter{
		{results.Requests, "", "requests served by the workers"},
		{"exceptions", "", "exceptions that reached the server"},
		{"harakiri", "", "workers killed because a request took too long"},
		{results.Respawns, "", "workers that ended and were replaced"},
		{results.ListenQueueMax, "connections", "longest listen queue seen"},
		{results.WorkSeconds, "s", "time spent in requests, all workers together; divided by requests, the service time"},
	},
	Open: func(p Process) Probe {
		return uwsgiProbe{func() ([]address, error) {
			return []address{{"tcp4", fmt.Sprintf("127.0.0.1:%d", p.Ports["stats"])}}, nil
		}}
	},
}

// vassals are the uWSGI servers that an emperor keeps: it starts and ends them as it likes, so that their
// stats servers are found by the socket files, *.stats, that they leave in the process's folder.
var vassals = Kind{
	Name: "uwsgi-vassals", Workers: true, Counters: uwsgi.Counters,
	Open: func(p Process) Probe {
		return uwsgiProbe{func() (found []address, err error) {
			entries, err := os.ReadDir(p.Dir)
			for _, entry := range entries {
				if filepath.Ext(entry.Name()) == ".stats" {
					found = append(found, address{"unix", filepath.Join(p.Dir, entry.Name())})
				}
			}
			return found, err
		}}
	},
}

// address is where a stats server listens.
type address struct{ network, name string }

// uwsgiRequest is a GET request in the uwsgi protocol: a header of four bytes, then the variables, each
// with its length before it.
func uwsgiRequest(host, path string) string {
	url, query, _ := strings.Cut(path, "?")
	var vars []byte
	for _, pair := range [][2]string{
		{"REQUEST_METHOD", "GET"}, {"REQUEST_URI", path}, {"PATH_INFO", url}, {"QUERY_STRING", query},
		{"SERVER_PROTOCOL", "HTTP/1.1"}, {"HTTP_HOST", host}, {"SERVER_NAME", "localhost"}, {"SERVER_PORT", "80"},
		{"REMOTE_ADDR", "127.0.0.1"}, {"REMOTE_PORT", "0"}, {"wsgi.url_scheme", "http"},
	} {
		for _, text := range pair {
			vars = append(binary.LittleEndian.AppendUint16(vars, uint16(len(text))), text...)
		}
	}
	head := append([]byte{0}, binary.LittleEndian.AppendUint16(nil, uint16(len(vars)))...)
	return string(append(head, 0)) + string(vars)
}

// uwsgiProbe asks uWSGI's stats servers, each of which sends one JSON document to whoever connects.
type uwsgiProbe struct{ servers func() ([]address, error) }

// uwsgiStats is the part of that document that bench uses.
type uwsgiStats struct {
	ListenQueue uint64 `json:"listen_queue"`
	Workers     []struct {
		PID        int    `json:"pid"`
		Requests   uint64 `json:"requests"`
		Exceptions uint64 `json:"exceptions"`
		Harakiri   uint64 `json:"harakiri_count"`
		Respawns   uint64 `json:"respawn_count"`
		Running    uint64 `json:"running_time"` // microseconds spent in requests
	} `json:"workers"`
}

// ask adds up what the servers say.
func (u uwsgiProbe) ask(ctx context.Context) (sum uwsgiStats, err error) {
	servers, err := u.servers()
	if err != nil {
		return sum, fmt.Errorf("looking for uWSGI's statistics: %w", err)
	}
	for _, server := range servers {
		one, err := server.ask(ctx)
		if err != nil {
			return sum, err
		}
		sum.ListenQueue += one.ListenQueue
		sum.Workers = append(sum.Workers, one.Workers...)
	}
	return sum, nil
}

func (a address) ask(ctx context.Context) (s uwsgiStats, err error) {
	dialer := net.Dialer{Timeout: readTimeout}
	conn, err := dialer.DialContext(ctx, a.network, a.name)
	if err != nil {
		return s, fmt.Errorf("reading uWSGI's statistics: %w", err)
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(readTimeout))
	if err := json.NewDecoder(io.LimitReader(conn, 4<<20)).Decode(&s); err != nil {
		return s, fmt.Errorf("reading uWSGI's statistics: %w", err)
	}
	return s, nil
}

func (u uwsgiProbe) Workers(ctx context.Context) ([]Worker, error) {
	stats, err := u.ask(ctx)
	var workers []Worker
	for _, w := range stats.Workers {
		workers = append(workers, Worker{PID: w.PID, Served: w.Requests > 0})
	}
	return workers, err
}

func (u uwsgiProbe) Read(ctx context.Context) (Reading, error) {
	stats, err := u.ask(ctx)
	if err != nil {
		return Reading{}, err
	}
	var requests, exceptions, harakiri, respawns, running uint64
	var perWorker []uint64
	for _, w := range stats.Workers {
		requests, exceptions, harakiri = requests+w.Requests, exceptions+w.Exceptions, harakiri+w.Harakiri
		respawns, running = respawns+w.Respawns, running+w.Running
		perWorker = append(perWorker, w.Requests)
	}
	return Reading{PerWorker: perWorker, Counters: results.Counters{
		results.Requests: float64(requests), "exceptions": float64(exceptions), "harakiri": float64(harakiri),
		results.Respawns: float64(respawns), results.ListenQueueMax: float64(stats.ListenQueue),
		results.WorkSeconds: float64(running) / 1e6,
	}}, nil
}
