// Package experiments carries out experiments: it decides what to measure next from the
// measurements so far. It stands above both halves of bench, the measuring one (scenarios, servers,
// loadgen) and the judging one (reports), and is the only place where they meet.
//
// An experiment is a package of its own: compare, gate, capacity. Each has a Spec, which is plain
// data as a user writes it, and a function Run(ctx, Env, Spec) that returns a Result. What they
// share is here: Env, which is all that an experiment may touch of the outside world; the life of a
// run, written once (Conduct); the events that report progress; and the stack, an app with a site to
// boot it on.
//
// Nothing here reads the environment, a flag or the terminal, and nothing prints.
package experiments
