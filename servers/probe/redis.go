package probe

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"bench/results"
)

// redis observes Redis through its command INFO, over its own protocol.
var redis = Kind{
	Name: "redis", Ports: []string{"redis"},
	Counters: []Counter{
		{"commands", "", "commands carried out, those of bench's own readings included"},
		{"hits", "", "keys that were found"},
		{"misses", "", "keys that were not"},
		{"evicted", "", "keys removed for want of memory"},
	},
	Ready: func(ctx context.Context, p Process) error {
		_, err := askRedis(ctx, p.Ports["redis"], "PING")
		return err
	},
	Open: func(p Process) Probe { return redisProbe{p.Ports["redis"]} },
}

type redisProbe struct{ port int }

// Workers are none: the processes of a cache do not run the app.
func (redisProbe) Workers(context.Context) ([]Worker, error) { return nil, nil }

// redisCounters are the names of INFO's figures.
var redisCounters = map[string]string{
	"total_commands_processed": "commands", "keyspace_hits": "hits", "keyspace_misses": "misses",
	"evicted_keys": "evicted",
}

func (p redisProbe) Read(ctx context.Context) (Reading, error) {
	text, err := askRedis(ctx, p.port, "INFO stats")
	if err != nil {
		return Reading{}, err
	}
	counters := results.Counters{}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if ours, wanted := redisCounters[name]; wanted {
			if counters[ours], err = strconv.ParseFloat(value, 64); err != nil {
				return Reading{}, fmt.Errorf("reading redis: %s: %w", name, err)
			}
		}
	}
	return Reading{Counters: counters}, nil
}

// mostOfRedis bounds a response: INFO's is some kilobytes.
const mostOfRedis = 1 << 20

// askRedis sends one command and returns the text of the response: a simple one, or one with its length first.
func askRedis(ctx context.Context, port int, command string) (string, error) {
	dialer := net.Dialer{Timeout: readTimeout}
	conn, err := dialer.DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return "", fmt.Errorf("asking redis: %w", err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(readTimeout)); err != nil {
		return "", err
	}
	if _, err := fmt.Fprintf(conn, "%s\r\n", command); err != nil {
		return "", fmt.Errorf("asking redis: %w", err)
	}
	in := bufio.NewReader(conn)
	first, err := in.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("asking redis: %w", err)
	}
	switch kind, rest := first[0], strings.TrimSpace(first[1:]); kind {
	case '+':
		return rest, nil
	case '$':
		size, err := strconv.Atoi(rest)
		if err != nil || size < 0 || size > mostOfRedis {
			return "", fmt.Errorf("asking redis: %q is not the length of a text", rest)
		}
		text := make([]byte, size)
		if _, err := io.ReadFull(in, text); err != nil {
			return "", fmt.Errorf("asking redis: %w", err)
		}
		return string(text), nil
	default:
		return "", fmt.Errorf("asking redis: it says %q", strings.TrimSpace(first))
	}
}
