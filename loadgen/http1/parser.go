// Package http1 reads HTTP/1.x responses (RFC 9112) as they come from the network, in
// pieces of any size, without copying bodies and without allocating per response.
//
// It accepts only what net/http reads as the same response; where it is stricter still, Lax says of
// a response that net/http read what this package refuses, so that two engines can agree.
package http1

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"time"
)

// Parser reads one response at a time. The zero value is ready to use; Reset prepares it for the
// next response on the same connection.
type Parser struct {
	// Status is the status code, once the status line has been read.
	Status int
	// Close reports, when the response is complete, that the connection cannot be used again.
	Close bool
	// Location is that field of a redirect, until the next Reset.
	Location []byte
	// App is how long the app worked on the response, if a Server-Timing field says so: see AppTime.
	App time.Duration
	// Field, unless nil, is called for each header field of the final response, not for
	// trailers. The slices are valid only during the call.
	Field func(name, value []byte)

	state      state
	head       bool // the response to a HEAD request, which has no body
	http10     bool
	keepAlive  bool // HTTP/1.0 only
	chunked    bool
	encoded    bool // there was a Transfer-Encoding field
	hasLength  bool
	digits     int   // of the length
	length     int64 // of the body; then what remains of it, or of the chunk
	badTrailer bool  // a Trailer field announces a field of framing
	headBytes  int   // of header fields and trailers so far
	excess     int64 // bytes of chunked coding that are not data
	partial    []byte
	held       []byte // a field that the next line may continue
}

type state uint8

const (
	statusLine state = iota
	fields
	fixedBody
	closeBody // until the connection closes
	chunkSize
	chunkData
	chunkEnd // the CRLF after a chunk's data
	trailers
	complete
)

// Limits that no sensible server reaches; they bound the memory of one response.
const (
	MaxHead   = 256 << 10 // status line, header fields and trailers together
	maxChunk  = 4000      // a chunk-size line with its extensions
	maxExcess = 16 << 10  // what chunked coding may cost beyond 16 bytes and the data's size per chunk
	keptLine  = 4 << 10   // a line buffer that grew larger is not kept for the next response
)

// ErrMalformed marks bytes that are not an HTTP/1.x response. After it, nothing on the
// connection can be trusted.
var ErrMalformed = errors.New("malformed HTTP response")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
}

var (
	errHead  = malformed("a header of more than %d bytes, interim responses included", MaxHead)
	errChunk = malformed("a chunk line of more than %d bytes", maxChunk)
)

// Reset prepares the parser for the response to the next request; head says whether that is a
// HEAD request.
func (p *Parser) Reset(head bool) {
	partial := p.partial[:0]
	if cap(partial) > keptLine {
		partial = nil
	}
	held := p.held[:0]
	if cap(held) > keptLine {
		held = nil
	}
	*p = Parser{head: head, partial: partial, held: held, Location: p.Location[:0], Field: p.Field}
}

// Complete reports whether the whole response has been read.
func (p *Parser) Complete() bool { return p.state == complete }

// Next continues reading with data. It returns the next piece of the body, which may be empty,
// and the remaining data; call it again until that is empty or the response is complete. Both
// are slices of data.
func (p *Parser) Next(data []byte) (body, rest []byte, err error) {
	for len(data) > 0 && p.state != complete {
		switch p.state {
		case fixedBody, chunkData:
			n := min(int64(len(data)), p.length)
			p.length -= n
			switch {
			case p.length > 0:
			case p.state == fixedBody:
				p.state = complete
			default:
				p.state = chunkEnd
			}
			return data[:n], data[n:], nil
		case closeBody:
			return data, nil, nil
		}
		if len(p.held) > 0 && len(p.partial) == 0 && !isBlank(data[0]) {
			field := p.held
			p.held = p.held[:0]
			if err := p.readField(field); err != nil {
				return nil, nil, err
			}
		}
		line, rest, err := p.line(data)
		if err != nil {
			return nil, nil, err
		}
		data = rest
		if line == nil {
			break
		}
		if err := p.readLine(line, len(rest) > 0 && !isBlank(rest[0])); err != nil {
			return nil, nil, err
		}
		p.partial = p.partial[:0]
	}
	return nil, data, nil
}

// End says that the connection has closed. It reports whether that properly ended the response:
// only a body without a length ends that way.
func (p *Parser) End() bool {
	if p.state == closeBody {
		p.state = complete
	}
	return p.state == complete
}

// line cuts the next line, with its line feed, off data. If the line is incomplete, it returns
// none and keeps what there is.
func (p *Parser) line(data []byte) (line, rest []byte, err error) {
	limit, tooLong := MaxHead-p.headBytes, errHead
	if p.state == chunkSize || p.state == chunkEnd {
		limit, tooLong = maxChunk, errChunk
	}
	end := bytes.IndexByte(data, '\n')
	if end < 0 {
		if len(p.partial)+len(data) > limit {
			return nil, nil, tooLong
		}
		p.partial = append(p.partial, data...)
		return nil, nil, nil
	}
	line, rest = data[:end+1], data[end+1:]
	if len(p.partial) > 0 {
		p.partial = append(p.partial, line...)
		line = p.partial
	}
	if len(line) > limit {
		return nil, nil, tooLong
	}
	return line, rest, nil
}

// readLine reads a line. Whole means that the next one does not continue it, as far as that is known.
func (p *Parser) readLine(line []byte, whole bool) error {
	cut := len(line) - 1 // without the line feed
	carriage := cut > 0 && line[cut-1] == '\r'
	if carriage {
		cut--
	}
	text := line[:cut]
	switch p.state {
	case chunkSize, chunkEnd, trailers:
		// A bare line feed here has been used to smuggle requests (CVE-2025-22871).
		if !carriage || bytes.IndexByte(text, '\r') >= 0 {
			return malformed("a line of chunked coding that does not end in a single CR LF")
		}
	}
	switch p.state {
	case chunkSize:
		return p.readChunkSize(text, len(line))
	case chunkEnd:
		if len(text) != 0 {
			return malformed("a chunk longer than its size")
		}
		p.state = chunkSize
		return nil
	}
	p.headBytes += len(line)
	if p.state == statusLine {
		return p.readStatus(text)
	}
	if done, err := p.unfold(text, whole); done || err != nil {
		return err
	}
	switch {
	case len(text) > 0:
		return p.readField(trimRight(text))
	case p.state == trailers:
		p.state = complete
		return nil
	}
	return p.endOfFields()
}

func (p *Parser) readChunkSize(text []byte, lineBytes int) error {
	size, digits := int64(0), 0
	for _, c := range text {
		digit, is := hexDigit(c)
		if !is {
			break
		}
		if size > math.MaxInt64>>4 {
			size = math.MaxInt64 // as good as any: no such chunk ever ends
		} else {
			size = size<<4 | int64(digit)
		}
		if digits++; digits > 16 {
			return malformed("chunk size %.40q", text)
		}
	}
	after := text[digits:]
	if digits == 0 || len(after) > 0 && after[0] != ';' && len(trim(after)) > 0 {
		return malformed("chunk size %.40q", text)
	}
	// Many small chunks with long extensions are an old way to keep a reader busy
	// (CVE-2023-39326).
	p.excess = max(0, p.excess+int64(lineBytes)+2-16-2*min(size, 1<<40))
	if p.excess > maxExcess {
		return malformed("chunked coding with more than %d bytes that are not data", maxExcess)
	}
	p.length, p.state = size, chunkData
	if size == 0 {
		p.state = trailers
	}
	return nil
}
