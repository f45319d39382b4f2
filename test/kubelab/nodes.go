package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"runtime"
	"strconv"
	"time"

	"github.com/virtual-kubelet/virtual-kubelet/node"
	"github.com/virtual-kubelet/virtual-kubelet/node/nodeutil"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What each node says it has. Pods are placed by what they ask for: nothing holds them to it.
const (
	nodeCPU    = "4"
	nodeMemory = "8Gi"
	nodePods   = "32"
)

// serveNodes runs nodes until the context ends, and returns a function that waits until they have ended.
func serveNodes(ctx context.Context, c *controlPlane, n int, images map[string]string) (wait func(), err error) {
	ports, err := freePorts(n)
	if err != nil {
		return func() {}, err
	}
	var nodes []*nodeutil.Node
	var agents []*agent
	for i := range n {
		a := newAgent(c, images)
		one, err := newNode(c, a, "node-"+strconv.Itoa(i+1), ports[i])
		if err != nil {
			return func() {}, fmt.Errorf("making node %d: %w", i+1, err)
		}
		nodes, agents = append(nodes, one), append(agents, a)
	}
	for _, one := range nodes {
		go func() { _ = one.Run(ctx) }() // its error is that of the API server, whose end is noticed
	}
	return func() {
		for i, one := range nodes {
			<-one.Done()
			agents[i].Close()
		}
	}, nil
}

// newNode is a node whose pods an agent runs, and which the API server reaches at a port.
func newNode(c *controlPlane, a *agent, name string, port int) (*nodeutil.Node, error) {
	mux := http.NewServeMux()
	return nodeutil.NewNode(name,
		func(nodeutil.ProviderConfig) (nodeutil.Provider, node.NodeProvider, error) { return a, nil, nil },
		nodeutil.WithClient(c.client),
		nodeutil.WithTLSConfig(
			nodeutil.WithKeyPairFromPath(c.keys.file("node.crt"), c.keys.file("node.key")),
			nodeutil.WithCAFromPath(c.keys.file("ca.crt")),
			onlyTheServer,
		),
		func(config *nodeutil.NodeConfig) error {
			config.Handler = mux
			config.HTTPListenAddr = "127.0.0.1:" + strconv.Itoa(port)
			config.NumWorkers = 4
			config.StreamIdleTimeout = 4 * time.Hour // a kubelet's
			describeNode(&config.NodeSpec, name, port)
			return nil
		},
		nodeutil.AttachProviderRoutes(mux),
	)
}

// onlyTheServer lets in who may do everything, which is what the API server shows: no other user of the cluster.
func onlyTheServer(config *tls.Config) error {
	config.VerifyConnection = func(s tls.ConnectionState) error {
		if subject := s.PeerCertificates[0].Subject; subject.CommonName != "admin" {
			return fmt.Errorf("%s may not talk to nodes", subject.CommonName)
		}
		return nil
	}
	return nil
}

func describeNode(n *corev1.Node, name string, port int) {
	has := corev1.ResourceList{
		corev1.ResourceCPU:    resource.MustParse(nodeCPU),
		corev1.ResourceMemory: resource.MustParse(nodeMemory),
		corev1.ResourcePods:   resource.MustParse(nodePods),
	}
	n.Labels = map[string]string{
		corev1.LabelHostname: name, corev1.LabelOSStable: runtime.GOOS, corev1.LabelArchStable: runtime.GOARCH,
	}
	n.Status.Capacity, n.Status.Allocatable = has, has
	n.Status.Addresses = []corev1.NodeAddress{
		{Type: corev1.NodeInternalIP, Address: "127.0.0.1"}, {Type: corev1.NodeHostName, Address: name},
	}
	n.Status.DaemonEndpoints.KubeletEndpoint.Port = int32(port)
	n.Status.NodeInfo = corev1.NodeSystemInfo{
		OperatingSystem: runtime.GOOS, Architecture: runtime.GOARCH, KubeletVersion: "v1.36.3-kubelab",
	}
}

// nodesReady is nil when pods may be put on all nodes.
func (c *controlPlane) nodesReady(n int) func(context.Context) error {
	return func(ctx context.Context) error {
		list, err := c.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		ready := 0
		for _, one := range list.Items {
			for _, is := range one.Status.Conditions {
				if is.Type == corev1.NodeReady && is.Status == corev1.ConditionTrue && len(one.Spec.Taints) == 0 {
					ready++
				}
			}
		}
		if ready < n {
			return fmt.Errorf("%d of %d nodes are ready", ready, n)
		}
		return nil
	}
}
