package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// clientPair is a certificate that signs itself, and its key, in PEM form.
func clientPair(t *testing.T, name string) (cert, key string, authority *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	key = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
	authority = x509.NewCertPool()
	authority.AppendCertsFromPEM([]byte(cert))
	return cert, key, authority
}

// A server that wants to know who asks is told by --cert, whose file may hold the key; without it, no request is
// answered.
func TestClientCertificates(t *testing.T) {
	cert, key, authority := clientPair(t, "bench")
	var known atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.TLS.PeerCertificates[0].Subject.CommonName == "bench" {
			known.Add(1)
		}
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: authority}
	server.StartTLS()
	defer server.Close()
	other, otherKey, _ := clientPair(t, "bench") // of another authority
	both, certAlone, keyAlone := write(t, "both.pem", cert+key), write(t, "cert.pem", cert), write(t, "key.pem", key)
	for _, row := range []struct {
		says string
		args []string
		ok   uint64
	}{
		{"certificate and key in one file", []string{"--cert", both}, 5},
		{"in two", []string{"--cert", certAlone, "--key", keyAlone}, 5},
		{"with HTTP/1.1", []string{"--cert", both, "--http1"}, 5},
		{"neither", nil, 0},
		{"of another authority", []string{"--cert", write(t, "other.pem", other+otherKey)}, 0},
	} {
		known.Store(0)
		r, _ := loadJSON(t, t.Context(), append(row.args, "-k", "-n", "5", "-c", "2", server.URL)...)
		if r.Counts.OK != row.ok || known.Load() != int64(row.ok) {
			t.Errorf("%s: %+v, %d were known; want %d", row.says, r.Counts, known.Load(), row.ok)
		}
	}
	for says, args := range map[string][]string{
		"a certificate without its key":  {"--cert", certAlone},
		"a key of another certificate":   {"--cert", certAlone, "--key", write(t, "other.key", otherKey)},
		"a key without a certificate":    {"--key", keyAlone},
		"a key instead of a certificate": {"--cert", keyAlone},
		"a file that is not there":       {"--cert", certAlone + ".no", "--key", keyAlone},
	} {
		_, errs, code := loadText(t, append(args, "-k", "-n", "1", server.URL)...)
		if code != exitUsage || !strings.Contains(errs, args[0]) || strings.Contains(errs, "PRIVATE") {
			t.Errorf("%s: exit code %d, %s; want %d and the flag", says, code, errs, exitUsage)
		}
	}
}
