package http1

import (
	"bytes"
	"math"
)

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
