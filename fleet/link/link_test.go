package link_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bench/fleet/link"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// listen lets in the holder of one token, greets it by its name, and says what it said.
func listen(t *testing.T) (*link.Listener, link.Token) {
	t.Helper()
	id, err := link.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	l, err := link.Listen("127.0.0.1:0", id)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	token := l.Token("a", "worker")
	go l.Serve([]link.Token{token}, func(of link.Token, conn net.Conn) {
		_, _ = io.WriteString(conn, of.Name+of.Role)
		_, _ = io.Copy(conn, conn)
	})
	return l, token
}

// Whoever has the token gets through, and everything arrives, at whatever moment it is sent.
func TestAHolderOfAToken(t *testing.T) {
	_, token := listen(t)
	conn, err := token.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "hello"); err != nil {
		t.Fatal(err)
	}
	const want = "aworkerhello"
	got := make([]byte, len(want))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != want {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
}

// Neither side talks to anyone else than whom the token names.
func TestStrangersAreRefused(t *testing.T) {
	_, token := listen(t)
	_, elsewhere := listen(t)
	password, name, other := token, token, token
	password.Password = strings.Repeat("A", len(password.Password))
	name.Name = "b"
	other.Certificate = elsewhere.Certificate
	nobody := token
	nobody.Address = closedPort(t)
	for _, row := range []struct {
		of    string
		token link.Token
		want  error
		says  string
	}{
		{"password", password, link.ErrRefused, "does not know the token"},
		{"name", name, link.ErrRefused, "does not know the token"},
		{"certificate", other, link.ErrRefused, "certificate is another one"},
		{"address", nobody, link.ErrUnreachable, "connection refused"},
	} {
		conn, err := row.token.Dial(t.Context())
		if !errors.Is(err, row.want) || !strings.Contains(err.Error(), row.says) || conn != nil {
			t.Errorf("another %s: %v; want %v: %s", row.of, err, row.want, row.says)
		}
		if err != nil && strings.Contains(err.Error(), row.token.Password) {
			t.Errorf("%v: the password is said", err)
		}
	}
}

func closedPort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// A stranger who says nothing, too much, or something else than TLS keeps nobody from coming, and a listener
// from ending.
func TestStrangersWhoSayOtherThings(t *testing.T) {
	l, token := listen(t)
	for _, said := range []string{"", "GET / HTTP/1.1\r\n\r\n", strings.Repeat("x", 1<<16)} {
		conn, err := net.Dial("tcp", token.Address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, said)
	}
	conn, err := token.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	began := time.Now()
	if err := l.Close(); err != nil || time.Since(began) > 5*time.Second {
		t.Errorf("Close = %v after %v", err, time.Since(began))
	}
}

// Whoever does not answer is not waited for.
func TestDialGivesUp(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // answers nobody
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	token := link.Token{Name: "a", Address: l.Addr().String(), Certificate: strings.Repeat("0", 64), Password: "x"}
	if _, err := token.Dial(ctx); !errors.Is(err, link.ErrUnreachable) {
		t.Errorf("Dial = %v; want it to be abandoned", err)
	}
}

// A token is read by its owner alone; what is not one, or has been open to others, is refused with what to do.
func TestTokenFiles(t *testing.T) {
	_, token := listen(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "new", "a.json")
	for range 2 { // an older one is replaced
		if err := token.WriteFile(path); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v; want mode 0600", info.Mode(), err)
	}
	if got, err := link.ReadToken(path); err != nil || got != token {
		t.Errorf("%+v, %v; want %+v", got, err, token)
	}
	write := func(name, text string, mode os.FileMode) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		return file
	}
	text, _ := os.ReadFile(path)
	for _, mode := range []os.FileMode{0o644, 0o640, 0o604, 0o660, 0o602, 0o777} {
		file := write("open", string(text), mode)
		if _, err := link.ReadToken(file); err == nil || !strings.Contains(err.Error(), "chmod 600 "+file) {
			t.Errorf("mode %#o: %v; want it refused, and what to do", mode, err)
		}
	}
	for _, bad := range []string{"", "{}", "null", "[]", "x", `{"name":"../a"}`, strings.Repeat(" ", 1<<20),
		strings.Replace(string(text), token.Certificate, "ab", 1)} {
		if _, err := link.ReadToken(write("bad", bad, 0o600)); err == nil {
			t.Errorf("%.40q is read as a token", bad)
		}
	}
	if _, err := link.ReadToken(dir); err == nil {
		t.Error("a folder is read as a token")
	}
}

// Who listens says by which address the others reach it.
func TestAddresses(t *testing.T) {
	for _, bad := range []string{"", "7421", ":7421", "0.0.0.0:7421", "[::]:7421", "10.0.0.1"} {
		if err := link.CheckAddress(bad); err == nil || !strings.Contains(err.Error(), "want HOST:PORT") {
			t.Errorf("CheckAddress(%q) = %v; want it refused", bad, err)
		}
	}
	for _, good := range []string{"127.0.0.1:0", "10.0.0.1:7421", "[::1]:1", "bench.example.com:7421"} {
		if err := link.CheckAddress(good); err != nil {
			t.Error(err)
		}
	}
}

// A stored identity stays the same one.
func TestStoredIdentity(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key.pem")
	first, err := link.StoredIdentity(path)
	if err != nil {
		t.Fatal(err)
	}
	again, err := link.StoredIdentity(path)
	if err != nil || first.Hash() != again.Hash() {
		t.Errorf("%s, %v; want %s", again.Hash(), err, first.Hash())
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := link.StoredIdentity(path); err == nil {
		t.Error("a key that everybody can read is used")
	}
}

func ExampleToken_Dial() {
	id, _ := link.NewIdentity()
	l, _ := link.Listen("127.0.0.1:0", id)
	token := l.Token("worker-1", "worker")
	go l.Serve([]link.Token{token}, func(t link.Token, conn net.Conn) { fmt.Fprintf(conn, "hello, %s", t.Name) })
	conn, _ := token.Dial(context.Background()) // on another machine, which has got the token's file
	said, _ := io.ReadAll(conn)
	fmt.Println(string(said))
	_, _ = conn.Close(), l.Close()
	// Output: hello, worker-1
}

// Nothing that a stranger says first gets past the listener, and nothing makes it read for ever.
func FuzzGreeting(f *testing.F) {
	id, err := link.NewIdentity()
	if err != nil {
		f.Fatal(err)
	}
	l, err := link.Listen("127.0.0.1:0", id)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = l.Close() })
	token := l.Token("a", "worker")
	met := make(chan struct{}, 1)
	go l.Serve([]link.Token{token}, func(link.Token, net.Conn) { met <- struct{}{} })
	for _, said := range []string{
		"", "\n", "a\n", "a \n", " a\n", "a " + strings.Repeat("A", 26) + "\n", "GET / HTTP/1.1\r\n",
	} {
		f.Add(said)
	}
	f.Fuzz(func(t *testing.T, said string) {
		conn, err := tls.Dial("tcp", token.Address, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Skip(err)
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, said+"\n")
		answer, _ := io.ReadAll(io.LimitReader(conn, 100))
		if len(met) > 0 || strings.Contains(string(answer), "welcome") {
			t.Fatalf("%q lets in a stranger", said)
		}
	})
}
