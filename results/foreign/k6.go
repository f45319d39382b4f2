package foreign

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"bench/results"
)

func k6Begins(head []byte) bool {
	line := firstLine(head)
	return bytes.HasPrefix(line, []byte("{")) && bytes.Contains(line, []byte(`"metric":`)) &&
		(bytes.Contains(line, []byte(`"type":"Metric"`)) || bytes.Contains(line, []byte(`"type":"Point"`)))
}

func k6SummaryBegins(head []byte) bool {
	return bytes.HasPrefix(firstLine(head), []byte("{")) && bytes.Contains(head, []byte(`"metrics"`)) &&
		bytes.Contains(head, []byte(`"http_req`))
}

func refuseK6Summary(io.Reader, Options) (*Result, error) {
	return nil, errors.New("a summary of k6 has a few percentiles and no distribution: run k6 with --out json=FILE")
}

// k6Point is a line of k6's JSON output: a sample of a metric.
type k6Point struct {
	Metric string `json:"metric"`
	Type   string `json:"type"`
	Data   struct {
		Time  time.Time         `json:"time"`
		Value float64           `json:"value"` // of a duration in milliseconds
		Tags  map[string]string `json:"tags"`
	} `json:"data"`
}

func readK6(r io.Reader, _ Options) (*Result, error) {
	rec := newRecorder()
	var pending k6Request
	dropped := 0.0
	err := lines(r, func(line []byte) error {
		var p k6Point
		if err := json.Unmarshal(line, &p); err != nil {
			return err
		}
		if p.Type != "Point" {
			return nil
		}
		if p.Metric == "dropped_iterations" {
			dropped += p.Data.Value
			return nil
		}
		return pending.add(p, rec)
	})
	if err == nil {
		err = pending.flush(rec)
	}
	out := rec.result("k6")
	out.Missing = append(out.Missing, fromSending, results.Diagnostic{Code: "without-connecting",
		Message: "k6's http_req_duration leaves out the wait for a free connection and the time to open one",
	}, unknownArrivals)
	if dropped > 0 {
		out.Missing = append(out.Missing, results.Diagnostic{Code: "dropped-iterations",
			Message: fmt.Sprintf("k6 dropped %.0f iterations that were due: it had no virtual user left for them, and none of "+
				"their requests is in any figure", dropped),
			Hint: "Give it more maxVUs.",
		})
	}
	return out, err
}

// k6Request gathers the samples of one request, which k6 writes one after the other with the same time.
type k6Request struct {
	open    bool
	request request
	end     time.Time
}

func (k *k6Request) add(p k6Point, rec *recorder) error {
	took := time.Duration(p.Data.Value * float64(time.Millisecond))
	switch p.Metric {
	case "http_req_duration":
		if err := k.flush(rec); err != nil {
			return err
		}
		if !(p.Data.Value >= 0 && p.Data.Value < 1e12) {
			return fmt.Errorf("a request that took %g ms: that is impossible", p.Data.Value)
		}
		k.open, k.end, k.request = true, p.Data.Time, fromK6(p, took)
	case "http_req_connecting":
		if k.open && p.Data.Time.Equal(k.end) && p.Data.Value > 0 {
			k.request.connect = took
		}
	case "http_req_waiting":
		if k.open && p.Data.Time.Equal(k.end) && p.Data.Value >= 0 {
			k.request.firstByte, k.request.hasFirstByte = took, true
		}
	}
	return nil
}

// flush adds the request whose samples are complete.
func (k *k6Request) flush(rec *recorder) error {
	if !k.open {
		return nil
	}
	k.open = false
	return rec.add(k.request)
}

// fromK6 is a request of k6. Its sample has the time of its end.
func fromK6(p k6Point, took time.Duration) request {
	tags := p.Data.Tags
	q := request{
		sent: p.Data.Time.Add(-took), took: took, method: tags["method"], url: tags["url"], name: tags["name"],
		reason: firstWords(tags["error"]),
	}
	q.status, _ = strconv.Atoi(tags["status"]) // 0: no response
	code, _ := strconv.Atoi(tags["error_code"])
	switch expected := tags["expected_response"]; {
	case expected == "true" || expected == "" && code == 0 && q.status >= 200 && q.status < 400:
		q.class = results.OK
	case q.status > 0:
		q.class = results.HTTPError
	case code == 1050 || code == 1211: // the request's and the dial's time limit, in k6's list of error codes
		q.class = results.Timeout
	case code >= 1100 && code < 1220 || code >= 1300 && code < 1400: // names, dialling, TLS
		q.class = results.ConnectError
	default:
		q.class = failureOf(tags["error"])
	}
	if q.status < 100 || q.status > 999 {
		q.status = 0
	}
	return q
}
