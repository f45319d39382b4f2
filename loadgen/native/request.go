package native

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"

	"bench/loadgen"
	"bench/targets"
)

// request is a target made ready: the bytes to send and the check of the answer.
type request struct {
	target int // index into the mix's targets
	bytes  []byte
	head   bool
	// again tells that the request may be sent a second time when a reused connection
	// turns out to be closed (RFC 9110, section 9.2.2).
	again bool
	check check
}

// prepare makes the requests of a plan.
func prepare(p loadgen.Plan) ([]request, error) {
	all := make([]request, len(p.Mix.Targets))
	for i := range p.Mix.Targets {
		r, err := newRequest(p, &p.Mix.Targets[i])
		if err != nil {
			return nil, fmt.Errorf("target %s: %w", p.Mix.Targets[i].Name, err)
		}
		r.target = i
		all[i] = r
	}
	return all, nil
}

func newRequest(p loadgen.Plan, t *targets.Target) (request, error) {
	h, err := http.NewRequest(t.Method, p.URL+t.Path, bytes.NewReader(t.Body))
	if err != nil {
		return request{}, err
	}
	h.Header = t.Header.Clone()
	if h.Header == nil {
		h.Header = http.Header{}
	}
	if host := h.Header.Get("Host"); host != "" {
		h.Host = host
	}
	if h.Header.Get("User-Agent") == "" {
		h.Header.Set("User-Agent", "bench")
	}
	h.Close = p.Conns.New
	var out bytes.Buffer
	if err := h.Write(&out); err != nil {
		return request{}, err
	}
	return request{
		bytes: slices.Clip(out.Bytes()),
		head:  t.Method == http.MethodHead,
		again: slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace}, t.Method),
		check: newCheck(t.Expect),
	}, nil
}
