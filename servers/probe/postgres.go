package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"bench/results"
)

// postgres observes PostgreSQL without a connection of its own, which would be one of those that it counts: each
// process of the server says in its title whom it serves.
var postgres = Kind{
	Name: "postgres",
	Counters: []Counter{
		{results.ConnectionsMax, "connections", "most client connections seen at once"},
		{results.ConnectionLimitMax, "connections", "how many the server allows: max_connections"},
		{results.RefusedConnections, "", "connections refused because there were too many"},
	},
	Ready: postgresReady,
	Open:  func(p Process) Probe { return postgresProbe{p} },
}

// postgresReady reads what the server notes in its data folder while it runs: the last line says "ready" once it
// takes connections. Before that it accepts them, and refuses them.
func postgresReady(_ context.Context, p Process) error {
	const statusLine = 8
	text, err := os.ReadFile(filepath.Join(p.Dir, "data", "postmaster.pid"))
	if err != nil {
		return err
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) < statusLine || strings.TrimSpace(lines[statusLine-1]) != "ready" {
		return errors.New("it is still starting")
	}
	return nil
}

type postgresProbe struct{ process Process }

// Workers are none: the processes of a database do not run the app.
func (postgresProbe) Workers(context.Context) ([]Worker, error) { return nil, nil }

func (p postgresProbe) Read(context.Context) (Reading, error) {
	counters := results.Counters{}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", p.process.PID))
	if err != nil {
		return Reading{}, fmt.Errorf("looking for the processes of the database: %w", err)
	}
	for pid := range bytes.FieldsSeq(children) {
		title, err := os.ReadFile("/proc/" + string(pid) + "/cmdline")
		if err == nil && servesClient(string(title)) {
			counters[results.ConnectionsMax]++
		}
	}
	if options, err := os.ReadFile(filepath.Join(p.process.Dir, "data", "postmaster.opts")); err == nil {
		if limit := connectionLimit.FindSubmatch(options); limit != nil {
			counters[results.ConnectionLimitMax], _ = strconv.ParseFloat(string(limit[1]), 64)
		}
	}
	log, err := os.ReadFile(p.process.Log)
	counters[results.RefusedConnections] = float64(len(refusedConnection.FindAllIndex(log, -1)))
	return Reading{Counters: counters}, err
}

var (
	connectionLimit = regexp.MustCompile(`"max_connections=(\d+)"`)
	// In the language that the server is started with.
	refusedConnection = regexp.MustCompile(`FATAL: +(sorry, too many clients|remaining connection \w+ are reserved)`)
)

// servesClient reports whether a process's title is that of one that serves a client: "postgres: user database
// [local] state". Those that work for the server itself have a name alone.
func servesClient(title string) bool {
	words := strings.Fields(strings.TrimRight(title, "\x00"))
	return len(words) >= 4 && words[0] == "postgres:" && (words[3] == "[local]" || strings.Contains(words[3], "("))
}
