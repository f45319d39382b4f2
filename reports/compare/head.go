package compare

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"bench/reports/page"
	"bench/results"
)

// Head is what the report of a run of interleaved blocks begins with: that of a comparison, and of what is
// built on one.
type Head struct {
	Schema      string               `json:"schema"`
	Name        string               `json:"name"`
	Status      string               `json:"status"`
	Started     time.Time            `json:"started"`
	Elapsed     float64              `json:"elapsed_s"`
	Measured    float64              `json:"measured_s"`
	Grade       results.Grade        `json:"grade"`
	Answer      []string             `json:"answer"` // in words, most important first
	Profile     string               `json:"profile"`
	Engine      string               `json:"engine"`
	Seed        uint64               `json:"seed"`
	Blocks      int                  `json:"blocks"`      // planned
	BlocksDone  int                  `json:"blocks_done"` // in which every topology was measured
	Diagnostics []results.Diagnostic `json:"diagnostics"`
	Plan        []string             `json:"plan"`
	App         results.AppRecord    `json:"app"`
	Host        results.Host         `json:"host"`
	Tools       map[string]string    `json:"tools"`
}

// headOf is what a manifest says; the grade, the answer and the blocks that are complete follow from the cells.
func headOf(m results.Manifest) Head {
	h := Head{
		Schema: Schema, Name: m.Name, Status: m.Status, Started: m.Started, Elapsed: m.Elapsed, Measured: m.Measured,
		Profile: m.Profile, Engine: m.Engine, Seed: m.Seed, Blocks: m.Blocks, Diagnostics: slices.Clone(m.Diagnostics),
		Plan: m.Plan, App: m.App, Host: m.Host, Tools: m.Tools,
	}
	if h.Tools == nil {
		h.Tools = map[string]string{}
	}
	return h
}

// Outcome is the grade as the outcome of a document.
func (h Head) Outcome() page.Outcome {
	verdicts := map[results.Grade]page.Verdict{
		results.Valid: page.Passed, results.Degraded: page.Degraded, results.Invalid: page.Invalid,
	}
	o := page.Outcome{Verdict: verdicts[h.Grade], Label: string(h.Grade)}
	if h.Grade == results.Invalid {
		o.Reason = "the run is INVALID; see the diagnostics"
	}
	return o
}

// Size says how many blocks there are, and of a partial run how many of them are complete.
func (h Head) Size() string {
	blocks := page.Count(h.Blocks, "block")
	if h.BlocksDone != h.Blocks {
		return fmt.Sprintf("%s, %d of %s", h.Status, h.BlocksDone, blocks)
	}
	return blocks
}

// Took is how long the run was, to the second.
func (h Head) Took() time.Duration {
	return time.Duration(h.Elapsed * float64(time.Second)).Round(time.Second)
}

// Machine is the machine and the versions of the tools, on a line.
func (h Head) Machine() string {
	var tools []string
	for _, name := range slices.Sorted(maps.Keys(h.Tools)) {
		if v := h.Tools[name]; v != "" {
			tools = append(tools, name+" "+v)
		}
	}
	return fmt.Sprintf("%s, %s, %s, kernel %s; %s", h.Host.CPU, page.Count(h.Host.Cores, "core"), h.Host.OS,
		h.Host.Kernel, strings.Join(tools, ", "))
}
