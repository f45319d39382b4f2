// Package link connects processes of bench on different machines where no ssh does: a listener that speaks
// TLS 1.3 with a certificate of its own, which is known by its hash, and a token for each process that may
// come. Until a process has shown its token, nothing of what it sends reaches anything else.
package link

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Errors of connecting, each of which has an exit code of its own.
var (
	// ErrUnreachable means that nobody listens there.
	ErrUnreachable = errors.New("nobody answers there")
	// ErrRefused means that one of the two is not who the other expects.
	ErrRefused = errors.New("the connection was refused")
)

const (
	greetWithin = 10 * time.Second // until a stranger has shown a token
	strangers   = 64               // at once
	hashDigits  = 2 * sha256.Size
	welcome     = "welcome\n"
	sorry       = "sorry...\n"
)

// Identity is a listener's key and certificate.
type Identity struct{ certificate tls.Certificate }

// NewIdentity makes a key, and a certificate that nobody else has signed: who comes knows its hash.
func NewIdentity() (Identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Identity{}, fmt.Errorf("making a key: %w", err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), NotBefore: now.AddDate(0, 0, -1), NotAfter: now.AddDate(10, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return Identity{}, fmt.Errorf("making a certificate: %w", err)
	}
	return Identity{tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}}, nil
}

// StoredIdentity is the one in a file, which is made if there is none.
func StoredIdentity(path string) (id Identity, err error) {
	data, err := ReadSecret(path)
	if errors.Is(err, fs.ErrNotExist) {
		if id, err = NewIdentity(); err == nil {
			err = id.writeFile(path)
		}
		return id, err
	}
	if err == nil {
		id.certificate, err = tls.X509KeyPair(data, data)
	}
	if err != nil {
		return id, fmt.Errorf("reading the listener's key: %w", err)
	}
	return id, nil
}

func (id Identity) writeFile(path string) error {
	key, err := x509.MarshalPKCS8PrivateKey(id.certificate.PrivateKey)
	if err == nil {
		data := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: id.certificate.Certificate[0]})
		err = WriteSecret(path, append(data, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...))
	}
	if err != nil {
		return fmt.Errorf("writing the listener's key: %w", err)
	}
	return nil
}

// Hash is the SHA-256 of the certificate.
func (id Identity) Hash() string { return hashOf(id.certificate.Certificate[0]) }

func hashOf(certificate []byte) string {
	sum := sha256.Sum256(certificate)
	return hex.EncodeToString(sum[:])
}

// Listener is where the holders of tokens connect.
type Listener struct {
	listener net.Listener
	identity Identity
	serving  sync.WaitGroup

	mu    sync.Mutex
	open  map[net.Conn]bool
	ended bool
}

// CheckAddress refuses an address that nobody else could dial.
func CheckAddress(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%q is not an address to listen on: want HOST:PORT, such as 10.0.0.1:7421", address)
	}
	if addr, err := netip.ParseAddr(host); host == "" || err == nil && addr.IsUnspecified() {
		return fmt.Errorf("%q says on which port, and not by which address the others reach this machine: "+
			"want HOST:PORT, such as 10.0.0.1:7421", address)
	}
	return nil
}

// Listen opens a port, on which nobody is answered before Serve is called.
func Listen(address string, id Identity) (*Listener, error) {
	if err := CheckAddress(address); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening for others: %w", err)
	}
	return &Listener{listener: l, identity: id, open: map[net.Conn]bool{}}, nil
}

// Address is where it listens.
func (l *Listener) Address() string { return l.listener.Addr().String() }

// Token makes a new token for this listener.
func (l *Listener) Token(name, role string) Token {
	return Token{
		Name: name, Role: role, Address: l.Address(), Certificate: l.identity.Hash(), Password: rand.Text(),
	}
}

// Serve calls meet with the connections of those who have shown one of the tokens, until the listener is
// closed. A connection is closed when meet returns.
func (l *Listener) Serve(tokens []Token, meet func(Token, net.Conn)) {
	config := &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{l.identity.certificate}}
	room := make(chan struct{}, strangers)
	for {
		conn, err := l.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(50 * time.Millisecond) // as net/http does where there are no files left
			continue
		}
		room <- struct{}{}
		secure := tls.Server(conn, config)
		if !l.keep(secure) {
			return
		}
		go func() {
			defer l.drop(secure)
			token, ok := greet(secure, tokens)
			<-room
			if ok {
				meet(token, secure)
			}
		}()
	}
}

func (l *Listener) keep(conn net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		_ = conn.Close()
		return false
	}
	l.open[conn] = true
	l.serving.Add(1)
	return true
}

func (l *Listener) drop(conn net.Conn) {
	l.mu.Lock()
	delete(l.open, conn)
	l.mu.Unlock()
	_ = conn.Close()
	l.serving.Done()
}

// Close ends the listener and all connections, and waits until nobody is met any more.
func (l *Listener) Close() error {
	err := l.listener.Close()
	l.mu.Lock()
	l.ended = true
	for conn := range l.open {
		_ = conn.(*tls.Conn).NetConn().Close() // a peer that is cut off must not be waited for
	}
	l.mu.Unlock()
	l.serving.Wait()
	return err
}

// greet lets in who knows the name and the password of a token.
func greet(conn net.Conn, tokens []Token) (Token, bool) {
	_ = conn.SetDeadline(time.Now().Add(greetWithin))
	said, err := firstLine(conn)
	if err != nil {
		return Token{}, false
	}
	for _, t := range tokens {
		if subtle.ConstantTimeCompare([]byte(said), []byte(t.greeting())) == 1 {
			_, err := io.WriteString(conn, welcome)
			_ = conn.SetDeadline(time.Time{})
			return t, err == nil
		}
	}
	_, _ = io.WriteString(conn, sorry)
	return Token{}, false
}

func (t Token) greeting() string { return t.Name + " " + t.Password + "\n" }

// firstLine reads a line and not a byte more: what follows is for somebody else.
func firstLine(conn io.Reader) (string, error) {
	var line strings.Builder
	for b := make([]byte, 1); line.Len() < mostTokenBytes; {
		if _, err := io.ReadFull(conn, b); err != nil {
			return "", err
		}
		line.WriteByte(b[0])
		if b[0] == '\n' {
			return line.String(), nil
		}
	}
	return "", bufio.ErrTooLong
}

// Dial connects to the listener that the token is for, and to no other.
func (t Token) Dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, greetWithin)
	defer cancel()
	var another error
	dialer := tls.Dialer{Config: &tls.Config{
		MinVersion: tls.VersionTLS13, InsecureSkipVerify: true, // the hash is more than a signature of somebody else
		VerifyConnection: func(state tls.ConnectionState) error {
			if hashOf(state.PeerCertificates[0].Raw) != t.Certificate {
				another = errors.New("its certificate is another one than the token's")
			}
			return another
		},
	}}
	conn, err := dialer.DialContext(ctx, "tcp", t.Address)
	switch {
	case another != nil:
		return nil, t.failed(ErrRefused, another, "something else listens there now, or is in between; get a new token")
	case err != nil:
		return nil, t.failed(ErrUnreachable, err, "see whether bench still waits there, and what a firewall lets through")
	}
	if err := t.introduce(ctx, conn); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// introduce shows the token.
func (t Token) introduce(ctx context.Context, conn net.Conn) error {
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline)
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	_, err := io.WriteString(conn, t.greeting())
	answer := make([]byte, len(welcome))
	if err == nil {
		_, err = io.ReadFull(conn, answer)
	}
	switch {
	case err != nil:
		return t.failed(ErrUnreachable, err, "see whether bench still waits there")
	case string(answer) != welcome:
		return t.failed(ErrRefused, errors.New("it does not know the token"), "get a new one; each is for one run")
	}
	_ = conn.SetDeadline(time.Time{})
	return nil
}

func (t Token) failed(kind, err error, hint string) error {
	return fmt.Errorf("connecting to %s as %s: %w: %w; %s", t.Address, t.Name, kind, err, hint)
}

// Relay copies between a connection and a pair of streams until one of them ends.
func Relay(conn net.Conn, in io.Reader, out io.Writer) {
	over := make(chan struct{}, 2)
	go func() { _, _ = io.Copy(conn, in); over <- struct{}{} }()
	go func() { _, _ = io.Copy(out, conn); over <- struct{}{} }()
	<-over
}
