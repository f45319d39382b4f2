package http1

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

// read is what a parser makes of a stream that is cut into pieces at the given places and then
// closed.
type read struct {
	status int
	body   string
	rest   string // of the piece in which the response ended, and all after it
	close  bool
	err    error
}

var errCut = errors.New("the connection closed in the middle of the response")

func parse(stream string, head bool, cuts ...int) read {
	var p Parser
	return parseWith(&p, stream, head, cuts...)
}

func parseWith(p *Parser, stream string, head bool, cuts ...int) (r read) {
	p.Reset(head)
	start := 0
	for _, cut := range append(cuts, len(stream)) {
		piece := []byte(stream[start:cut])
		for len(piece) > 0 && !p.Complete() {
			body, rest, err := p.Next(piece)
			if err != nil {
				return read{err: err}
			}
			r.body += string(body)
			piece = rest
		}
		r.rest += string(piece)
		start = cut
	}
	if !p.Complete() && !p.End() {
		return read{err: errCut}
	}
	r.status, r.close = p.Status, p.Close
	return r
}

func TestResponses(t *testing.T) {
	for _, row := range []struct {
		says string
		in   string
		head bool
		want read
	}{
		{"a length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false, read{200, "ok", "", false, nil}},
		{"bytes after the length are the next response's",
			"HTTP/1.1 200 OK\r\ncontent-length:2\r\n\r\nokHTTP", false, read{200, "ok", "HTTP", false, nil}},
		{"a length of zero", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false, read{200, "", "", false, nil}},
		{"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
			false, read{200, "ok0123456789", "", false, nil}},
		{"chunks with trailers", "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n1 \r\n!\r\n0\r\nDigest: x\r\n\r\n",
			false, read{200, "!", "", false, nil}},
		{"chunks win over a length, and the connection ends",
			"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
			false, read{200, "", "", true, nil}},
		{"interim responses do not count",
			"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" +
				"HTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\nx", false, read{201, "x", "", false, nil}},
		{"the response to HEAD has no body",
			"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", true, read{200, "", "", false, nil}},
		{"204 has no body", "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n", false, read{204, "", "", false, nil}},
		{"304 has no body",
			"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", false, read{304, "", "", false, nil}},
		{"Connection: close among others",
			"HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 0\r\n\r\n", false, read{200, "", "", true, nil}},
		{"a body that ends with the connection",
			"HTTP/1.1 200 OK\r\n\r\nall of it", false, read{200, "all of it", "", true, nil}},
		{"HTTP/1.0 closes", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", false, read{200, "ok", "", true, nil}},
		{"HTTP/1.0 that keeps the connection", "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok",
			false, read{200, "ok", "", false, nil}},
		{"HTTP/1.0 has no chunks",
			"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false, read{200, "0\r\n\r\n", "", true, nil}},
		{"bare line feeds in the header", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", false, read{200, "ok", "", false, nil}},
		{"no reason", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", false, read{200, "", "", false, nil}},
		{"case 07-folded-header", "HTTP/1.1 200 OK\r\nX-A: one\r\n two\r\nContent-Length: 2\r\n\r\nok",
			false, read{200, "ok", "", false, nil}},
		{"a length that begins on the next line", "HTTP/1.1 200 OK\r\nContent-Length:\r\n\t 2\r\n\r\nok",
			false, read{200, "ok", "", false, nil}},
		{"folds of tabs, of nothing, and with bare line feeds", "HTTP/1.1 200 OK\nX: a\n\tb\n \n c\nContent-Length: 2\n\nok",
			false, read{200, "ok", "", false, nil}},
		{"a folded trailer", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: a\r\n b\r\n\r\n",
			false, read{200, "", "", false, nil}},
		{"blanks behind framing", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked \t\r\n\r\n0\r\n\r\n",
			false, read{200, "", "", false, nil}},
		{"a length that a blank line continues", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n \r\n\r\nok",
			false, read{200, "ok", "", false, nil}},
		{"HTTP/1.0 with a transfer coding and a length closes",
			"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\nok",
			false, read{200, "ok", "", true, nil}},
		{"blanks before the status", "HTTP/1.1   200 OK\r\nContent-Length: 0\r\n\r\n", false, read{200, "", "", false, nil}},
		{"tabs and letters beyond ASCII in a value", "HTTP/1.1 200 \xfc\r\nX:\ta\tb\xfc\r\nContent-Length: 0\r\n\r\n",
			false, read{200, "", "", false, nil}},
		{"many interim responses", strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 20) + "HTTP/1.1 204 No Content\r\n\r\n",
			false, read{204, "", "", false, nil}},
		{"the same length twice",
			"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", false, read{200, "ok", "", false, nil}},
	} {
		if got := parse(row.in, row.head); got != row.want {
			t.Errorf("%s: parse(%q) = %+v; want %+v", row.says, row.in, got, row.want)
		}
		for cut := range row.in {
			if got := parse(row.in, row.head, cut); got != row.want {
				t.Errorf("%s: cut at %d: %+v; want %+v", row.says, cut, got, row.want)
			}
		}
		all := make([]int, len(row.in))
		for i := range all {
			all[i] = i
		}
		if got := parse(row.in, row.head, all...); got != row.want {
			t.Errorf("%s: byte by byte: %+v; want %+v", row.says, got, row.want)
		}
	}
}

func TestMalformedResponses(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	const chunked = ok + "Transfer-Encoding: chunked\r\n\r\n"
	for _, row := range []struct {
		says, in string
		want     error
	}{
		{"another protocol", "SSH-2.0-OpenSSH\r\n\r\n", ErrMalformed},
		{"HTTP/2", "HTTP/2.0 200 OK\r\n\r\n", ErrMalformed},
		{"a status of two digits", "HTTP/1.1 20 OK\r\n\r\n", ErrMalformed},
		{"a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n", ErrMalformed},
		{"a header line without a colon", ok + "Content-Length 2\r\n\r\n", ErrMalformed},
		{"a blank before the colon", ok + "Content-Length : 2\r\n\r\n", ErrMalformed},
		{"a blank in a name", ok + "X Y: a\r\n\r\n", ErrMalformed},
		{"a name with a control byte", ok + "X\x01: a\r\n\r\n", ErrMalformed},
		{"a name beyond ASCII", ok + "Ü: a\r\n\r\n", ErrMalformed},
		{"no name", ok + ": a\r\n\r\n", ErrMalformed},
		{"a zero byte in a value", ok + "X: a\x00b\r\n\r\n", ErrMalformed},
		{"a control byte in a value", ok + "X: abcdefgh\x1bi\r\n\r\n", ErrMalformed},
		{"a deletion in a value", ok + "X: abcdefgh\x7f\r\n\r\n", ErrMalformed},
		{"a bare carriage return in a value", ok + "X: a\rb\r\n\r\n", ErrMalformed},
		{"a carriage return too many", ok + "X: a\r\r\n\r\n", ErrMalformed},
		{"a bare carriage return in the status line", "HTTP/1.1 200 O\rK\r\n\r\n", ErrMalformed},
		{"a zero byte in the status line", "HTTP/1.1 200 O\x00K\r\n\r\n", ErrMalformed},
		{"a status below 100", "HTTP/1.1 099 OK\r\n\r\n", ErrMalformed},
		{"a folded line after the status line", ok + " b\r\nX: a\r\n\r\n", ErrMalformed},
		{"a transfer coding that a blank line continues", ok + "Transfer-Encoding: chunked\r\n \r\n\r\n0\r\n\r\n",
			ErrMalformed},
		{"a fold without a field", ok + "X\r\n : a\r\n\r\n", ErrMalformed},
		{"a zero byte in a folded line", ok + "X: a\r\n b\x00\r\n\r\n", ErrMalformed},
		{"a length in a folded line", ok + "Content-Length: 1\r\n 2\r\n\r\n", ErrMalformed},
		{"the same length in other digits", ok + "Content-Length: 2\r\nContent-Length: 02\r\n\r\nok", ErrMalformed},
		{"two lengths in one field", ok + "Content-Length: 2, 2\r\n\r\nok", ErrMalformed},
		{"an empty length", ok + "Content-Length:\r\n\r\n", ErrMalformed},
		{"a trailer that frames", ok + "Trailer: Content-Length\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
			ErrMalformed},
		{"a malformed trailer", chunked + "0\r\nX Y: a\r\n\r\n", ErrMalformed},
		{"a negative length", ok + "Content-Length: -1\r\n\r\n", ErrMalformed},
		{"a length beyond all bounds", ok + "Content-Length: 9999999999999999999\r\n\r\n", ErrMalformed},
		{"two lengths", ok + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n", ErrMalformed},
		{"an unknown transfer coding", ok + "Transfer-Encoding: gzip\r\n\r\n", ErrMalformed},
		{"a transfer coding twice", ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", ErrMalformed},
		{"a malformed chunk size", chunked + "zz\r\n", ErrMalformed},
		{"a chunk size with a sign", chunked + "+1\r\nx\r\n", ErrMalformed},
		{"a chunk size beyond all bounds", chunked + "FFFFFFFFFFFFFFFFF\r\n", ErrMalformed},
		{"a chunk longer than its size", chunked + "1\r\nxy\r\n", ErrMalformed},
		{"a bare line feed after a chunk size", chunked + "1\nx\r\n", ErrMalformed},
		{"a chunk line without end", chunked + strings.Repeat("1", 5000), ErrMalformed},
		{"a header without end", ok + strings.Repeat("X: y\r\n", 50_000), ErrMalformed},
		{"a header line without end", ok + strings.Repeat("X", 1<<20), ErrMalformed},
		{"interim responses without end", strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 12_000), ErrMalformed},
		{"extensions that cost more than the data",
			chunked + strings.Repeat("1;"+strings.Repeat("x", 1000)+"\r\ny\r\n", 30), ErrMalformed},
		{"nothing", "", errCut},
		{"an end within the header", ok + "Content-", errCut},
		{"an end within the body", ok + "Content-Length: 5\r\n\r\nabc", errCut},
		{"an end between chunks", chunked + "1\r\nx\r\n", errCut},
	} {
		if got := parse(row.in, false); !errors.Is(got.err, row.want) {
			t.Errorf("%s: parse = %+v; want %v", row.says, got, row.want)
		}
	}
}

// A limit is named as it is, whatever of it is left at the end.
func TestLimitsAreNamed(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	for in, want := range map[string]string{
		ok + strings.Repeat("X: y\r\n", 50_000):                               "header of more than 262144 bytes",
		strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 12_000):               "header of more than 262144 bytes",
		ok + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1", 5000): "chunk line of more than 4000 bytes",
	} {
		if got := parse(in, false); got.err == nil || !strings.Contains(got.err.Error(), want) {
			t.Errorf("%.40q… is refused with %v; want %q", in, got.err, want)
		}
	}
}

// One parser reads one response after another, and keeps no memory.
func TestParserIsUsedAgain(t *testing.T) {
	var p Parser
	long := "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("y", 100_000) + "\r\nContent-Length: 1\r\n\r\nx"
	for range 3 {
		if got := parseWith(&p, long, false, 50_000); got.err != nil || got.body != "x" {
			t.Fatalf("long header: %+v", got)
		}
		if got := parseWith(&p, "HTTP/1.1 204 No Content\r\n\r\n", false, 5); got.err != nil ||
			got.status != 204 || got.close {
			t.Fatalf("after it: %+v", got)
		}
		if cap(p.partial) > keptLine {
			t.Errorf("%d bytes are kept", cap(p.partial))
		}
	}
}

func TestFieldIsCalledForEachField(t *testing.T) {
	var got []string
	p := Parser{Field: func(name, value []byte) { got = append(got, string(name)+"="+string(value)) }}
	parseWith(&p,
		"HTTP/1.1 103 Hints\r\nA: 0\r\n\r\n"+
			"HTTP/1.1 200 OK\r\nSet-Cookie:  a=b \r\nTransfer-Encoding: chunked\r\n\r\n0\r\nT: 1\r\n\r\n", false, 40)
	if want := "Set-Cookie=a=b Transfer-Encoding=chunked"; strings.Join(got, " ") != want {
		t.Errorf("fields %q; want %q", got, want)
	}
}

func TestNoAllocation(t *testing.T) {
	var p Parser
	response := []byte("HTTP/1.1 200 OK\r\nServer-Timing: app;dur=1.25\r\n" +
		"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
	read := func() {
		p.Reset(false)
		for data := response; len(data) > 0; {
			var err error
			if _, data, err = p.Next(data); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := testing.AllocsPerRun(1000, read); n != 0 || !p.Complete() {
		t.Errorf("%v allocations per response, complete %v; want 0 and true", n, p.Complete())
	}
}

// reference reads the stream with net/http, as its transport does, and then with Lax. The error of a
// stream that ends too soon is errCut.
func reference(stream string, head bool) (r read) {
	in := bufio.NewReaderSize(strings.NewReader(stream), 1<<20)
	method := http.MethodGet
	if head {
		method = http.MethodHead
	}
	request, err := http.NewRequest(method, "http://localhost/", nil)
	if err != nil {
		return read{err: err}
	}
	for {
		response, err := http.ReadResponse(in, request)
		if err == nil {
			err = Lax(response)
		}
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			return read{err: errCut}
		}
		if err != nil {
			return read{err: err}
		}
		if response.StatusCode < 200 && response.StatusCode != 101 {
			continue
		}
		body, err := io.ReadAll(response.Body)
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || err != nil && err.Error() == trailerCut {
			return read{err: errCut}
		}
		if err != nil {
			return read{err: err}
		}
		rest, _ := io.ReadAll(in)
		return read{response.StatusCode, string(body), string(rest), response.Close, nil}
	}
}

const trailerCut = "http: unexpected EOF reading trailer"

// mayDiffer are the streams in which the parser is stricter on purpose: bare line feeds within chunked
// coding, also where net/http tolerates them, in trailers. And net/http looks for the end of trailers
// before it reads them, so that it does not know whether a stream was cut or malformed there.
func mayDiffer(stream string) bool {
	return strings.Contains(strings.ToLower(stream), "chunked") &&
		(strings.Contains(strings.ReplaceAll(stream, "\r\n", ""), "\n") || strings.Contains(stream, "0\r\n"))
}

// This parser and net/http read the same responses, and refuse the same. Where the stream is cut makes no
// difference.
func FuzzAgainstNetHTTP(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nok\r\n0\r\nT: x\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 404 No\r\nConnection: keep-alive\r\n\r\nx",
		"HTTP/1.1 204 No Content\n\nrest", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nbody",
		"HTTP/1.1 304 x\r\nContent-Length: 2\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", "HTTP/1.0  200\r\nTransfer-Encoding: x\r\nX\x00: \x7f\r\r\n\r\n",
		"HTTP/1.1 200 O\rK\r\nX Y: a\r\n : \r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nx",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n \r\nX: a\r\n\r\n0\r\n\r\n",
	} {
		f.Add(seed, false, uint(3), uint(30))
		f.Add(seed, true, uint(1), uint(20))
	}
	f.Fuzz(func(t *testing.T, stream string, head bool, a, b uint) {
		whole := parse(stream, head)
		if n := uint(len(stream)); n > 0 {
			a, b = a%n, b%n
			if cut := parse(stream, head, int(min(a, b)), int(max(a, b))); !same(cut, whole) {
				t.Fatalf("cut at %d and %d: %+v; whole: %+v", a, b, cut, whole)
			}
		}
		want := reference(stream, head)
		if whole.err != nil && len(stream) < keptLine { // below all limits
			if want.err == nil && !mayDiffer(stream) {
				t.Fatalf("parse(%q) = %+v; net/http reads %+v", stream, whole, want)
			}
			return
		}
		if whole.err != nil {
			return
		}
		if want.err != nil || whole.status != want.status || whole.body != want.body || whole.rest != want.rest {
			t.Fatalf("parse(%q) = %+v; net/http reads %+v", stream, whole, want)
		}
		if want.close && !whole.close {
			t.Fatalf("parse(%q) keeps a connection that net/http closes", stream)
		}
	})
}

func same(a, b read) bool {
	if a.err != nil || b.err != nil {
		return (a.err != nil) == (b.err != nil) && errors.Is(a.err, ErrMalformed) == errors.Is(b.err, ErrMalformed)
	}
	return a == b
}

func BenchmarkParse(b *testing.B) {
	response := []byte("HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sun, 22 Nov 2026 18:00:00 GMT\r\n" +
		"Content-Type: text/plain\r\nContent-Length: 13\r\nConnection: keep-alive\r\n\r\nHello, world!")
	var p Parser
	b.ReportAllocs()
	for b.Loop() {
		p.Reset(false)
		data := response
		for len(data) > 0 {
			_, data, _ = p.Next(data)
		}
		if !p.Complete() {
			b.Fatal("incomplete")
		}
	}
}
