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

// unfold holds a field back until the next byte shows that it is whole: a line that begins with a blank continues
// the one before it, and becomes a blank and the rest of the line (RFC 9112, section 5.2). It reports
// whether the line is dealt with. Most fields are known to be whole when they are read.
func (p *Parser) unfold(text []byte, whole bool) (done bool, err error) {
	if len(text) > 0 && isBlank(text[0]) {
		if len(p.held) == 0 {
			return true, malformed("header line %.40q, which continues none", text)
		}
		p.held = append(append(p.held, ' '), trim(text)...)
		return true, nil
	}
	if len(text) > 0 && !whole {
		if bytes.IndexByte(text, ':') < 0 {
			return true, malformed("header line %.40q", text)
		}
		p.held = append(p.held, trimRight(text)...)
		return true, nil
	}
	return false, nil
}

// readStatus reads "HTTP/1.1 200 OK".
func (p *Parser) readStatus(text []byte) error {
	const version = "HTTP/1."
	if len(text) < len("HTTP/1.1 200") || string(text[:len(version)]) != version || text[8] != ' ' || !clean(text) {
		return malformed("status line %.40q", text)
	}
	code := text[9:]
	for len(code) > 0 && code[0] == ' ' {
		code = code[1:]
	}
	if len(code) < 3 || len(code) > 3 && code[3] != ' ' {
		return malformed("status line %.40q", text)
	}
	p.Status = 0
	for _, c := range code[:3] {
		if c < '0' || c > '9' {
			return malformed("status line %.40q", text)
		}
		p.Status = 10*p.Status + int(c-'0')
	}
	if minor := text[7]; minor < '0' || minor > '9' || p.Status < 100 {
		return malformed("status line %.40q", text)
	}
	p.http10 = text[7] == '0'
	p.state = fields
	return nil
}

func (p *Parser) readField(text []byte) error {
	colon := 0
	for colon < len(text) && tokenBytes[text[colon]] {
		colon++
	}
	if colon == 0 || colon == len(text) || text[colon] != ':' || !clean(text[colon+1:]) {
		return malformed("header line %.40q", text)
	}
	if p.state == trailers {
		return nil // trailers do not affect framing
	}
	name, value := text[:colon], trim(text[colon+1:])
	switch len(name) {
	case len("Content-Length"):
		if equalFold(name, "content-length") {
			if err := p.readLength(value); err != nil {
				return err
			}
		}
	case len("Transfer-Encoding"):
		if equalFold(name, "transfer-encoding") {
			coding := trimLeft(text[colon+1:]) // net/http does not trim what a blank line continues
			if !p.http10 && (p.encoded || !equalFold(coding, "chunked")) {
				return malformed("transfer coding %.40q, only chunked is supported", coding)
			}
			p.encoded, p.chunked = true, !p.http10
			p.Close = p.Close || p.http10 // its framing is in doubt (RFC 9112, section 6.1)
		}
	case len("Trailer"):
		if equalFold(name, "trailer") {
			p.badTrailer = p.badTrailer || hasToken(value, "content-length") ||
				hasToken(value, "transfer-encoding") || hasToken(value, "trailer")
		}
	case len("Location"):
		if p.Status/100 == 3 && equalFold(name, "location") {
			p.Location = append(p.Location[:0], value...)
		}
	case len("Server-Timing"):
		if equalFold(name, "server-timing") && p.App == 0 {
			p.App = AppTime(value)
		}
	case len("Connection"):
		if equalFold(name, "connection") {
			p.Close = p.Close || hasToken(value, "close")
			p.keepAlive = p.keepAlive || hasToken(value, "keep-alive")
		}
	}
	if p.Field != nil && p.Status >= 200 {
		p.Field(name, value)
	}
	return nil
}

func (p *Parser) readLength(value []byte) error {
	if len(value) == 0 {
		return malformed("an empty Content-Length")
	}
	var n int64
	for _, c := range value {
		if c < '0' || c > '9' || n > (math.MaxInt64-int64(c-'0'))/10 {
			return malformed("Content-Length %.40q", value)
		}
		n = 10*n + int64(c-'0')
	}
	if p.hasLength && (n != p.length || len(value) != p.digits) {
		return malformed("two lengths, %d and %.40q", p.length, value)
	}
	p.hasLength, p.length, p.digits = true, n, len(value)
	return nil
}

// endOfFields decides how long the body is: RFC 9112, section 6.3.
func (p *Parser) endOfFields() error {
	if p.Status < 200 && p.Status != 101 {
		*p = Parser{head: p.head, headBytes: p.headBytes, partial: p.partial, held: p.held, Location: p.Location,
			Field: p.Field}
		return nil
	}
	if p.chunked && p.badTrailer {
		return malformed("a Trailer field that announces a field of framing")
	}
	if p.http10 && !p.keepAlive {
		p.Close = true
	}
	switch {
	case p.Status == 101:
		p.state, p.Close = complete, true // no request of ours asks for another protocol
	case p.head, p.Status == 204, p.Status == 304:
		p.state = complete
	case p.chunked:
		p.state = chunkSize
		p.Close = p.Close || p.hasLength // a sender of both cannot be trusted
	case p.hasLength && p.length == 0:
		p.state = complete
	case p.hasLength:
		p.state = fixedBody
	default:
		p.state, p.Close = closeBody, true
	}
	return nil
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

func hexDigit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// trim trims blanks; bytes.Trim spends more time on its cut set than on the value.
func trim(b []byte) []byte { return trimLeft(trimRight(b)) }

func trimLeft(b []byte) []byte {
	for len(b) > 0 && isBlank(b[0]) {
		b = b[1:]
	}
	return b
}

func trimRight(b []byte) []byte {
	for len(b) > 0 && isBlank(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// equalFold compares with lower-case ASCII text, ignoring case.
func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// hasToken reports whether a comma-separated list contains the lower-case token.
func hasToken(list []byte, token string) bool {
	for len(list) > 0 {
		item := list
		if comma := bytes.IndexByte(list, ','); comma >= 0 {
			item, list = list[:comma], list[comma+1:]
		} else {
			list = nil
		}
		if equalFold(trim(item), token) {
			return true
		}
	}
	return false
}
