package scenarios

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Two topologies do the same work if they give the same responses, apart from what one of them does not
// give twice: a clock, a nonce, a row drawn at random. Each is asked several times, and where its own
// responses differ, those of the other may as well.

// cuts take a body apart, first into lines, then into what ends in a mark of HTML or JSON, then into
// words. Texts that have equally many parts are compared part by part.
var cuts = []func([]byte) [][]byte{
	func(text []byte) [][]byte { return bytes.SplitAfter(text, []byte("\n")) },
	func(text []byte) [][]byte { return marks.FindAll(text, -1) },
	func(text []byte) [][]byte { return words.FindAll(text, -1) },
}

var (
	marks = regexp.MustCompile(`[^>,]+[>,]*|[>,]+`)
	words = regexp.MustCompile(`[\w.+/=%~-]+(:\d+)*|[^\w.+/=%~-]+`) // a time of day is one
)

// disagree returns where the texts of one set differ from those of the other, as an offset into the
// first of them; -1: only where the texts of one set differ from each other.
func disagree(one, other [][]byte) int { return disagreeAt(one, other, 0) }

func disagreeAt(one, other [][]byte, level int) int {
	if all := slices.Concat(one, other); equal(all) {
		return -1
	}
	if level == len(cuts) {
		if !equal(one) || !equal(other) {
			return -1
		}
		return prefix(other[0], one[0])
	}
	parts, same := split(one, other, level)
	if !same {
		return outsideOwn(one, other)
	}
	offset := 0
	for i := range parts[len(one)] {
		var a, b [][]byte
		for j, of := range parts {
			if j < len(one) {
				a = append(a, of[i])
			} else {
				b = append(b, of[i])
			}
		}
		if at := disagreeAt(a, b, level+1); at >= 0 {
			return offset + at
		}
		offset += len(b[0])
	}
	return -1
}

// split takes all texts apart, and reports whether they have equally many parts.
func split(one, other [][]byte, level int) (parts [][][]byte, same bool) {
	for _, text := range slices.Concat(one, other) {
		parts = append(parts, cuts[level](text))
	}
	return parts, !slices.ContainsFunc(parts, func(p [][]byte) bool { return len(p) != len(parts[0]) })
}

// outsideOwn is disagree for texts of different shape: what one set has in common at the start and at the
// end of its texts, the other has to have as well.
func outsideOwn(one, other [][]byte) int {
	shared, start := prefix(slices.Concat(one, other)...), len(other[0])
	sharedEnd, end := suffix(slices.Concat(one, other)...), len(other[0])
	for _, set := range [][][]byte{one, other} {
		if !equal(set) {
			start, end = min(start, prefix(set...)), min(end, suffix(set...))
		}
	}
	varies := !equal(one) || !equal(other)
	if varies && shared >= start && sharedEnd >= end {
		return -1
	}
	return shared
}

func equal(texts [][]byte) bool {
	return !slices.ContainsFunc(texts, func(t []byte) bool { return !bytes.Equal(t, texts[0]) })
}

// prefix is the length of what all texts start with.
func prefix(texts ...[]byte) int {
	n := len(texts[0])
	for _, t := range texts[1:] {
		n = min(n, len(t))
		for i := range n {
			if t[i] != texts[0][i] {
				n = i
				break
			}
		}
	}
	return n
}

// suffix is the length of what all texts end with.
func suffix(texts ...[]byte) int {
	n := len(texts[0])
	for _, t := range texts[1:] {
		n = min(n, len(t))
		for i := range n {
			if t[len(t)-1-i] != texts[0][len(texts[0])-1-i] {
				n = i
				break
			}
		}
	}
	return n
}

// around quotes a text from a little before an offset.
func around(text []byte, at int) string {
	const before, after = 16, 32
	from, to := max(0, at-before), min(len(text), at+after)
	quoted := fmt.Sprintf("%q", text[from:to])
	if from > 0 {
		quoted = `"…` + quoted[1:]
	}
	if to < len(text) {
		quoted = quoted[:len(quoted)-1] + `…"`
	}
	return quoted
}

// server stands for a server's own address in its responses.
const server = "SERVER"

// withoutAddress replaces a server's own address in a text, however it is written: as it stands, with the
// colon escaped, and its port alone.
func withoutAddress(text []byte, address string) []byte {
	host, port, found := strings.Cut(address, ":")
	if !found || !bytes.Contains(text, []byte(port)) {
		return text
	}
	own := regexp.MustCompile(`((` + regexp.QuoteMeta(host) + `|localhost)(:|%3[aA])|\b)` +
		regexp.QuoteMeta(port) + `\b`)
	return own.ReplaceAll(text, []byte(server))
}
