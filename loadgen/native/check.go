package native

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"

	"bench/targets"
)

// check is a prepared expectation: it checks a body as it comes, in pieces, without keeping it.
type check struct {
	expect targets.Expect
	length int64  // -1: any
	needle []byte // empty: none
	fail   []int  // Knuth, Morris and Pratt's failure function of the needle
	sum    []byte // nil: any
}

func newCheck(e targets.Expect) check {
	c := check{expect: e, length: -1, needle: []byte(e.Contains)}
	if e.Length != nil {
		c.length = *e.Length
	}
	if e.SHA256 != "" {
		// A sum that is not hexadecimal matches no body, as in targets.Expect.
		if c.sum, _ = hex.DecodeString(strings.ToLower(e.SHA256)); len(c.sum) != sha256.Size {
			c.sum = []byte{}
		}
	}
	c.fail = make([]int, len(c.needle))
	for i, k := 1, 0; i < len(c.needle); i++ {
		for k > 0 && c.needle[i] != c.needle[k] {
			k = c.fail[k-1]
		}
		if c.needle[i] == c.needle[k] {
			k++
		}
		c.fail[i] = k
	}
	return c
}

// body is what a check remembers of the pieces seen so far.
type body struct {
	length  int64
	matched int // bytes of the needle that the pieces so far end with; all of them: found
	hash    hash.Hash
}

func (b *body) reset() { b.length, b.matched = 0, 0 }

func (b *body) add(c *check, piece []byte) {
	if c.sum != nil {
		if b.hash == nil {
			b.hash = sha256.New() // once for each connection
		}
		if b.length == 0 {
			b.hash.Reset()
		}
		b.hash.Write(piece)
	}
	b.length += int64(len(piece))
	if b.matched < len(c.needle) {
		b.search(c, piece)
	}
}

// search goes byte by byte where a match may have started in the previous piece or may end in
// the next one, and leaves the rest to bytes.Contains, which is many times faster.
func (b *body) search(c *check, piece []byte) {
	i := 0
	for ; i < len(piece) && b.matched > 0; i++ {
		if b.step(c, piece[i]) {
			return
		}
	}
	if bytes.Contains(piece[i:], c.needle) {
		b.matched = len(c.needle)
		return
	}
	for i = max(i, len(piece)-len(c.needle)+1); i < len(piece); i++ {
		if b.step(c, piece[i]) {
			return
		}
	}
}

func (b *body) step(c *check, next byte) (found bool) {
	for b.matched > 0 && c.needle[b.matched] != next {
		b.matched = c.fail[b.matched-1]
	}
	if c.needle[b.matched] == next {
		b.matched++
	}
	return b.matched == len(c.needle)
}

// problem says in what the body differs from the expected one.
func (b *body) problem(c *check) string {
	switch {
	case c.length >= 0 && b.length != c.length:
		return fmt.Sprintf("a body of %d bytes; want %d", b.length, c.length)
	case b.matched < len(c.needle):
		return fmt.Sprintf("a body of %d bytes without %q", b.length, c.needle)
	}
	return fmt.Sprintf("a body of %d bytes with another SHA-256", b.length)
}

// ok reports whether the whole body was as expected. The caller provides the space for a sum.
func (b *body) ok(c *check, space []byte) bool {
	if c.length >= 0 && b.length != c.length || b.matched < len(c.needle) {
		return false
	}
	if c.sum == nil {
		return true
	}
	if b.hash == nil {
		b.hash = sha256.New()
	}
	if b.length == 0 {
		b.hash.Reset()
	}
	return bytes.Equal(b.hash.Sum(space[:0]), c.sum)
}
