// Package fleet sends one load from several processes, on this machine or others, and makes one measurement
// of it. A Fleet is a loadgen.Measurer: it splits a plan into parts, of which each worker gets one, has all
// of them start at the same instant, collects what they record second by second, and adds it up. Nothing is
// averaged on the way: a sum of histograms is the histogram of all samples.
//
// An embedded NATS server carries the messages and notices who is gone; package place starts the workers.
// What a worker may load is decided by its own process, never by a message.
package fleet
