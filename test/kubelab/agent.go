package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/virtual-kubelet/virtual-kubelet/errdefs"
	"github.com/virtual-kubelet/virtual-kubelet/node/api"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	stats "k8s.io/kubelet/pkg/apis/stats/v1alpha1"
)

// agent is what a kubelet and a container runtime are on other nodes, as far as bench needs them: pods of one
// container, with its standard streams, logs, exit code and time to end. It pulls nothing: it knows its images.
type agent struct {
	plane  *controlPlane
	images map[string]string // the program that each has, by its name

	mu     sync.Mutex
	pods   map[string]*running // by namespace and name
	notify func(*corev1.Pod)
}

// running is a pod on a node.
type running struct {
	pod       *corev1.Pod // with its status; replaced, never changed
	container *container  // nil: there is none, such as without an image
}

func newAgent(c *controlPlane, images map[string]string) *agent {
	return &agent{plane: c, images: images, pods: map[string]*running{}}
}

func key(namespace, name string) string { return namespace + "/" + name }

// NotifyPods implements node.PodNotifier.
func (a *agent) NotifyPods(_ context.Context, notify func(*corev1.Pod)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.notify = notify
}

// CreatePod starts a pod. What keeps it from running becomes its status, as on other nodes.
func (a *agent) CreatePod(_ context.Context, pod *corev1.Pod) error {
	r := &running{pod: pod}
	a.mu.Lock()
	a.pods[key(pod.Namespace, pod.Name)] = r
	a.mu.Unlock()
	image := pod.Spec.Containers[0].Image
	program := a.images[image]
	if program == "" {
		a.refusePull(r, image)
		return nil
	}
	dir := filepath.Join(a.plane.dir, "pods", pod.Name)
	started, err := startContainer(a.plane.self, dir, program, pod)
	if err != nil {
		a.update(r, waiting("CreateContainerError", err.Error()))
		return nil
	}
	a.mu.Lock()
	r.container = started
	a.mu.Unlock()
	at := metav1.Now()
	a.update(r, corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: at}})
	go func() {
		<-started.over
		a.update(r, started.terminated(at))
		a.mu.Lock()
		last := r.pod
		a.mu.Unlock()
		if last.DeletionTimestamp != nil {
			a.forget(last)
		}
	}()
	return nil
}

func waiting(reason, message string) corev1.ContainerState {
	return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
}

// refusePull says, in the words of a kubelet and of containerd, that there is no such image.
func (a *agent) refusePull(r *running, image string) {
	why := fmt.Sprintf("failed to pull and unpack image %q: failed to resolve reference %q: %s: not found",
		image, image, image)
	a.update(r, waiting("ErrImagePull", why))
	time.AfterFunc(2*time.Second, func() {
		a.update(r, waiting("ImagePullBackOff", fmt.Sprintf("Back-off pulling image %q: ErrImagePull: %s", image, why)))
	})
}

// update sets the state of a pod's container, and all that follows from that.
func (a *agent) update(r *running, state corev1.ContainerState) {
	a.mu.Lock()
	pod, notify := r.pod.DeepCopy(), a.notify
	if a.pods[key(pod.Namespace, pod.Name)] != r { // it is gone
		a.mu.Unlock()
		return
	}
	pod.Status.Phase, pod.Status.HostIP, pod.Status.PodIP = corev1.PodPending, "127.0.0.1", "127.0.0.1"
	ready := corev1.ConditionFalse
	switch {
	case state.Running != nil:
		pod.Status.Phase, ready = corev1.PodRunning, corev1.ConditionTrue
		pod.Status.StartTime = &state.Running.StartedAt
	case state.Terminated != nil && state.Terminated.ExitCode == 0:
		pod.Status.Phase = corev1.PodSucceeded
	case state.Terminated != nil:
		pod.Status.Phase = corev1.PodFailed
	}
	pod.Status.Conditions = []corev1.PodCondition{
		{Type: corev1.PodScheduled, Status: corev1.ConditionTrue},
		{Type: corev1.PodInitialized, Status: corev1.ConditionTrue},
		{Type: corev1.ContainersReady, Status: ready}, {Type: corev1.PodReady, Status: ready},
	}
	is := pod.Spec.Containers[0]
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name: is.Name, Image: is.Image, State: state, Ready: ready == corev1.ConditionTrue,
	}}
	r.pod = pod
	a.mu.Unlock()
	if notify != nil {
		notify(pod)
	}
}

// UpdatePod implements node.PodLifecycleHandler. What may change in a pod does not matter here.
func (a *agent) UpdatePod(context.Context, *corev1.Pod) error { return nil }

// DeletePod asks a pod to end, and kills it when its time is over.
func (a *agent) DeletePod(_ context.Context, pod *corev1.Pod) error {
	a.mu.Lock()
	r := a.pods[key(pod.Namespace, pod.Name)]
	if r == nil || r.pod.UID != pod.UID {
		a.mu.Unlock()
		return errdefs.NotFoundf("pod %s is not on this node", pod.Name)
	}
	grace := time.Duration(0)
	if s := pod.DeletionGracePeriodSeconds; s != nil {
		grace = time.Duration(*s) * time.Second
	}
	r.pod = r.pod.DeepCopy()
	r.pod.DeletionTimestamp = &metav1.Time{Time: time.Now()}
	last, container := r.pod, r.container
	a.mu.Unlock()
	if container == nil || container.ended() {
		a.forget(last)
		return nil
	}
	go container.end(grace)
	return nil
}

// forget takes a pod that has ended from the cluster and from this node, as a kubelet does.
func (a *agent) forget(pod *corev1.Pod) {
	a.mu.Lock()
	delete(a.pods, key(pod.Namespace, pod.Name))
	a.mu.Unlock()
	now := metav1.NewDeleteOptions(0)
	now.Preconditions = metav1.NewUIDPreconditions(string(pod.UID))
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_ = a.plane.client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, *now) // it may be gone
	_ = os.RemoveAll(filepath.Join(a.plane.dir, "pods", pod.Name))
}

// find returns what there is of a pod; the container is nil where there is none.
func (a *agent) find(namespace, name string) (*corev1.Pod, *container, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r := a.pods[key(namespace, name)]; r != nil {
		return r.pod.DeepCopy(), r.container, nil
	}
	return nil, nil, errdefs.NotFoundf("pod %s is not on this node", name)
}

// GetPod implements node.PodLifecycleHandler.
func (a *agent) GetPod(_ context.Context, namespace, name string) (*corev1.Pod, error) {
	pod, _, err := a.find(namespace, name)
	return pod, err
}

// GetPodStatus implements node.PodLifecycleHandler.
func (a *agent) GetPodStatus(ctx context.Context, namespace, name string) (*corev1.PodStatus, error) {
	pod, err := a.GetPod(ctx, namespace, name)
	if err != nil {
		return nil, err
	}
	return &pod.Status, nil
}

// GetPods implements node.PodLifecycleHandler.
func (a *agent) GetPods(context.Context) (pods []*corev1.Pod, _ error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, r := range a.pods {
		pods = append(pods, r.pod.DeepCopy())
	}
	return pods, nil
}

// GetContainerLogs is for kubectl logs.
func (a *agent) GetContainerLogs(
	_ context.Context, namespace, name, _ string, _ api.ContainerLogOpts,
) (io.ReadCloser, error) {
	_, container, err := a.find(namespace, name)
	if err != nil {
		return nil, err
	}
	if container == nil {
		return nil, errNotStarted
	}
	return os.Open(container.log)
}

// AttachToContainer is for kubectl attach.
func (a *agent) AttachToContainer(ctx context.Context, namespace, name, _ string, streams api.AttachIO) error {
	_, container, err := a.find(namespace, name)
	if err != nil {
		return err
	}
	if container == nil {
		return errNotStarted
	}
	return container.attach(ctx, streams)
}

// Close kills what still runs.
func (a *agent) Close() {
	pods, _ := a.GetPods(context.Background()) // it never fails
	for _, pod := range pods {
		if _, container, _ := a.find(pod.Namespace, pod.Name); container != nil {
			container.end(0)
		}
	}
}

var errNotStarted = errors.New("its container has not been started")

var errNotHere = errors.New("the lab's nodes do not offer that")

// RunInContainer would be for kubectl exec.
func (a *agent) RunInContainer(context.Context, string, string, string, []string, api.AttachIO) error {
	return errNotHere
}

// PortForward would be for kubectl port-forward.
func (a *agent) PortForward(context.Context, string, string, int32, io.ReadWriteCloser) error {
	return errNotHere
}

// GetStatsSummary would be for metrics.
func (a *agent) GetStatsSummary(context.Context) (*stats.Summary, error) { return nil, errNotHere }

// GetMetricsResource would be for metrics.
func (a *agent) GetMetricsResource(context.Context) ([]*dto.MetricFamily, error) {
	return nil, errNotHere
}
