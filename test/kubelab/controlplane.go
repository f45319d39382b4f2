package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// controlPlane is the processes that every Kubernetes cluster has, each with its log in a file.
type controlPlane struct {
	dir      string
	self     string // the program that all of them are
	keys     *authority
	server   string // the URL of the API server
	admin    string // the file by which one may do everything
	config   *rest.Config
	client   *kubernetes.Clientset
	children []*child
}

// startControlPlane returns what is to be closed even if there is an error.
func startControlPlane(ctx context.Context, dir, self string) (*controlPlane, error) {
	c := &controlPlane{dir: dir, self: self}
	for _, folder := range []string{"keys", "logs", "etcd"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o700); err != nil {
			return c, fmt.Errorf("making the lab's folder: %w", err)
		}
	}
	ports, err := freePorts(3)
	if err != nil {
		return c, err
	}
	if err := c.makeKeys(ports[0]); err != nil {
		return c, err
	}
	etcd := fmt.Sprintf("https://127.0.0.1:%d", ports[1])
	peers := fmt.Sprintf("http://127.0.0.1:%d", ports[2])
	if err := c.start("etcd", filepath.Join(dir, "etcd"), c.keys.dir, etcd, peers); err != nil {
		return c, err
	}
	if err := c.start("kube-apiserver", c.apiServerFlags(ports[0], etcd)...); err != nil {
		return c, err
	}
	if err := c.await(ctx, time.Minute, "the API server", c.ready); err != nil {
		return c, err
	}
	for name, flags := range map[string][]string{
		"kube-controller-manager": {
			"--service-account-private-key-file=" + c.keys.file("accounts.key"),
			"--root-ca-file=" + c.keys.file("ca.crt"), "--use-service-account-credentials",
			"--node-monitor-period=1s", // how soon nodes are found to be ready
		},
		"kube-scheduler": nil,
	} {
		flags = append(flags, "--kubeconfig="+c.keys.file(name+".kubeconfig"),
			"--leader-elect=false", "--secure-port=0") // there is one of each, and nobody scrapes it
		if err := c.start(name, flags...); err != nil {
			return c, err
		}
	}
	return c, nil
}

// makeKeys makes what the processes know each other by, and the files of the cluster's own users.
func (c *controlPlane) makeKeys(port int) (err error) {
	if c.keys, err = newAuthority(filepath.Join(c.dir, "keys")); err != nil {
		return err
	}
	for _, name := range []string{"etcd", "kube-apiserver", "node"} {
		if err := c.keys.server(name); err != nil {
			return err
		}
	}
	if err := c.keys.user("accounts", "service-accounts", ""); err != nil {
		return err
	}
	c.server = fmt.Sprintf("https://127.0.0.1:%d", port)
	for _, name := range []string{"kube-controller-manager", "kube-scheduler"} {
		if _, err := c.keys.kubeconfig(name, c.server, "system:"+name, "", ""); err != nil {
			return err
		}
	}
	if c.admin, err = c.keys.kubeconfig("admin", c.server, "admin", "system:masters", "default"); err != nil {
		return err
	}
	if c.config, err = clientcmd.BuildConfigFromFlags("", c.admin); err != nil {
		return fmt.Errorf("reading %s: %w", c.admin, err)
	}
	c.config.QPS, c.config.Burst = 200, 400 // all nodes share it
	c.client, err = kubernetes.NewForConfig(c.config)
	return err
}

func (c *controlPlane) apiServerFlags(port int, etcd string) []string {
	file := c.keys.file
	return []string{
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--secure-port=" + strconv.Itoa(port),
		"--endpoint-reconciler-type=none", // pods do not ask for it, and it refuses loopback
		"--etcd-servers=" + etcd, "--etcd-cafile=" + file("ca.crt"),
		"--etcd-certfile=" + file("etcd.crt"), "--etcd-keyfile=" + file("etcd.key"),
		"--authorization-mode=RBAC", "--client-ca-file=" + file("ca.crt"),
		"--tls-cert-file=" + file("kube-apiserver.crt"), "--tls-private-key-file=" + file("kube-apiserver.key"),
		"--kubelet-certificate-authority=" + file("ca.crt"), "--kubelet-preferred-address-types=InternalIP",
		"--kubelet-client-certificate=" + file("admin.crt"), "--kubelet-client-key=" + file("admin.key"),
		"--service-account-issuer=" + c.server, "--service-cluster-ip-range=10.0.0.0/24",
		"--service-account-key-file=" + file("accounts.crt"),
		"--service-account-signing-key-file=" + file("accounts.key"),
	}
}

func (c *controlPlane) start(name string, args ...string) error {
	cmd := exec.Command(c.self, append([]string{name}, args...)...)
	cmd.Dir = c.dir
	p, err := startChild(name, filepath.Join(c.dir, "logs", name+".log"), cmd)
	if err == nil {
		c.children = append(c.children, p)
	}
	return err
}

// await is eventually, which ends at once when a process of the control plane has ended.
func (c *controlPlane) await(
	ctx context.Context, within time.Duration, what string, holds func(context.Context) error,
) error {
	return eventually(ctx, within, what, func(ctx context.Context) error {
		for _, p := range c.children {
			select {
			case <-p.over:
				return p.failure()
			default:
			}
		}
		return holds(ctx)
	})
}

// failed is closed when the first process of the control plane has ended.
func (c *controlPlane) failed() <-chan error {
	first := make(chan error, len(c.children))
	for _, p := range c.children {
		go func() { first <- p.failure() }()
	}
	return first
}

func (c *controlPlane) ready(ctx context.Context) error {
	answer := c.client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx)
	var code int
	if answer.StatusCode(&code); code == http.StatusOK {
		return nil
	}
	return errors.Join(fmt.Errorf("/readyz responds %d", code), answer.Error())
}

// Close ends the processes, in the order opposite to that in which they were started.
func (c *controlPlane) Close() {
	for i := range c.children {
		c.children[len(c.children)-1-i].end(5 * time.Second)
	}
}

// runEtcd is etcd, as long as nobody ends it. args are its folder, that of the keys, and its two URLs.
func runEtcd(args []string) int {
	config := embed.NewConfig()
	config.Dir = args[0]
	config.LogLevel = "warn"
	config.UnsafeNoFsync = true // what it holds is not needed after the lab
	tls := &config.ClientTLSInfo
	tls.CertFile, tls.KeyFile = filepath.Join(args[1], "etcd.crt"), filepath.Join(args[1], "etcd.key")
	tls.TrustedCAFile, tls.ClientCertAuth = filepath.Join(args[1], "ca.crt"), true
	client, err := url.Parse(args[2])
	peer, err2 := url.Parse(args[3])
	if err := errors.Join(err, err2); err != nil {
		return failed("reading the URLs of etcd", err)
	}
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{*client}, []url.URL{*client}
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{*peer}, []url.URL{*peer}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	ctx, stop := untilSignalled()
	defer stop()
	server, err := embed.StartEtcd(config)
	if err != nil {
		return failed("starting etcd", err)
	}
	defer server.Close()
	select {
	case <-ctx.Done():
		return 0
	case err := <-server.Err():
		return failed("running etcd", err)
	}
}

// failed prints an error, and returns the exit code for it.
func failed(attempted string, err error) int {
	fmt.Fprintf(os.Stderr, "kubelab: %s: %v\n", attempted, err)
	return 1
}
