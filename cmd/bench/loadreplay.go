package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"bench/experiments"
	"bench/loadgen/accesslog"
	"bench/loadgen/pacing"
	"bench/reports/page"
	"bench/targets"
)

// recording is the pacer that repeats the arrivals in a file. Where the file's requests are to be
// repeated as well, they take the place of the list's.
func (o loadOptions) recording(list *targets.List) (pacing.Pacer, []string, error) {
	f, err := openInput(o.replay.file)
	if err != nil {
		return nil, nil, experiments.Misuse(fmt.Errorf("--replay: %w", err))
	}
	defer f.Close()
	log, err := accesslog.Read(f, o.replay.requests)
	if err != nil {
		return nil, nil, experiments.Misuse(fmt.Errorf("--replay %s: %w", o.replay.file, err))
	}
	var notes []string
	switch {
	case log.Cut && log.Skipped == 1:
		notes = append(notes, o.replay.file+": its last line is cut, and left out")
	case log.Skipped > 0:
		notes = append(notes, fmt.Sprintf("%s: read as %s; lines without a request, left out: %s",
			o.replay.file, log.Format, page.Number(float64(log.Skipped))))
	}
	times := log.Times()
	if o.replay.requests {
		var note string
		if times, note, err = o.replayed(log, list); err != nil {
			return nil, nil, experiments.Misuse(fmt.Errorf("--replay %s: %w", o.replay.file, err))
		}
		if note != "" {
			notes = append(notes, note)
		}
	}
	return pacing.Replay{Times: times, Speed: o.replay.speed}, append(list.Notes, notes...), nil
}

// replayed puts the log's requests into the list, as far as their methods are allowed, and returns
// their times.
func (o loadOptions) replayed(log accesslog.Log, list *targets.List) (times []time.Duration, note string, err error) {
	allowed := strings.ToUpper(strings.Join(o.replay.methods, ","))
	var all []targets.Target
	var first time.Duration
	others, bad := 0, 0
	for _, r := range log.Requests {
		if !slices.Contains(strings.Split(allowed, ","), r.Method) {
			others++
			continue
		}
		t, err := targets.Logged(r.Method, r.Path)
		if err != nil {
			bad++
			continue
		}
		if len(all) == 0 {
			first = r.At
		}
		times, all = append(times, r.At-first), append(all, t)
	}
	if len(all) == 0 {
		return nil, "", fmt.Errorf("none of its %d requests has one of the methods %s", len(log.Requests), allowed)
	}
	if others+bad > 0 {
		note = fmt.Sprintf("%s: requests left out: %d of other methods than %s, %d with no valid path",
			o.replay.file, others, allowed, bad)
	}
	list.Mix.Targets = all
	return times, note, o.request.addHeaders(all, nil)
}
