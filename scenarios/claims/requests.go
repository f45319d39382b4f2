package claims

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"bench/results"
	"bench/scenarios"
	"bench/targets"
)

// requestFile is one of the requests of a step of the kind requests as YAML: a check.
type requestFile struct {
	Name    string            `yaml:"name"`
	Method  string            `yaml:"method"` // default: GET
	Path    string            `yaml:"path"`
	Headers map[string]string `yaml:"headers"` // {NAME.Header} stands for a header of an earlier response
	Body    string            `yaml:"body"`
	Expect  expectFile        `yaml:"expect"`
}

// expectFile is what makes a check pass, in addition to what any target may expect.
type expectFile struct {
	targets.Expect `yaml:",inline"`
	Headers        map[string]string `yaml:"headers"` // a regular expression for each
	Absent         []string          `yaml:"absent"`  // headers that it must not have
}

// requests sends requests one after another, and checks each response.
type requests []check

// check is a request and what its response has to have.
type check struct {
	requestFile
	headers map[string]*regexp.Regexp
}

// earlier is the place of a header of an earlier response.
var earlier = regexp.MustCompile(`\{([\w.-]+)\.([\w-]+)\}`)

// headerName is the name of a header, as HTTP has it.
var headerName = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

func readRequests(r *reader, key string, s stepFile) (Doer, error) {
	if s.Requests == nil {
		return nil, nil
	}
	if len(s.Requests) == 0 {
		return nil, r.errorf(key, "there are none: want at least one request with what its response has to have")
	}
	var list requests
	for i, f := range s.Requests {
		c, err := r.check(fmt.Sprintf("%s[%d]", key, i), f, list)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, nil
}

func (r *reader) check(key string, f requestFile, before requests) (c check, err error) {
	if f.Name == "" || f.Name != results.FileName(f.Name) {
		return c, r.errorf(key+".name", "%q: want letters, digits, dots and dashes", f.Name)
	}
	if slices.Contains(before.Checks(), f.Name) {
		return c, r.errorf(key+".name", "%s is the name of two checks", f.Name)
	}
	if !strings.HasPrefix(f.Path, "/") {
		return c, r.errorf(key+".path", "%q: want a path that begins with a slash", f.Path)
	}
	if f.Method == "" {
		f.Method = http.MethodGet
	}
	if _, err := http.NewRequest(f.Method, "http://localhost"+f.Path, nil); err != nil {
		return c, r.errorf(key, "%v", err)
	}
	c = check{requestFile: f, headers: map[string]*regexp.Regexp{}}
	for _, name := range slices.Sorted(maps.Keys(f.Headers)) {
		if !headerName.MatchString(name) || strings.ContainsAny(f.Headers[name], "\r\n\x00") {
			return c, r.errorf(key+".headers", "%q: %q: want a header's name, and a value of one line", name, f.Headers[name])
		}
		for _, m := range earlier.FindAllStringSubmatch(f.Headers[name], -1) {
			if !slices.Contains(before.Checks(), m[1]) {
				return c, r.errorf(key+".headers."+name, "{%s.%s}: %s is not an earlier check", m[1], m[2], m[1])
			}
		}
	}
	for name, pattern := range f.Expect.Headers {
		if c.headers[name], err = regexp.Compile(pattern); err != nil {
			return c, r.errorf(key+".expect.headers."+name, "%v", err)
		}
	}
	return c, nil
}

// Checks are the names of the checks.
func (l requests) Checks() (names []string) {
	for _, c := range l {
		names = append(names, c.Name)
	}
	return names
}

// About is part of Doer.
func (l requests) About() string { return "requests checked: " + strings.Join(l.Checks(), ", ") }

// Lasts is part of Doer.
func (l requests) Lasts(float64) time.Duration {
	const each = 10 * time.Millisecond
	return time.Duration(len(l)) * each
}

// Scenarios is part of Doer.
func (l requests) Scenarios() []scenarios.Scenario { return nil }

// on is part of sender.
func (l requests) on(scenarios.Scenario) (Doer, bool) { return l, true }

// Do is part of Doer.
func (l requests) Do(ctx context.Context, v *scenarios.Visited, on Occasion) (seen Seen, err error) {
	client := v.Runner.Client()
	answers := map[string]http.Header{}
	for _, c := range l {
		header, problem := c.ask(ctx, client, v.Cluster.URL(), on.Host, answers)
		if err := ctx.Err(); err != nil {
			return seen, err
		}
		answers[c.Name] = header
		seen.Checks = append(seen.Checks, Check{Name: c.Name, Passed: problem == "", Saw: problem})
	}
	return seen, nil
}

// mostBody is how much of a response's body is read.
const mostBody = 64 << 20

// ask sends the request, and returns the response's headers and what it lacks.
func (c check) ask(ctx context.Context, client *http.Client, url, host string, before map[string]http.Header) (
	header http.Header, problem string,
) {
	request, err := http.NewRequestWithContext(ctx, c.Method, url+c.Path, strings.NewReader(c.Body))
	if err != nil {
		return nil, err.Error()
	}
	for name, value := range c.requestFile.Headers {
		request.Header.Set(name, earlier.ReplaceAllStringFunc(value, func(place string) string {
			m := earlier.FindStringSubmatch(place)
			return before[m[1]].Get(m[2])
		}))
	}
	request.Host = host
	if own := request.Header.Get("Host"); own != "" {
		request.Host = own
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, mostBody))
	if err != nil {
		return response.Header, "reading the body: " + err.Error()
	}
	return response.Header, c.problem(response, body)
}

// problem is what a response lacks; empty: nothing.
func (c check) problem(response *http.Response, body []byte) string {
	if !c.Expect.StatusOK(response.StatusCode) {
		return fmt.Sprintf("status %d", response.StatusCode)
	}
	if !c.Expect.BodyOK(body) {
		return c.Expect.Problem(body)
	}
	for _, name := range slices.Sorted(maps.Keys(c.headers)) {
		if value := response.Header.Get(name); !c.headers[name].MatchString(value) {
			return fmt.Sprintf("%s: %q", name, value)
		}
	}
	for _, name := range c.Expect.Absent {
		if value := response.Header.Get(name); value != "" {
			return fmt.Sprintf("%s: %q", name, value)
		}
	}
	return ""
}
