// Package discover finds out what web app a developer's folder holds, and describes it as a
// bench.yaml: first from its files (Tree), then by asking the app itself in its own interpreter
// (bench_probe), which says what its routes answer. Nothing in the folder is changed.
package discover
