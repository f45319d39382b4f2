// Package experiments carries experiments out: it decides what is measured next, by what the
// measurements so far say. It stands above both halves of bench, the measuring one (scenarios,
// servers, loadgen) and the judging one (reports), and is the only place where they meet.
//
// An experiment is a package of its own: compare, gate, capacity. Each has a Spec, which is plain
// data as a person writes it, and a function Run(ctx, Env, Spec) that returns a Result. What they
// share is here: Env, which is all that an experiment may touch of the world; the life of a run,
// written once (Conduct); the events that tell how it goes; and the stack of an app and a site to
// boot it on.
//
// Nothing here reads the environment, a flag or the terminal, and nothing prints.
package experiments
