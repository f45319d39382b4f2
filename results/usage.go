package results

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"time"
)

// Usage is what one tier of a cluster has used since its boot, at one moment.
type Usage struct {
	At        time.Duration `json:"at_ns"` // since the start of the plan
	Tier      string        `json:"tier"`  // its role is in the manifest
	CPU       time.Duration `json:"cpu_ns"`
	PSS       int64         `json:"pss_bytes"` // proportional set size: shared pages counted once
	Processes int           `json:"processes"`
	Threads   int           `json:"threads"`
}

// HostUsage is what the servers used on one host of a fleet during a cell.
type HostUsage struct {
	Host  string        `json:"host"`
	Cores int           `json:"cores"`
	CPU   time.Duration `json:"cpu_ns"`
	PSS   int64         `json:"pss_bytes"` // the most that was seen
}

// CPUByTier is the CPU time each tier used between the first and the last reading.
func CPUByTier(usage []Usage) map[string]time.Duration {
	first, last := map[string]Usage{}, map[string]Usage{}
	for _, u := range usage {
		if f, known := first[u.Tier]; !known || u.At < f.At {
			first[u.Tier] = u
		}
		if u.At >= last[u.Tier].At {
			last[u.Tier] = u
		}
	}
	spent := map[string]time.Duration{}
	for tier := range first {
		spent[tier] = last[tier].CPU - first[tier].CPU
	}
	return spent
}

// TotalCPU is what all tiers used together between the first and the last reading.
func TotalCPU(usage []Usage) (sum time.Duration) {
	for _, spent := range CPUByTier(usage) {
		sum += spent
	}
	return sum
}

// PeakPSS is the largest sum over the tiers at one moment, in bytes.
func PeakPSS(usage []Usage) int64 {
	at := map[time.Duration]int64{}
	var peak int64
	for _, u := range usage {
		at[u.At] += u.PSS
		peak = max(peak, at[u.At])
	}
	return peak
}

var usageHeader = []string{"at_s", "tier", "cpu_s", "pss_bytes", "processes", "threads"}

func writeUsage(w io.Writer, usage []Usage) error {
	out := csv.NewWriter(w)
	rows := [][]string{usageHeader}
	for _, u := range usage {
		rows = append(rows, []string{
			formatSeconds(u.At), u.Tier, strconv.FormatFloat(u.CPU.Seconds(), 'f', 6, 64),
			strconv.FormatInt(u.PSS, 10), strconv.Itoa(u.Processes), strconv.Itoa(u.Threads),
		})
	}
	return out.WriteAll(rows)
}

func readUsage(r io.Reader) ([]Usage, error) {
	rows, err := readCSV(r, usageHeader)
	if err != nil {
		return nil, err
	}
	var usage []Usage
	for i, row := range rows {
		u := Usage{Tier: row[1]}
		var errs [5]error
		var cpu float64
		u.At, errs[0] = parseSeconds(row[0])
		cpu, errs[1] = strconv.ParseFloat(row[2], 64)
		u.PSS, errs[2] = strconv.ParseInt(row[3], 10, 64)
		u.Processes, errs[3] = strconv.Atoi(row[4])
		u.Threads, errs[4] = strconv.Atoi(row[5])
		for _, err := range errs {
			if err != nil {
				return nil, fmt.Errorf("row %d: %w", i+1, err)
			}
		}
		if !(cpu >= 0 && cpu < 1e9) {
			return nil, fmt.Errorf("row %d: cpu_s %q", i+1, row[2])
		}
		u.CPU = time.Duration(cpu*1e6+0.5) * time.Microsecond
		usage = append(usage, u)
	}
	return usage, nil
}
