// Package pacing says when the requests of a load are due: as a pure function of their number.
//
// A [Pacer] is a value that prints and parses back:
//
//	p, err := pacing.Parse("poisson 7 ramp 10/s 500/s over 30s")
//	p.Due(1000)      // when request 1000 is due, since the start of the plan
//	p.String()       // the text again
//
// Since nothing is handed out, any number of senders can share a pacer: sender w of k takes the
// requests w, w+k, w+2k, … . One that asks for them in order does so through a [Schedule].
//
// Every kind of pacer is a row of the table in [Kinds], and a file of its own.
// The package imports nothing of ours, so that what judges a run can read the arrivals from a
// pacer's text as well as what sends them.
package pacing
