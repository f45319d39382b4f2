package results

import "time"

// Health is the state of the load generator itself in one second of a run, or in the whole of
// it. Times are in seconds of one thread; shares are of elapsed time.
type Health struct {
	At          float64 `json:"at_s"`                     // end of the second, since the start of the plan
	Length      float64 `json:"length_s"`                 // usually 1
	CPU         float64 `json:"cpu_s"`                    // used by the engine's threads
	RunQueue    float64 `json:"run_queue_s"`              // they were ready to run and had no core
	Involuntary uint64  `json:"involuntary_switches"`     // the core was taken from them
	Stalled     float64 `json:"stalled_s"`                // a heartbeat was late: stopped, paused or starved
	LongestGap  float64 `json:"longest_stall_s"`          // of these
	Throttled   float64 `json:"throttled_s"`              // the cgroup's CPU quota was used up
	Steal       float64 `json:"steal_s"`                  // the hypervisor ran something else, all cores together
	GCs         uint64  `json:"gc_cycles"`                // of the generator's own runtime
	Retransmits uint64  `json:"retransmitted_segments"`   // of the whole machine
	Overflows   uint64  `json:"listen_overflows"`         // of the whole machine
	Files       int     `json:"open_files"`               // at the end
	Sockets     int     `json:"tcp_sockets"`              // of the whole machine, at the end
	TimeWait    int     `json:"tcp_sockets_in_time_wait"` // of the whole machine, at the end
}

// TotalHealth merges the health of all seconds.
func TotalHealth(seconds []Health) Health {
	var t Health
	for _, h := range seconds {
		t.At, t.Length = h.At, t.Length+h.Length
		t.CPU += h.CPU
		t.RunQueue += h.RunQueue
		t.Involuntary += h.Involuntary
		t.Stalled += h.Stalled
		t.LongestGap = max(t.LongestGap, h.LongestGap)
		t.Throttled += h.Throttled
		t.Steal += h.Steal
		t.GCs += h.GCs
		t.Retransmits += h.Retransmits
		t.Overflows += h.Overflows
		t.Files, t.Sockets, t.TimeWait = max(t.Files, h.Files), max(t.Sockets, h.Sockets), max(t.TimeWait, h.TimeWait)
	}
	return t
}

// Calibration is what the engine can send on this machine, measured against a null server in
// a thread of its own.
type Calibration struct {
	Ceiling       float64       `json:"ceiling_per_core"`   // requests per second per thread, from its CPU time
	Achieved      float64       `json:"closed_loop_rate"`   // requests per second, next to the null server
	CPUPerRequest float64       `json:"cpu_us_per_request"` // of the thread, closed loop
	Floor         time.Duration `json:"latency_floor_ns"`   // median response time at a low rate
	Lateness      time.Duration `json:"lateness_p50_ns"`    // at the same rate
	LatenessP99   time.Duration `json:"lateness_p99_ns"`    //
}

// Margin is how many times the given rate one thread could send; 0 if unknown.
func (c Calibration) Margin(rate float64) float64 {
	if rate <= 0 {
		return 0
	}
	return c.Ceiling / rate
}
