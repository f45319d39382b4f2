package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"bench/experiments"
	"bench/fleet/jobs"
	"bench/fleet/link"
	"bench/internal/proc"
	"bench/results/bundle"
)

// workOnJobs carries out jobs of the queue that a token's file is for, until Ctrl-C.
func workOnJobs(ctx context.Context, s *shell, file string, allow []string) (err error) {
	token, err := link.ReadToken(file)
	if err == nil && token.Role != jobs.Machine {
		err = fmt.Errorf("%s is the token of a %s: want that of a machine (bench jobs serve --machines NAME)",
			file, token.Role)
	}
	if err != nil {
		return experiments.Misuse(err)
	}
	cache, err := s.cacheDir()
	if err != nil {
		return err
	}
	program, _, err := ownProgram()
	if err != nil {
		return err
	}
	client, err := jobs.Connect(ctx, token)
	if err != nil {
		return err
	}
	defer client.Close()
	keeper, err := proc.NewKeeper([]string{program, keeperCommand})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, keeper.Close()) }()
	r := jobRunner{shell: s, keeper: keeper, program: program, allow: allow}
	say := func(text string) { fmt.Fprintf(s.errs, "bench: %s\n", text) }
	say(fmt.Sprintf("%s waits for jobs", token.Name))
	err = jobs.Worker{Dir: filepath.Join(cache, "job"), Run: r.run, Say: say}.Work(ctx, client)
	if err != nil {
		return experiments.Invalidf("%w", err)
	}
	return nil
}

// jobRunner runs command lines of this program, as processes that do not outlive it.
type jobRunner struct {
	*shell
	keeper  *proc.Keeper
	program string
	allow   []string // hosts that this machine may load
}

// endWithin is how long a command that is to end has to stop its servers and to save what it has.
const endWithin = 30 * time.Second

// run is part of jobs.Worker.
func (r jobRunner) run(ctx context.Context, args []string, dir string) (jobs.Result, error) {
	if err := checkJob(r.shell, args); err != nil { // who added it may have another version, or none
		return jobs.Result{Exit: exitUsage, Said: err.Error()}, nil
	}
	runs, output := filepath.Join(dir, "runs"), filepath.Join(dir, "output.txt")
	argv := []string{r.program, args[0], "--out", runs}
	for _, host := range r.allow {
		argv = append(argv, "--allow-host", host)
	}
	p, err := r.keeper.Start(proc.Spec{
		Name: "the job", Argv: append(argv, args[1:]...), Env: r.user(), Log: output, Stop: syscall.SIGINT,
	})
	if err != nil {
		return jobs.Result{}, err
	}
	select {
	case <-p.Done():
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.Background(), endWithin)
	defer cancel()
	if err := p.Close(ending); err != nil {
		return jobs.Result{}, err
	}
	result := jobs.Result{Kept: []string{output}}
	if result.Exit = endOf(p.Err()); result.Exit != exitOK {
		result.Said = strings.TrimPrefix(p.LogTail(1), "bench: ")
	}
	file, err := bundled(runs, dir)
	if file != "" {
		result.Kept = append(result.Kept, file)
	}
	return result, err
}

// endOf is the exit code of a process, as a shell has it.
func endOf(err error) int {
	ended := (*exec.ExitError)(nil)
	if !errors.As(err, &ended) {
		return exitOK
	}
	if status, is := ended.Sys().(syscall.WaitStatus); is && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return ended.ExitCode()
}

// bundled makes one file of the run that a command has left, if it has.
func bundled(runs, dir string) (string, error) {
	manifests, err := filepath.Glob(filepath.Join(runs, "*", "manifest.json"))
	if err != nil || len(manifests) == 0 {
		return "", err
	}
	run := filepath.Dir(manifests[0])
	file, err := os.Create(filepath.Join(dir, filepath.Base(run)+bundle.Extension))
	if err != nil {
		return "", err
	}
	return file.Name(), errors.Join(bundle.Write(file, run), file.Close())
}
