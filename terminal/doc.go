// Package terminal shows a person how a run proceeds: as a view that is redrawn in place, or as a line
// every few seconds where nothing can be redrawn. Both subscribe to the events of a run and decide
// nothing.
package terminal
