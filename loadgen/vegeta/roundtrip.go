package vegeta

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"sync/atomic"
	"time"

	"bench/loadgen"
	"bench/loadgen/http1"
	"bench/results"
	"bench/targets"
)

// RoundTrip sends one request, reads the whole response and records the outcome. The response
// that vegeta sees has no body.
func (r *run) RoundTrip(req *http.Request) (*http.Response, error) {
	n, err := strconv.ParseUint(req.URL.Fragment, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("request without its number: %w", err)
	}
	ctx, cancel := context.WithTimeout(r.ctx, r.plan.Timeout)
	defer cancel()
	ctx, refuse := context.WithCancelCause(ctx)
	defer refuse(nil)
	// net/http may still call these when a request has timed out.
	var firstByte, tries atomic.Int64
	var conn atomic.Pointer[watched]
	under := &exchange{
		sent: time.Now(), head: req.Method == http.MethodHead, fastest: &r.fastest[r.plan.Mix.Index(n)], cancel: refuse,
	}
	trace := &httptrace.ClientTrace{
		GotConn:              func(got httptrace.GotConnInfo) { tries.Add(1); conn.Store(under.carry(got)) },
		GotFirstResponseByte: func() { firstByte.Store(int64(time.Since(r.start))) },
	}
	req = req.WithContext(httptrace.WithClientTrace(ctx, trace))
	req.Header.Del("X-Vegeta-Seq")
	if _, given := req.Header["User-Agent"]; !given {
		req.Header["User-Agent"] = []string{loadgen.UserAgent}
	}

	r.inFlight.Add(1)
	sent := time.Now()
	got := r.send(req, &r.plan.Mix.At(n).Expect)
	r.inFlight.Add(-1)
	under.judge(&got, conn.Load())
	if got.class == results.OK {
		under.answered(got.end.Sub(sent))
	}
	sample := r.sample(n, got)
	sample.Sent, sample.FirstByte = sent.Sub(r.start), time.Duration(firstByte.Load())
	r.record(n, sample, got.why, tries.Load()-1)
	response := got.response
	if response == nil {
		response = &http.Response{Status: got.class.String(), Header: http.Header{}, Request: req}
	}
	response.Body = http.NoBody
	return response, nil
}

// judge takes into account what was seen on the connection of a request.
func (e *exchange) judge(got *outcome, conn *watched) {
	early := e.early.Load()
	if conn != nil {
		conn.on.CompareAndSwap(e, nil)
		early = early || conn.early.Load()
	}
	switch {
	case early:
		got.class, got.why = results.BadBody, errUnasked.Error()
	case got.class == results.BadBody && got.response == nil && e.cut.Load():
		got.class, got.why = results.Reset, errCut.Error()
	}
}

// sample is what the outcome of request n says.
func (r *run) sample(n uint64, got outcome) loadgen.Sample {
	sample := loadgen.Sample{Target: r.plan.Mix.Index(n), End: got.end.Sub(r.start), Class: got.class}
	if got.response == nil {
		return sample
	}
	sample.Status = uint16(got.response.StatusCode)
	for _, value := range got.response.Header["Server-Timing"] {
		if sample.App == 0 {
			sample.App = http1.AppTime([]byte(value))
		}
	}
	return sample
}

// record records request n, and how often it was sent again.
func (r *run) record(n uint64, sample loadgen.Sample, why string, again int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	sample.Due = sample.Sent
	if r.plan.Mode == loadgen.Open {
		sample.Due = r.recording.Due(n)
	}
	if r.shard.Record(sample) {
		r.shard.Explain(sample, why)
	}
	for range again {
		r.shard.StaleRetry(sample.Target)
	}
}

// send performs the request and classifies its end. It returns no truncated response. The end
// is when the body has been read: checking it is the generator's own time.
func (r *run) send(req *http.Request, expect *targets.Expect) outcome {
	response, err := r.base.RoundTrip(req)
	if err != nil {
		return r.failed(err)
	}
	defer response.Body.Close()
	if err := http1.Lax(response); err != nil {
		return r.failed(err)
	}
	expected := expect.StatusOK(response.StatusCode)
	var body []byte
	switch {
	case response.StatusCode == http.StatusSwitchingProtocols:
		// What follows is another protocol, which may never end; no request of ours asks for one.
	case expected && expect.NeedsBody():
		body, err = io.ReadAll(io.LimitReader(response.Body, maxChecked+1))
	default:
		_, err = io.Copy(io.Discard, response.Body)
	}
	if err != nil {
		return r.failed(err)
	}
	got := outcome{response: response, end: time.Now()}
	switch {
	case !expected:
		got.class = results.HTTPError
	case expect.NeedsBody() && len(body) > maxChecked:
		got.class, got.why = results.BadBody, fmt.Sprintf("a body of more than %d MiB", maxChecked>>20)
	case expect.NeedsBody() && !expect.BodyOK(body):
		got.class, got.why = results.BadBody, expect.Problem(body)
	}
	if to := response.Header.Get("Location"); to != "" && response.StatusCode/100 == 3 && got.why == "" {
		got.why = "to " + to
	}
	return got
}
