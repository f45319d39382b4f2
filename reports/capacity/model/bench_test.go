package model

import "testing"

func BenchmarkSimulate(b *testing.B) {
	s := System{
		Configuration: Configuration{Queues: 1, Workers: 3, Threads: 1}, Cores: 2, Slowdown: 1.05, Generator: 0.0001,
		Proxies: []float64{0.0002},
		Kinds:   []Kind{{Weight: 1, Work: 0.004, Outside: []float64{0.0001, 0.0003}}, {Weight: 1, Work: 0.001, Wait: 0.001}},
	}
	for b.Loop() {
		s.Simulate(0.9*s.Bound(), 20_000, 1)
	}
}
