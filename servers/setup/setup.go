// Package setup prepares a machine for booting the embedded topologies, and reports what is
// still missing. It installs into bench's own virtual environment and, for nginx and
// compilers, through the system's package manager; it changes no other Python and no service
// except nginx's, which it disables after installing nginx.
package setup

import (
	"cmp"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"bench/servers"
)

//go:embed requirements.txt
var requirements string

// readyFile is written last into a virtual environment: one without it is incomplete.
const readyFile = "bench-ready"

// Setup installs what the topologies need.
type Setup struct {
	Cache string    // folder for the virtual environment
	Path  string    // PATH
	Env   []string  // environment of the commands
	Say   io.Writer // progress, line by line, and the commands' own output
	With  []string  // tools to install besides, as Optional lists them
	// Dry says what would be done, and does nothing.
	Dry bool

	lock *os.File // held while something is installed, also by the commands that install it
}

// Run installs what is missing. It may be run again at any time: what is installed stays.
func (s Setup) Run(ctx context.Context) error {
	if s.Dry {
		return s.steps(ctx)
	}
	if err := usable(s.Cache); err != nil {
		return err
	}
	s, err := s.locked(ctx)
	if err != nil {
		return err
	}
	defer s.lock.Close()
	return s.steps(ctx)
}

func (s Setup) steps(ctx context.Context) error {
	// What may need no administrator comes first, and what needs one is reported with all the rest.
	var failed []error
	for _, step := range []func(context.Context) error{
		s.python, s.nginx, func(ctx context.Context) error { return s.optional(ctx, s.With) },
	} {
		if err := step(ctx); err != nil {
			failed = append(failed, err)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return errors.Join(failed...)
}

// usable reports what keeps the cache folder from holding an environment, before anything is compiled.
func usable(cache string) error {
	if err := os.MkdirAll(cache, 0o700); err != nil || !writable(cache) {
		return &servers.ConfigError{Err: fmt.Errorf("the cache folder %s cannot be written to: "+
			"set BENCH_CACHE to a folder that can", cache)}
	}
	if !servers.PlainPath(cache) {
		return &servers.ConfigError{Err: fmt.Errorf("the cache folder %q has a character that cannot be written into the "+
			"servers' configuration files: set BENCH_CACHE to a path of letters, digits, - and _", cache)}
	}
	return nil
}

// locked is the set-up that holds the lock: a second one waits, also for what a killed one left running.
func (s Setup) locked(ctx context.Context) (Setup, error) {
	var err error
	s.lock, err = servers.Lock(ctx, filepath.Join(s.Cache, "setup.lock"),
		func() { s.say("waiting for another setup to finish") })
	s.Say = &serial{to: s.Say}
	return s, err
}

// serial is a writer for several goroutines: what a command says, and what is said of it.
type serial struct {
	mu sync.Mutex
	to io.Writer
}

func (s *serial) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.to.Write(p)
}

func (s Setup) say(format string, args ...any) { fmt.Fprintf(s.Say, "setup: "+format+"\n", args...) }

func (s Setup) nginx(ctx context.Context) error {
	tools, err := servers.FindTools(ctx, "", s.Path, nil)
	if err != nil {
		return err
	}
	if nginx := tools["nginx"]; nginx.Path != "" {
		s.say("nginx %s is installed: %s", nginx.Version, nginx.Path)
		return nil
	}
	s.say("nginx is missing: it is in the system's packages")
	if err := s.install(ctx, "nginx-light"); err != nil {
		return err
	}
	return s.noService(ctx, "nginx")
}

// noService stops and disables the web server that a package of the system starts: bench starts
// its own, and nobody asked for one on port 80.
func (s Setup) noService(ctx context.Context, service string) error {
	systemctl := servers.LookPath("systemctl", s.Path)
	if systemctl == "" || !exists("/run/systemd/system") {
		return nil
	}
	if s.Dry {
		s.say("would disable the system's %s service, which the package starts", service)
		return nil
	}
	s.say("disabling the system's %s service, which the package starts", service)
	prefix, err := s.asRoot(ctx)
	if err != nil {
		return err
	}
	if err := s.command(ctx, append(prefix, systemctl, "disable", "--now", service)...); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.say("that failed (%v), but bench does not depend on it; to try again: systemctl disable --now %s", err, service)
	}
	return nil
}

// asRoot is the prefix that runs a command as root. Sudo asks for its password here, while it may use the
// terminal: what it runs later is in a group of its own, which Ctrl-C does not reach.
func (s Setup) asRoot(ctx context.Context) ([]string, error) {
	if os.Geteuid() == 0 {
		return nil, nil
	}
	sudo := servers.LookPath("sudo", s.Path)
	if sudo == "" {
		return nil, errors.New("neither root nor sudo")
	}
	if s.try(ctx, sudo, "-n", "true") != nil {
		ask := exec.CommandContext(ctx, sudo, "-v")
		var said strings.Builder
		ask.Env, ask.Stdin, ask.Stdout, ask.Stderr = s.Env, os.Stdin, s.Say, io.MultiWriter(s.Say, &said)
		if err := ask.Run(); err != nil {
			return nil, fmt.Errorf("sudo did not make bench root: %s", cmp.Or(lastLines(said.String(), 1), err.Error()))
		}
	}
	return []string{sudo, "-n", "env", "DEBIAN_FRONTEND=noninteractive"}, nil // sudo drops the variable
}

// python provides an interpreter with Django and uWSGI, in a virtual environment from PyPI. The system's
// packages serve as well, but are not installed unasked: that changes the machine for everybody.
func (s Setup) python(ctx context.Context) error {
	if python := Python(s.Cache, s.Path); python != "" {
		s.say("Django and uWSGI are installed: %s", python)
		return nil
	}
	var log strings.Builder
	own := s
	own.Say = io.MultiWriter(s.Say, &log)
	err := own.venv(ctx)
	if err == nil || ctx.Err() != nil {
		return err
	}
	return fmt.Errorf("installing Django and uWSGI from PyPI: %w\n%s\nThe system's packages serve as well: "+
		"apt-get install uwsgi-core uwsgi-plugin-python3 python3-django", err, reason(log.String()))
}

func (s Setup) venv(ctx context.Context) error {
	base := servers.LookPath("python3", s.Path)
	if base == "" {
		if err := s.install(ctx, "python3", "python3-venv", "python3-dev"); err != nil || s.Dry {
			return err
		}
		if base = servers.LookPath("python3", s.Path); base == "" {
			return errors.New("no python3 on PATH")
		}
	}
	// uWSGI is published only as source: its build needs Python's headers and a C compiler.
	if s.try(ctx, base, "-c", "import ensurepip, venv, sysconfig, os; "+
		"os.stat(os.path.join(sysconfig.get_paths()['include'], 'Python.h'))") != nil {
		s.say("%s lacks venv or its C headers", base)
		if err := s.install(ctx, "python3-venv", "python3-dev"); err != nil {
			return err
		}
	}
	if servers.LookPath("gcc", s.Path) == "" && servers.LookPath("cc", s.Path) == "" {
		if err := s.install(ctx, "gcc", "libc6-dev"); err != nil {
			return err
		}
	}
	dir := venvDir(s.Cache)
	if s.Dry {
		s.say("would create a virtual environment with Django and uWSGI from PyPI in %s", dir)
		return nil
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("removing an incomplete virtual environment: %w", err)
	}
	list := filepath.Join(s.Cache, "requirements.txt")
	if err := os.WriteFile(list, []byte(requirements), 0o600); err != nil {
		return fmt.Errorf("setting up: %w", err)
	}
	s.say("creating a virtual environment with Django and uWSGI in %s (uWSGI is compiled: about 20 s)", dir)
	python := filepath.Join(dir, "bin", "python")
	for _, argv := range [][]string{
		{base, "-m", "venv", dir},
		{python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
			"--no-deps", "--require-hashes", "-r", list},
		{python, "-m", "compileall", "-q", filepath.Join(dir, "lib")},
	} {
		if err := s.command(ctx, argv...); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, readyFile), nil, 0o600)
}

// venvDir is named after its contents: other requirements get another folder.
func venvDir(cache string) string {
	sum := sha256.Sum256([]byte(requirements))
	return filepath.Join(cache, "venv-"+hex.EncodeToString(sum[:6]))
}

// Python is the interpreter that setup provided: the virtual environment's, or one of the
// system that has Django. It is empty when there is none.
func Python(cache, path string) string {
	if dir := venvDir(cache); complete(dir) {
		// A system upgrade may have replaced the interpreter that it was created with.
		if python := filepath.Join(dir, "bin", "python"); exec.Command(python, "-c", "import django").Run() == nil {
			return python
		}
	}
	for _, candidate := range []string{"/usr/bin/python3", servers.LookPath("python3", path)} {
		if candidate == "" || exec.Command(candidate, "-c", "import django").Run() != nil {
			continue
		}
		// Only with a uWSGI that embeds it.
		tools, err := servers.FindTools(context.Background(), candidate, path, nil)
		if err == nil && tools.Path("uwsgi") != "" {
			return candidate
		}
	}
	return ""
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// install installs packages with apt, through sudo only when bench is not root.
func (s Setup) install(ctx context.Context, packages ...string) error {
	names := strings.Join(packages, " ")
	if s.Dry {
		s.say("would run, as root: apt-get install --no-install-recommends %s", names)
		return nil
	}
	apt := servers.LookPath("apt-get", s.Path)
	if apt == "" {
		return fmt.Errorf("installing %s: there is no apt-get here; install the equivalent packages with your own package "+
			"manager and run bench setup again", names)
	}
	prefix, err := s.asRoot(ctx)
	if err != nil {
		return fmt.Errorf("installing %s: %w; ask an administrator to run: apt-get install %s", names, err, names)
	}
	s.say("apt-get install %s", names)
	install := slices.Concat(prefix, []string{apt, "install", "-y", "-q", "--no-install-recommends"}, packages)
	if err := s.command(ctx, install...); err == nil || interrupted(err) {
		return err
	}
	// The usual reason is a package list that is missing or out of date.
	if err := s.command(ctx, append(append([]string{}, prefix...), apt, "update", "-q")...); err != nil {
		return err
	}
	return s.command(ctx, install...)
}

// interrupted reports whether a command was ended by a signal, or exited saying so: Ctrl-C may
// reach what sudo runs but not bench.
func interrupted(err error) bool {
	const byCtrlC = 130
	var exit *exec.ExitError
	return errors.As(err, &exit) && (exit.ExitCode() < 0 || exit.ExitCode() == byCtrlC)
}

func (s Setup) command(ctx context.Context, argv ...string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	manages := slices.ContainsFunc(argv, func(word string) bool { return filepath.Base(word) == "apt-get" })
	run := ctx
	if manages {
		run = context.WithoutCancel(ctx)
	}
	cmd := exec.CommandContext(run, argv[0], argv[1:]...)
	cmd.Env = append(append([]string{}, s.Env...), "DEBIAN_FRONTEND=noninteractive")
	cmd.Stdout, cmd.Stderr = s.Say, s.Say
	// A process group of its own, which Ctrl-C on the terminal does not reach and which is ended as a whole.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	if s.lock != nil && !manages { // a service that a package starts would keep it for ever
		cmd.ExtraFiles = []*os.File{s.lock}
	}
	defer context.AfterFunc(ctx, func() {
		if manages {
			s.say("interrupted: waiting for the package manager, which leaves packages half-installed if it is ended")
		}
	})()
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", strings.Join(argv, " "), err)
	}
	return context.Cause(ctx)
}

func (s Setup) try(ctx context.Context, argv ...string) error {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = s.Env
	return cmd.Run()
}
