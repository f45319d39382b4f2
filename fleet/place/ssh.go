package place

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"bench/fleet"
)

// SSH is a worker on each of several hosts, by the system's ssh, whose configuration, agent and known hosts
// are used as they are. bench copies itself there if the host does not have the same program yet.
type SSH struct {
	Hosts   []string
	options Options
}

func parseSSH(rest string, o Options) (fleet.Place, error) {
	hosts := strings.Split(rest, ",")
	for _, host := range hosts {
		if strings.HasPrefix(host, "-") || strings.ContainsAny(host, " \t'\"") {
			return nil, fmt.Errorf("%q is not the name of a host", host)
		}
	}
	return SSH{hosts, o}, checkNames(hosts)
}

// Workers implements fleet.Place.
func (s SSH) Workers() []string { return s.Hosts }

// sshFlags never ask anything, and give up on a host that is silent.
var sshFlags = []string{"-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "ForwardX11=no",
	"-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3", "-o", "LogLevel=ERROR"}

// remote is what runs on the host: it says what it is and whether it has the program; if not, it reads it
// from its input and says whether that worked; then it becomes the worker. It has no quotes and no
// exclamation marks, because every shell has to leave it as it is within single quotes.
const remote = `umask 077; d=${XDG_CACHE_HOME:-$HOME/.cache}/bench/bin; f=$d/bench-HASH; ` +
	`if [ -x $f ]; then h=have; else h=want; fi; echo bench-host $(uname -s) $(uname -m) $h $$; ` +
	`if [ $h = want ]; then read go || exit 1; t=$d/.bench-HASH.$$; trap "rm -f $t" EXIT; ` +
	`mkdir -p $d && head -c SIZE > $t && [ $(wc -c < $t) -eq SIZE ] && chmod 700 $t && ` +
	`mv -f $t $f && echo bench-copied || exit 1; ` +
	`trap - EXIT; fi; read go || exit 1; exec $f ARGS`

// Start implements fleet.Place.
func (s SSH) Start(ctx context.Context, index int) (fleet.Stream, error) {
	host := s.Hosts[index]
	program, err := os.Open(s.options.Program)
	if err != nil {
		return nil, fmt.Errorf("reading this program, to copy it: %w", err)
	}
	defer program.Close()
	size, err := program.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, fmt.Errorf("reading this program, to copy it: %w", err)
	}
	script := strings.NewReplacer("HASH", s.options.Binary[:32], "SIZE", fmt.Sprint(size),
		"ARGS", strings.Join(quoted(s.options.Args), " ")).Replace(remote)
	argv := slices.Concat(s.options.SSH, sshFlags, []string{"--", host})
	p, err := startProcess(s.options.Env, append(slices.Clone(argv), "exec sh -c '"+script+"'"), s.options.Heard)
	if err != nil {
		return nil, fmt.Errorf("%w; install OpenSSH's client, or name another with --ssh", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = p.End(0) })
	defer stop()
	stream := &greeted{process: p, lines: bufio.NewReader(p), again: argv}
	if err := stream.greet(io.NewSectionReader(program, 0, size)); err != nil {
		if said := p.End(time.Second); said != nil {
			err = said
		}
		return nil, explain(ctx, host, err)
	}
	return stream, nil
}

// quoted are arguments that a shell within single quotes reads as they are. None of a worker's has a quote.
func quoted(args []string) (all []string) {
	for _, arg := range args {
		all = append(all, `"`+strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`", "'", `'\''`).Replace(arg)+`"`)
	}
	return all
}

// greeted is an ssh whose first lines have been read.
type greeted struct {
	*process
	lines *bufio.Reader
	id    string   // of the process on the host
	again []string // the command line that runs something on the host
	wake  sync.Once
}

func (g *greeted) Read(data []byte) (int, error) { return g.lines.Read(data) }

// End implements fleet.Stream. A worker that was stopped there does not notice that its input has ended;
// woken up, it does. To any other process that is nothing.
func (g *greeted) End(after time.Duration) error {
	err := g.process.End(after)
	if _, isNumber := strconv.Atoi(g.id); err != nil && isNumber == nil {
		g.wake.Do(func() { g.wakeUp() })
	}
	return err
}

// wakeWithin bounds how long a host that may be gone is tried.
const wakeWithin = 3 * time.Second

func (g *greeted) wakeUp() {
	p, err := startProcess(g.cmd.Env, append(slices.Clone(g.again), "kill -CONT "+g.id), nil)
	if err == nil {
		_ = p.End(wakeWithin) // the host may be gone
	}
}

// machines are Go's names of what uname says.
var machines = map[string]string{
	"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64", "i686": "386", "armv7l": "arm",
	"riscv64": "riscv64", "ppc64le": "ppc64le", "s390x": "s390x",
}

// greet reads what the host is, and gives it the program if it wants it.
func (g *greeted) greet(program io.Reader) error {
	said, err := g.expect("bench-host ")
	if err != nil {
		return err
	}
	words := strings.Fields(said)
	if len(words) != 4 {
		return fmt.Errorf("it said %q", said)
	}
	g.id = words[3]
	if strings.ToLower(words[0]) != runtime.GOOS || machines[words[1]] != runtime.GOARCH {
		return &otherMachine{words[0] + " on " + words[1]}
	}
	if words[2] == "want" {
		if _, err := io.Copy(g, io.MultiReader(strings.NewReader("go\n"), program)); err != nil {
			return fmt.Errorf("copying bench there: %w", err)
		}
		if _, err := g.expect("bench-copied"); err != nil {
			return fmt.Errorf("copying bench there: %w", err)
		}
	}
	_, err = io.WriteString(g, "go\n")
	return err
}

// mostChatter is how many lines a host's shell may say before it comes to the point.
const mostChatter = 100

// expect reads lines until one begins with a word, and returns the rest of it.
func (g *greeted) expect(word string) (string, error) {
	for range mostChatter {
		line, err := g.lines.ReadString('\n')
		if rest, found := strings.CutPrefix(line, word); found {
			return strings.TrimSpace(rest), nil
		}
		if err != nil {
			return "", errors.New("it ended early")
		}
	}
	return "", errors.New("its shell says too much")
}

type otherMachine struct{ is string }

func (o *otherMachine) Error() string {
	return fmt.Sprintf("it runs %s, and this bench is for %s on %s", o.is, runtime.GOOS, runtime.GOARCH)
}

// hints are what to do about the failures of ssh and of hosts, found by their words.
var hints = []struct{ words, hint string }{
	{"Permission denied (", "let ssh in without a question: ssh-copy-id HOST, or load the key into the agent"},
	{"Host key verification failed", "connect once by hand, and compare the host's key: ssh HOST"},
	{"REMOTE HOST IDENTIFICATION", "find out why the host's key has changed; ssh-keygen -R HOST forgets the old one"},
	{"Could not resolve hostname", "check the name; ssh reads ~/.ssh/config"},
	{"Connection refused", "start sshd there, or name its port in ~/.ssh/config"},
	{"timed out", "check that the host is on, and that no firewall is between"},
	{"No route to host", "check the network between the two"},
	{"Network is unreachable", "check the network between the two"},
	{"No space left", "make room in its ~/.cache, or set XDG_CACHE_HOME there to a folder with 50 MB"},
	{"Read-only file system", "set XDG_CACHE_HOME there to a folder that can be written"},
	{"Disk quota exceeded", "make room in its ~/.cache, or set XDG_CACHE_HOME there to a folder with 50 MB"},
	{"cannot execute", "set XDG_CACHE_HOME there to a folder from which programs may run"},
	{"this bench is for", "use hosts like this one, or run bench on a host like those"},
}

// explain says what was attempted, why it failed, and what to do.
func explain(ctx context.Context, host string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for _, h := range hints {
		if strings.Contains(err.Error(), h.words) {
			return fmt.Errorf("starting it on %s by ssh: %w; %s", host, err, strings.ReplaceAll(h.hint, "HOST", host))
		}
	}
	return fmt.Errorf("starting it on %s by ssh: %w; try ssh %s by hand", host, err, host)
}
