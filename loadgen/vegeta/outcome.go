package vegeta

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"bench/loadgen"
	"bench/results"
)

// outcome is how a request ended: with a complete response, or with none.
type outcome struct {
	response *http.Response
	end      time.Time
	class    results.Class
	why      string
}

func (r *run) failed(err error) outcome {
	got := outcome{end: time.Now(), class: r.classify(err)}
	if got.class == results.Timeout {
		got.why = fmt.Sprintf("no complete response within %v", r.plan.Timeout)
		return got
	}
	// The operating system's words, without the addresses around them.
	var op *net.OpError
	for errors.As(err, &op) && op.Err != nil {
		err = op.Err
		if errors.As(err, new(*tls.CertificateVerificationError)) {
			break
		}
	}
	var call *os.SyscallError
	if errors.As(err, &call) {
		err = call.Err
	}
	got.why = err.Error()
	return got
}

// maxChecked limits the memory for checking one body.
const maxChecked = 64 << 20

func (r *run) classify(err error) results.Class {
	var op *net.OpError
	var timeout net.Error
	var untrusted *tls.CertificateVerificationError
	var notTLS tls.RecordHeaderError
	switch {
	case r.ctx.Err() != nil:
		return results.InFlight
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return results.Timeout
	case errors.As(err, &op) && op.Op == "dial", errors.Is(err, loadgen.ErrRefused):
		if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.EADDRNOTAVAIL) {
			r.mu.Lock()
			r.shard.Limited()
			r.mu.Unlock()
		}
		return results.ConnectError
	case errors.As(err, &untrusted), errors.As(err, &notTLS):
		return results.ConnectError
	case errors.Is(err, errDropped), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return results.Reset
	}
	return results.BadBody // a response that is not HTTP
}
