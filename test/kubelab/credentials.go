package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// authority signs what the lab's processes know each other by. Its files lie in a folder that only the lab's user
// can read, and go with it.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// validity is that of all certificates: longer than any lab lives.
const validity = 24 * time.Hour

// newAuthority makes an authority, with its files in a folder that is there.
func newAuthority(dir string) (*authority, error) {
	a := &authority{dir: dir}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "kubelab"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	return a, a.sign("ca", template)
}

func (a *authority) file(name string) string { return filepath.Join(a.dir, name) }

// sign writes NAME.crt and NAME.key. The first certificate is the authority's own.
func (a *authority) sign(name string, template *x509.Certificate) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("making the key of %s: %w", name, err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return fmt.Errorf("numbering the certificate of %s: %w", name, err)
	}
	template.SerialNumber = serial
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Minute), time.Now().Add(validity)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return fmt.Errorf("signing the certificate of %s: %w", name, err)
	}
	if a.cert == nil {
		a.key = key
		if a.cert, err = x509.ParseCertificate(cert); err != nil {
			return fmt.Errorf("reading the certificate of %s: %w", name, err)
		}
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("writing the key of %s: %w", name, err)
	}
	if err := writePEM(a.file(name+".crt"), "CERTIFICATE", cert); err != nil {
		return err
	}
	return writePEM(a.file(name+".key"), "PRIVATE KEY", secret)
}

func writePEM(file, kind string, data []byte) error {
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data}), 0o600)
}

// server signs a certificate for a server on this machine's loopback.
func (a *authority) server(name string) error {
	return a.sign(name, &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, DNSNames: []string{"localhost", "kubernetes.default.svc"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	})
}

// user signs a certificate for a user of the cluster, who is in one group or in none.
func (a *authority) user(name, user, group string) error {
	subject := pkix.Name{CommonName: user}
	if group != "" {
		subject.Organization = []string{group}
	}
	return a.sign(name, &x509.Certificate{
		Subject: subject, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
}

// kubeconfig signs a user's certificate, and writes what a client of the cluster needs to be that user.
func (a *authority) kubeconfig(name, server, user, group, namespace string) (string, error) {
	if err := a.user(name, user, group); err != nil {
		return "", err
	}
	config := api.NewConfig()
	config.Clusters["kubelab"] = &api.Cluster{Server: server, CertificateAuthority: a.file("ca.crt")}
	config.AuthInfos[user] = &api.AuthInfo{
		ClientCertificate: a.file(name + ".crt"), ClientKey: a.file(name + ".key"),
	}
	config.Contexts["kubelab"] = &api.Context{Cluster: "kubelab", AuthInfo: user, Namespace: namespace}
	config.CurrentContext = "kubelab"
	file := a.file(name + ".kubeconfig")
	if err := clientcmd.WriteToFile(*config, file); err != nil {
		return "", fmt.Errorf("writing %s: %w", file, err)
	}
	return file, nil
}
