package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strings"

	"bench/experiments"
	"bench/loadgen"

	"github.com/spf13/pflag"
)

// tlsOptions are the flags for https.
type tlsOptions struct {
	insecure bool
	ca       string
	cert     string
	key      string
	http1    bool
}

func (o *tlsOptions) flags(f *pflag.FlagSet) {
	f.BoolVarP(&o.insecure, "insecure", "k", false, "https: accept any certificate")
	f.StringVar(&o.ca, "cacert", "", "https: trust the certificates in `FILE` (PEM), not the system's")
	f.StringVar(&o.cert, "cert", "", "https: identify with the certificate in `FILE` (PEM), which may hold its key")
	f.StringVar(&o.key, "key", "", "https: `FILE` with the key of --cert, if that does not hold it")
	f.BoolVar(&o.http1, "http1", false, "https: use HTTP/1.1 also where the server offers HTTP/2")
}

// config is what the flags mean; nil: as the system does.
func (o *tlsOptions) config(p loadgen.Plan) (*tls.Config, error) {
	if *o == (tlsOptions{}) {
		return nil, nil
	}
	if !strings.HasPrefix(p.URL, "https:") {
		return nil, usagef("--insecure, --cacert, --cert, --key and --http1 work with https:// only")
	}
	c := &tls.Config{InsecureSkipVerify: o.insecure}
	if o.ca != "" {
		data, err := os.ReadFile(o.ca)
		if err != nil {
			return nil, experiments.Misuse(fmt.Errorf("--cacert: %w", err))
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(data) {
			return nil, usagef("--cacert %s: it holds no certificate in PEM form", o.ca)
		}
	}
	if o.cert == "" && o.key != "" {
		return nil, usagef("--key works with --cert only")
	}
	if o.cert != "" {
		key := o.key
		if key == "" {
			key = o.cert
		}
		pair, err := tls.LoadX509KeyPair(o.cert, key)
		if err != nil {
			return nil, experiments.Misuse(fmt.Errorf("--cert %s: %w; want a certificate and its key in PEM form", o.cert, err))
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
