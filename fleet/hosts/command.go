package hosts

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"
)

// Command runs this program with other arguments on each host that has servers, at once, and hands on every line
// that it prints there. Errors carry the host's name.
func (f *Fleet) Command(ctx context.Context, args []string, line func(host, text string)) error {
	f.serving = nil
	for _, m := range f.Hosts {
		if slices.ContainsFunc(f.Runs(m.Name), func(what string) bool { return what != load }) {
			f.serving = append(f.serving, m)
		}
	}
	if len(f.serving) == 0 {
		return errors.New("no process but the load has a host in the fleet file: there is nothing to do")
	}
	var mu sync.Mutex
	return f.each(func(i int) error {
		name := f.serving[i].Name
		return f.command(ctx, f.serving[i], args, func(text string) {
			mu.Lock()
			defer mu.Unlock()
			line(name, text)
		})
	})
}

// endWithin is how long a command has to end once its output has.
const endWithin = 10 * time.Second

// command runs this program on one host.
func (f *Fleet) command(ctx context.Context, m Machine, args []string, say func(string)) error {
	printed, complained := &lines{say: say}, &lines{say: say} // at once: what one has begun, the other does not end
	where, err := f.on(m, args, complained)
	if err != nil {
		return err
	}
	stream, err := where.Start(ctx, 0)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = stream.End(endWithin) })
	defer stop()
	_, err = io.Copy(printed, stream)
	err = errors.Join(err, stream.End(endWithin), context.Cause(ctx))
	printed.end()
	complained.end()
	return err
}

// lines hands on what is written to it, line by line.
type lines struct {
	say     func(string)
	partial bytes.Buffer
}

// end hands on what no end of a line followed.
func (l *lines) end() {
	if l.partial.Len() > 0 {
		l.say(l.partial.String())
	}
}

func (l *lines) Write(data []byte) (int, error) {
	l.partial.Write(data)
	for {
		end := bytes.IndexByte(l.partial.Bytes(), '\n')
		if end < 0 {
			return len(data), nil
		}
		line := l.partial.Next(end + 1)
		l.say(string(line[:end]))
	}
}
