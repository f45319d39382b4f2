package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// The fakes stand for python3, uwsgi and nginx on PATH, so that the command line, with its
// supervision of processes, can be tested on any machine. Files in the app's folder make them
// misbehave.

// misbehave reports whether the app's folder contains a file of that name.
func misbehave(dir, name string) bool {
	_, err := os.Stat(filepath.Join(dir, name))
	return err == nil
}

// fakeApp responds as an app would; each server gives the same responses unless it is made to give
// others.
func fakeApp(dir, server string, served *atomic.Int64) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served.Add(1)
		w.Header().Set("Content-Type", "text/plain")
		text := "hello"
		if misbehave(dir, server+"-responds-differently") {
			text = "bye"
		}
		if misbehave(dir, server+"-dies-under-load") && served.Load() > 300 {
			os.Exit(9)
		}
		if os.Remove(filepath.Join(dir, server+"-dies-once")) == nil {
			os.Exit(9)
		}
		_, _ = fmt.Fprint(w, text)
	})
}

func serveFake(address string, h http.Handler) int {
	l, err := net.Listen("tcp4", address)
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error: That port is already in use.")
		return 1
	}
	fmt.Fprintln(os.Stderr, http.Serve(l, h))
	return 1
}

func fakePython() int {
	args := os.Args[1:]
	dir, _ := os.Getwd()
	var served atomic.Int64
	switch {
	case len(args) > 1 && args[0] == "-c" && strings.Contains(args[1], "sys.prefix"):
		fmt.Print("3.11.0\n/usr\n/usr\n5.2\n")
		return 0
	case len(args) > 1 && args[0] == "-c" && strings.Contains(args[1], "DATABASES"):
		fmt.Println(`bench:{"databases": 1}`)
		return 0
	case len(args) > 0 && args[0] == "-c":
		return 0
	case slices.Contains(args, "migrate"):
		if misbehave(dir, "migration-is-missing") {
			fmt.Println("shop.0002")
			return 1
		}
		return 0
	case slices.Contains(args, "runserver"):
		switch {
		case misbehave(dir, "import-fails"):
			fmt.Fprintln(os.Stderr, "Traceback (most recent call last):\nModuleNotFoundError: No module named 'mysite'")
			return 1
		case misbehave(dir, "never-ready"):
			time.Sleep(time.Minute) // the test's timeout is shorter
			return 0
		case misbehave(dir, "writes-secrets"):
			fmt.Fprintln(os.Stderr, os.Environ())
		}
		return serveFake(args[len(args)-1], fakeApp(dir, "runserver", &served))
	}
	fmt.Fprintln(os.Stderr, "fake python3: unexpected arguments", args)
	return 2
}

func fakeUWSGI() int {
	switch os.Args[1] {
	case "--version":
		fmt.Println("2.0.31")
		return 0
	case "--plugins-list":
		fmt.Println("0: python\nhttp")
		return 0
	}
	settings := map[string]string{}
	data, err := os.ReadFile(os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for line := range strings.Lines(string(data)) {
		if key, value, found := strings.Cut(line, "="); found {
			settings[strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
	var served atomic.Int64
	stats, err := net.Listen("tcp4", settings["stats"])
	if err != nil {
		fmt.Fprintln(os.Stderr, "bind(): Address already in use")
		return 1
	}
	go func() {
		for {
			c, err := stats.Accept()
			if err != nil {
				return
			}
			_ = json.NewEncoder(c).Encode(map[string]any{"workers": []map[string]any{
				{"id": 1, "pid": os.Getpid(), "requests": served.Load()},
				{"id": 2, "pid": os.Getpid() + 1, "requests": served.Load()},
			}})
			_ = c.Close()
		}
	}()
	return serveFake(settings["http"]+settings["socket"], fakeApp(settings["chdir"], "uwsgi", &served))
}

func fakeNginx() int {
	if os.Args[1] == "-v" {
		fmt.Fprintln(os.Stderr, "nginx version: nginx/1.22.1")
		return 0
	}
	file, err := os.Open("nginx.conf")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer file.Close()
	listen, upstream := regexp.MustCompile(`listen (\S+)`), regexp.MustCompile(`^\s*server (127\S+)`)
	var address string
	var backends []*url.URL
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if m := listen.FindStringSubmatch(lines.Text()); m != nil {
			address = m[1]
		}
		if m := upstream.FindStringSubmatch(lines.Text()); m != nil {
			backends = append(backends, &url.URL{Scheme: "http", Host: m[1]})
		}
	}
	var n atomic.Int64
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(backends[int(n.Add(1))%len(backends)])
	}}
	mux := http.NewServeMux()
	mux.HandleFunc("/_nginx", func(w http.ResponseWriter, _ *http.Request) {
		seen := n.Load()
		_, _ = fmt.Fprintf(w, "Active connections: 1 \nserver accepts handled requests\n %d %d %d \n", seen, seen, seen)
	})
	mux.Handle("/", proxy)
	return serveFake(address, mux)
}
