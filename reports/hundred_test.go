package reports_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"bench/internal/chromium"
	"bench/results"
)

// Of the run of a hundred cells: its shape, and by how much its cells are longer than the stored ones.
const (
	manyTopologies = 5
	manyScenarios  = 5
	manyBlocks     = 4
	stretched      = 10
)

// hundred writes a run of five topologies, five scenarios and four blocks, with an open loop for each topology
// and block, whose cells are those of a real run under other names, and ten times as long.
func hundred(t testing.TB) (dir string) {
	t.Helper()
	run := unpacked(t, "testdata/runs/compare.tgz")
	m := run.Manifest
	topologies, scenarios := m.Topologies, m.Scenarios
	m.Topologies, m.Scenarios, m.Blocks = nil, nil, manyBlocks
	for i := range manyTopologies {
		m.Topologies = append(m.Topologies, topologies[i%len(topologies)])
		m.Topologies[i].Name = again(m.Topologies[i].Name, i/len(topologies))
	}
	for i := range manyScenarios {
		m.Scenarios = append(m.Scenarios, scenarios[i%len(scenarios)])
		m.Scenarios[i].Name = again(m.Scenarios[i].Name, i/len(scenarios))
	}
	m.Planned = manyTopologies * manyBlocks * (manyScenarios + 1)
	d, err := results.Create(t.TempDir(), m)
	if err != nil {
		t.Fatal(err)
	}
	for block := range manyBlocks {
		for i, topology := range m.Topologies {
			for j, scenario := range append(m.Scenarios, m.Scenarios[0]) {
				c := *run.Cells[slices.IndexFunc(run.Cells, func(c *results.Cell) bool {
					return c.Topology == topologies[i%len(topologies)].Name && c.Block == 1+block%run.Manifest.Blocks &&
						c.Scenario == scenarios[j%manyScenarios%len(scenarios)].Name &&
						(c.Mode == results.OpenLoop) == (j == manyScenarios)
				})]
				c.Index, c.Block = d.Cells()+1, block+1
				c.Topology, c.Scenario = topology.Name, scenario.Name
				c.Started = m.Started.Add(time.Duration(c.Index) * time.Second)
				stretch(&c)
				if err := d.Seal(&c, nil); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if err := d.Finish(results.Complete, time.Duration(m.Planned)*time.Second); err != nil {
		t.Fatal(err)
	}
	return d.Path
}

func again(name string, times int) string { return name + strings.Repeat("-again", times) }

// stretch lets what happened in a cell happen again and again.
func stretch(c *results.Cell) {
	once := c.Intervals
	c.Intervals, c.Counts = nil, results.Counts{}
	for range stretched {
		for _, iv := range once {
			iv.Start = time.Duration(len(c.Intervals)) * iv.Length
			c.Intervals, c.Counts = append(c.Intervals, iv), c.Counts.Plus(iv.Counts)
		}
	}
	c.Successful, c.Thirds = c.Successful*stretched, slices.Clone(c.Thirds)
	for i := range c.Thirds {
		c.Thirds[i] *= stretched
	}
	c.Duration, c.Elapsed = c.Duration*stretched, c.Elapsed*stretched
}

// What the report of a large run costs, made by bench in a process of its own, and how soon its page is there in a
// browser.
func BenchmarkReportOfAHundredCells(b *testing.B) {
	program := filepath.Join(b.TempDir(), "bench")
	if out, err := exec.Command("go", "build", "-o", program, "bench/cmd/bench").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	dir := hundred(b)
	var peak int64
	for b.Loop() {
		c := exec.Command(program, "report", dir)
		if out, err := c.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		peak = max(peak, c.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
	}
	file := filepath.Join(dir, "report.html")
	info, err := os.Stat(file)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(peak)/1024, "MiB-peak")
	b.ReportMetric(float64(info.Size())/1e6, "MB-page")
	p := chromium.Start(b).Open("file://"+file, chromium.Look{Width: 1280, Height: 800})
	painted, _ := p.Run(`performance.getEntriesByName("first-contentful-paint")[0].startTime`).(float64)
	drawn, _ := p.Run(`performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd`).(float64)
	b.ReportMetric(painted, "ms-until-painted")
	b.ReportMetric(drawn, "ms-until-charts")
}
