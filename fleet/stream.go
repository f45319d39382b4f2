package fleet

import (
	"context"
	"io"
	"time"
)

// Place is where workers run. The rows of package place are such. One that is an io.Closer has something of
// its own to end, after its workers.
type Place interface {
	// Workers are the names of the workers, for people.
	Workers() []string
	// Start starts a worker, which reads its invitation, and then talks to the hub, on the stream.
	Start(ctx context.Context, index int) (Stream, error)
}

// Stream is a connection to a worker's standard input and output, and the life of the worker: it ends when
// its input does.
type Stream interface {
	io.Reader
	io.Writer
	// End closes the input, waits, kills what is left after a time, and returns why the worker failed, if
	// it did. It may be called more than once.
	End(after time.Duration) error
}
