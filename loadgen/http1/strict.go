package http1

import (
	"encoding/binary"
	"net/http"
	"strings"
)

// Lax says why the parser refuses a response that net/http has read; nil: it does not. What it refuses
// more than net/http does is a status line or a field name that no sender means.
func Lax(r *http.Response) error {
	switch {
	case r.ProtoMajor == 2 && r.TLS != nil:
		return nil // it never was text
	case r.ProtoMajor != 1:
		return malformed("the version %.20q", r.Proto)
	case r.StatusCode < 100 || !clean([]byte(r.Status)) ||
		strings.Trim(r.Status[:min(3, len(r.Status))], "0123456789") != "":
		return malformed("the status %.40q", r.Status)
	}
	for name := range r.Header {
		if !token([]byte(name)) {
			return malformed("the field name %.40q", name)
		}
	}
	return nil
}

// tokenBytes are the bytes of a token (RFC 9110, section 5.6.2).
var tokenBytes = func() (is [256]bool) {
	for c := range is {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		is[c] = letter || '0' <= c && c <= '9' || c < 0x7f && strings.IndexByte("!#$%&'*+-.^_`|~", byte(c)) >= 0
	}
	return is
}()

func token(name []byte) bool {
	for _, c := range name {
		if !tokenBytes[c] {
			return false
		}
	}
	return len(name) > 0
}

// clean reports whether a text has no control bytes but tabs. It looks at eight bytes at a time: a byte
// below 0x20 borrows when that is subtracted; 0x7f becomes zero, which borrows from one.
func clean(text []byte) bool {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	for ; len(text) >= 8; text = text[8:] {
		v := binary.LittleEndian.Uint64(text)
		deleted := v ^ 0x7f*ones
		low, deletes := (v-0x20*ones)&^v, (deleted-ones)&^deleted
		if (low|deletes)&high != 0 && !cleanBytes(text[:8]) {
			return false
		}
	}
	return len(text) == 0 || cleanBytes(text)
}

func cleanBytes(text []byte) bool {
	for _, c := range text {
		if controlBytes[c] {
			return false
		}
	}
	return true
}

// controlBytes are the bytes that no field value has.
var controlBytes = func() (is [256]bool) {
	for c := range is {
		is[c] = c < ' ' && c != '\t' || c == 0x7f
	}
	return is
}()
