package place

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a running program whose standard streams are a worker's. It leads a process group of its own,
// so that a Ctrl-C in the terminal reaches only bench, which then ends the workers in order.
type process struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   io.ReadCloser
	words *lastWords
	over  chan struct{}
	err   error // how it ended; read after over
	close sync.Once
}

// startProcess starts a program. What it says on standard error is heard or, where that is nil, becomes part of its
// error.
func startProcess(env, argv []string, heard io.Writer) (*process, error) {
	p := &process{cmd: exec.Command(argv[0], argv[1:]...), words: new(lastWords), over: make(chan struct{})}
	p.cmd.Env = env
	p.cmd.Stderr = p.words
	if heard != nil {
		p.cmd.Stderr = heard
	}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var errs [3]error
	p.in, errs[0] = p.cmd.StdinPipe()
	p.out, errs[1] = p.cmd.StdoutPipe()
	if errs[2] = errors.Join(errs[:2]...); errs[2] == nil {
		errs[2] = p.cmd.Start()
	}
	if err := errs[2]; err != nil {
		return nil, fmt.Errorf("starting %s: %w", argv[0], err)
	}
	return p, nil
}

// reap waits for the process. Its output must have been read to the end, or not be wanted any more.
func (p *process) reap() {
	p.err = p.cmd.Wait()
	close(p.over)
}

func (p *process) Read(data []byte) (int, error)  { return p.out.Read(data) }
func (p *process) Write(data []byte) (int, error) { return p.in.Write(data) }

// End implements fleet.Stream.
func (p *process) End(after time.Duration) error {
	p.close.Do(func() {
		_ = p.in.Close()
		go p.reap()
	})
	select {
	case <-p.over:
	case <-time.After(after):
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // the group, which is gone if this fails
		<-p.over
	}
	if p.err == nil {
		return nil
	}
	if said := p.words.String(); said != "" {
		return fmt.Errorf("%s (%w)", said, p.err)
	}
	return p.err
}

// lastWords keeps the end of what a program says on its standard error.
type lastWords struct {
	mu   sync.Mutex
	text []byte
}

const mostWords = 2 << 10

func (w *lastWords) Write(data []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text = append(w.text, data...)
	if excess := len(w.text) - mostWords; excess > 0 {
		w.text = bytes.Clone(w.text[excess:])
	}
	return len(data), nil
}

// String is what was said, in one line.
func (w *lastWords) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(strings.FieldsFunc(string(w.text), func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}
