package servers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"bench/internal/proc"
	"bench/results"
	"bench/targets"
)

// DropPrivileges makes servers run as an unprivileged user where bench is root: as the owner of the app's
// folder or, if that is root, as nobody. It tries first whether that user can read and import everything, and
// leaves a note that says why if not. It is called once the app is prepared.
func (s *Site) DropPrivileges(ctx context.Context, app targets.App) {
	if os.Geteuid() != 0 {
		return
	}
	as, err := unprivileged(app.Folder())
	if err == nil {
		err = s.tryAs(ctx, as, app)
	}
	if err != nil {
		s.note(results.Diagnostic{
			Code: "servers-run-as-root", Message: fmt.Sprintf("bench is root, and so are the servers: %v", err),
			Hint: "Run bench as another user, or put the app, its interpreter and bench's cache where every user can " +
				"read them (BENCH_CACHE=/var/cache/bench, say).",
		})
		return
	}
	s.Host.RunAs, s.Host.User = as, "" // no user is left to switch to
	s.Host.Env = proc.EnvFor(s.Host.Env, as, s.Scratch)
}

// unprivileged is the user that the servers of an app in a folder should run as.
func unprivileged(folder string) (*proc.User, error) {
	if info, err := os.Stat(folder); err == nil {
		if owner, is := info.Sys().(*syscall.Stat_t); is && owner.Uid != 0 {
			return &proc.User{UID: owner.Uid, GID: owner.Gid, Name: strconv.Itoa(int(owner.Uid))}, nil
		}
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		return nil, err
	}
	uid, uidErr := strconv.ParseUint(nobody.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(nobody.Gid, 10, 32)
	return &proc.User{UID: uint32(uid), GID: uint32(gid), Name: nobody.Username}, errors.Join(uidErr, gidErr)
}

// readable is a program that names the first of its arguments that it cannot read, and the first module of its
// input that it cannot import.
const readable = `import importlib, os, sys
for path in sys.argv[2:]:
    if path and not os.access(path, os.R_OK | (os.X_OK if os.path.isdir(path) else 0)):
        sys.exit(path + " is closed to it")
sys.path.insert(0, os.getcwd())
importlib.import_module(sys.argv[1])
`

// tryTime limits the import of the app as the other user.
const tryTime = 30 * time.Second

// tryAs returns why the app cannot run as a user, if it cannot. What bench made for the app becomes the user's, and
// root's again if it cannot: a server that does not keep root's privileges could not read it.
func (s *Site) tryAs(ctx context.Context, as *proc.User, app targets.App) (err error) {
	if err := canObserve(); err != nil {
		return err
	}
	module, _, _ := strings.Cut(app.WSGI, ":")
	python := s.Host.Tools.Path("python")
	if module == "" || python == "" {
		return errors.New("what the app needs is not known")
	}
	for _, dir := range []string{s.Scratch, filepath.Dir(s.Host.State), s.Cache} {
		if err := passable(dir); err != nil {
			return err
		}
	}
	paths := []string{app.Folder()}
	own := []string{s.Host.State, s.Host.Build, s.Host.Overlay, s.Host.Tree}
	if filepath.Dir(app.Folder()) == filepath.Dir(s.Host.State) {
		own = append(own, app.Folder()) // the bundled project, which bench wrote there
	}
	for _, dir := range own {
		if err := as.Own(dir); err != nil {
			return err
		}
		paths = append(paths, dir)
	}
	defer func() {
		for _, dir := range own {
			if err != nil {
				err = errors.Join(err, (&proc.User{}).Own(dir))
			}
		}
	}()
	for _, tool := range s.Host.Tools {
		paths = append(paths, tool.Path)
	}
	p := preparation{site: s, app: app, dir: filepath.Dir(s.Host.State)}
	spec := p.spec([]string{"python", "-c", readable, module})
	slices.Sort(paths)
	spec.Argv, spec.User = append(spec.Argv, paths...), as
	spec.Env = proc.EnvFor(spec.Env, as, s.Scratch)
	output, err := runStep(ctx, s.Keeper, spec, tryTime)
	if err == nil {
		return nil
	}
	lines := strings.Split(strings.TrimSpace(output), "\n")
	if last := lines[len(lines)-1]; last != "" {
		return fmt.Errorf("the user %s cannot run the app: %s", as.Name, last)
	}
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("the user %s cannot run %s in %s: one of the two is closed to it", as.Name, python, spec.Dir)
	}
	return fmt.Errorf("the user %s cannot run the app: %w", as.Name, err)
}

// passable lets every user pass through a folder, and takes no right away: it may be one that the user shares.
func passable(dir string) error {
	if dir == "" {
		return nil
	}
	info, err := os.Stat(dir)
	if err == nil {
		err = os.Chmod(dir, info.Mode()|0o011)
	}
	return err
}

// canObserve returns why the memory of other users' processes cannot be read, if it cannot: in a container,
// root may lack the capability.
func canObserve() error {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	const ptrace = 1 << 19
	for line := range strings.Lines(string(status)) {
		if set, is := strings.CutPrefix(line, "CapEff:"); is {
			if effective, err := strconv.ParseUint(strings.TrimSpace(set), 16, 64); err != nil || effective&ptrace == 0 {
				return errors.New("without the capability SYS_PTRACE, root cannot read what other users' processes use")
			}
		}
	}
	return nil
}
