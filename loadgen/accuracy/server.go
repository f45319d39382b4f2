package accuracy

import (
	"bufio"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Service is the distribution of a queueing server's service times.
type Service struct {
	Law  string // "none", "constant" or "exponential"
	Mean time.Duration
	Seed uint64
}

// Times is the service time of request i, in order of arrival: a pure function, so that the
// server and the check of its figures know the same times. It is nil for none.
func (s Service) Times() (func(i uint64) time.Duration, error) {
	switch s.Law {
	case "none":
		return nil, nil
	case "constant":
		return func(uint64) time.Duration { return s.Mean }, nil
	case "exponential":
		return func(i uint64) time.Duration {
			u := rand.New(rand.NewPCG(s.Seed, i)).Float64()
			return time.Duration(-math.Log1p(-u) * float64(s.Mean))
		}, nil
	}
	return nil, fmt.Errorf("service times %q: want none, constant or exponential", s.Law)
}

// server is a null server in a separate process, so that it can be stopped.
type server struct {
	url string
	cmd *exec.Cmd
}

// serve starts bench's null server on the given cores.
func (s *Suite) serve(ctx context.Context, cores string, service Service, workers int) (*server, error) {
	argv := []string{s.Bench, "null-server", "--service", service.Law, "--mean", service.Mean.String(),
		"--workers", strconv.Itoa(workers), "--service-seed", strconv.FormatUint(service.Seed, 10)}
	if cores != "" {
		argv = append([]string{"taskset", "-c", cores}, argv...)
	}
	c := exec.CommandContext(ctx, argv[0], argv[1:]...)
	dieWithParent(c)
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("starting the null server: %w", err)
	}
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		_ = c.Process.Kill()
		return nil, fmt.Errorf("starting the null server: it printed no address: %w, %w", err, c.Wait())
	}
	return &server{strings.TrimSpace(url) + "/", c}, nil
}

// Close stops the server.
func (s *server) Close() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait() // killed, which is what Wait reports
}
