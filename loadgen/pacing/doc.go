// Package pacing says when the requests of a load are due, as a pure function of their number.
//
// A [Pacer] is a value that prints and parses back:
//
//	p, err := pacing.Parse("poisson 7 ramp 10/s 500/s over 30s")
//	p.Due(1000)      // when request 1000 is due, since the start of the plan
//	p.String()       // the text again
//
// So any number of senders can share a pacer without a dispatcher: sender w of k takes the
// requests w, w+k, w+2k, … . To read due times in order, use a [Schedule].
//
// Every kind of pacer is a row of the table in [Kinds] and a file of its own. The package
// imports nothing of ours, so that the code that judges a run can read the arrivals from a
// pacer's text, just like the code that sends them.
package pacing
