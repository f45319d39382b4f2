package foreign

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"

	"bench/results"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

func vegetaJSONBegins(head []byte) bool {
	line := firstLine(head)
	return bytes.HasPrefix(line, []byte("{")) && bytes.Contains(line, []byte(`"latency":`)) &&
		bytes.Contains(line, []byte(`"timestamp":`)) && bytes.Contains(line, []byte(`"code":`))
}

func vegetaCSVBegins(head []byte) bool {
	fields := bytes.Split(firstLine(head), []byte(","))
	return len(fields) >= 12 && isDigits(fields[0]) && isDigits(fields[1]) && isDigits(fields[2])
}

func isDigits(b []byte) bool {
	return len(b) > 0 && bytes.Trim(b, "0123456789") == nil
}

// A stream of gob begins with a definition: a length, and a negative number of a type. It names the type,
// which is vegeta's.
func vegetaGobBegins(head []byte) bool {
	return bytes.Contains(head[:min(512, len(head))], []byte("Result"))
}

func readVegetaJSON(r io.Reader, _ Options) (*Result, error) {
	rec := newRecorder()
	err := lines(r, func(line []byte) error {
		var one vegeta.Result
		if err := vegeta.NewJSONDecoder(bytes.NewReader(append(line, '\n'))).Decode(&one); err != nil {
			return err
		}
		return rec.add(fromVegeta(one))
	})
	return vegetaResult(rec), err
}

func readVegetaCSV(r io.Reader, _ Options) (*Result, error) {
	rec := newRecorder()
	decode := vegeta.NewCSVDecoder(&lineLimit{r: r})
	for {
		var one vegeta.Result
		err := decode(&one)
		if errors.Is(err, io.EOF) {
			return vegetaResult(rec), nil
		}
		if parse := (*csv.ParseError)(nil); errors.As(err, &parse) {
			return nil, err // it names the line
		}
		if err == nil {
			err = rec.add(fromVegeta(one))
		}
		if err != nil {
			return nil, fmt.Errorf("request %d: %w", rec.counts.Intended+1, err)
		}
	}
}

// readVegetaGob reads vegeta's own form. Messages are checked to be small before the decoder sees them:
// it would take the memory that they announce.
func readVegetaGob(r io.Reader, _ Options) (res *Result, err error) {
	defer func() {
		if broken := recover(); broken != nil { // the decoder is not made for files of strangers
			res, err = nil, fmt.Errorf("not a result of vegeta: %v", broken)
		}
	}()
	rec := newRecorder()
	decode := vegeta.NewDecoder(&gobMessages{r: r})
	for {
		var one vegeta.Result
		err := decode(&one)
		if errors.Is(err, io.EOF) {
			return vegetaResult(rec), nil
		}
		if err == nil {
			err = rec.add(fromVegeta(one))
		}
		if err != nil {
			return nil, fmt.Errorf("request %d: %w", rec.counts.Intended+1, err)
		}
	}
}

func vegetaResult(rec *recorder) *Result {
	out := rec.result("vegeta")
	out.Missing = append(out.Missing, fromSending, unknownArrivals)
	return out
}

// fromVegeta is a request of vegeta, for which a status from 200 to 399 is a success.
func fromVegeta(v vegeta.Result) request {
	q := request{
		sent: v.Timestamp, took: v.Latency, status: int(v.Code), method: v.Method, url: v.URL, reason: firstWords(v.Error),
	}
	switch {
	case v.Code >= 200 && v.Code < 400:
		q.class = results.OK
	case v.Code > 0:
		q.class = results.HTTPError
	default:
		q.class = failureOf(v.Error)
	}
	return q
}

// failureOf is the class of a failure without a response, by what net/http says about it.
func failureOf(text string) results.Class {
	text = strings.ToLower(text)
	for _, row := range []struct {
		word  string
		class results.Class
	}{
		{"timeout", results.Timeout}, {"deadline exceeded", results.Timeout}, {"timed out", results.Timeout},
		{"dial", results.ConnectError}, {"refused", results.ConnectError}, {"lookup", results.ConnectError},
		{"tls", results.ConnectError}, {"certificate", results.ConnectError},
	} {
		if strings.Contains(text, row.word) {
			return row.class
		}
	}
	return results.Reset
}

// firstWords is an error without the ports and the bodies in which equal ones differ.
func firstWords(text string) string {
	if _, after, found := strings.Cut(text, "->"); found { // 127.0.0.1:1->127.0.0.1:2: read: …
		if _, what, is := strings.Cut(after, ": "); is {
			text = what
		}
	}
	const most = 120
	return strings.ToValidUTF8(text[:min(most, len(text))], "")
}

// lineLimit refuses lines that no result has.
type lineLimit struct {
	r       io.Reader
	without int // bytes without the end of a line
}

const longestLine = 32 << 20

func (l *lineLimit) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if at := bytes.LastIndexByte(p[:n], '\n'); at >= 0 {
		l.without = n - at - 1
	} else if l.without += n; l.without > longestLine {
		return 0, fmt.Errorf("a line of more than %d MiB", longestLine>>20)
	}
	return n, err
}

// gobMessages passes on a stream of gob whose messages are of a size that results have.
type gobMessages struct {
	r    io.Reader
	left uint64 // of the message under way
}

const longestMessage = 16 << 20

func (g *gobMessages) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if g.left == 0 {
		return g.length(p)
	}
	n, err := g.r.Read(p[:min(uint64(len(p)), g.left)])
	g.left -= uint64(n)
	return n, err
}

// length reads a message's length, and passes it on: a byte below 128, or the negated number of the bytes
// that follow.
func (g *gobMessages) length(p []byte) (int, error) {
	var buffer [9]byte
	if _, err := io.ReadFull(g.r, buffer[:1]); err != nil {
		return 0, err
	}
	size := 1
	g.left = uint64(buffer[0])
	if buffer[0] >= 0x80 {
		n := int(-int8(buffer[0]))
		if n > 8 || n+1 > len(p) {
			return 0, errors.New("the length of a message is not one")
		}
		if _, err := io.ReadFull(g.r, buffer[1:1+n]); err != nil {
			return 0, io.ErrUnexpectedEOF
		}
		var whole [8]byte
		copy(whole[8-n:], buffer[1:1+n])
		g.left, size = binary.BigEndian.Uint64(whole[:]), 1+n
	}
	if g.left > longestMessage {
		return 0, fmt.Errorf("a message of %d bytes; a result has at most %d MiB", g.left, longestMessage>>20)
	}
	return copy(p, buffer[:size]), nil
}
