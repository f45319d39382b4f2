package place

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"bench/fleet"
)

// Kubernetes is workers in the pods of one Job, by the user's kubectl, whose configuration, context and
// credentials are used as they are. The first worker to start makes the Job, and waits for all of its pods.
type Kubernetes struct {
	N       int
	options Options
	name    string // of the Job

	begin   sync.Once
	begun   bool // there may be a Job
	made    bool // there is one, as far as is known
	pods    []pod
	failure error

	mu     sync.Mutex
	recent []pod // as they were when they were looked at last
	looked time.Time
}

func parseKubernetes(rest string, o Options) (fleet.Place, error) {
	n, err := strconv.Atoi(rest)
	if err != nil || n < 1 || n > mostWorkers {
		return nil, fmt.Errorf("%q is not a number from 1 to %d", rest, mostWorkers)
	}
	return &Kubernetes{N: n, options: o, name: "bench-" + strings.ToLower(rand.Text()[:10])}, nil
}

// Workers implements fleet.Place. The numbers are the indices of the pods in their Job.
func (k *Kubernetes) Workers() []string {
	names := make([]string, k.N)
	for i := range names {
		names[i] = "pod-" + strconv.Itoa(i)
	}
	return names
}

// Start implements fleet.Place.
func (k *Kubernetes) Start(ctx context.Context, index int) (fleet.Stream, error) {
	k.begin.Do(func() {
		if k.failure = k.create(ctx); k.failure == nil {
			k.pods, k.failure = k.await(ctx)
		}
	})
	if k.failure != nil {
		return nil, k.failure
	}
	name := k.pods[index].Metadata.Name
	attach := k.command("attach", "--stdin", "--quiet", "--container=worker", "pod/"+name)
	p, err := startProcess(k.options.Env, attach, nil)
	if err != nil {
		return nil, err
	}
	return &attached{process: p, job: k, index: index, name: name}, nil
}

func (k *Kubernetes) command(args ...string) []string {
	return slices.Concat(k.options.Pods.Kubectl, args)
}

// How long one answer of a cluster, and the end of a Job's pods, are waited for.
const (
	answerWithin = 30 * time.Second
	deleteWithin = answerWithin - 5*time.Second
)

// errNoKubectl means that nothing has run.
var errNoKubectl = errors.New("kubectl cannot be run")

// kubectl runs kubectl once, and returns what it printed.
func (k *Kubernetes) kubectl(ctx context.Context, input string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	argv := k.command(args...)
	var out bytes.Buffer
	var words lastWords
	c := exec.CommandContext(ctx, argv[0], argv[1:]...)
	c.Env, c.Stdin, c.Stdout, c.Stderr = k.options.Env, strings.NewReader(input), &out, &words
	c.SysProcAttr, c.WaitDelay = &syscall.SysProcAttr{Setpgid: true}, time.Second // Ctrl-C is bench's
	err := c.Run()
	if err == nil {
		return out.Bytes(), nil
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if c.Process == nil && ctx.Err() == nil {
		return nil, fmt.Errorf("%w: %w; install kubectl, or name another with --kubectl", errNoKubectl, err)
	}
	if said := withoutLog(words.String()); said != "" {
		err = fmt.Errorf("%s (%w)", said, err)
	}
	return nil, clusterError(strings.Join(slices.Concat(k.options.Pods.Kubectl, args[:1]), " "), err)
}

// logLine begins a line of kubectl's own log, which says in other words what its last line says.
var logLine = regexp.MustCompile(`^[IWE]\d{4} \d\d:`)

func withoutLog(said string) string {
	parts := strings.Split(said, "; ")
	return strings.Join(slices.DeleteFunc(parts, logLine.MatchString), "; ")
}

// create makes the Job.
func (k *Kubernetes) create(ctx context.Context) error {
	manifest, err := k.Manifest()
	if err != nil {
		return err
	}
	_, err = k.kubectl(ctx, manifest, "create", "--filename=-")
	k.begun, k.made = !errors.Is(err, errNoKubectl), err == nil || ctx.Err() != nil
	return err
}

// lookEvery is how often a cluster is asked how far pods are.
const lookEvery = time.Second

// await waits until all pods run, and returns them by index. A pod that will never run ends it at once.
func (k *Kubernetes) await(ctx context.Context) ([]pod, error) {
	deadline := time.After(k.options.Pods.Ready)
	for {
		pods, err := k.look(ctx)
		if err != nil {
			return nil, err
		}
		running := 0
		for _, p := range pods {
			if err := p.trouble(); err != nil {
				return nil, err
			}
			if p.running() {
				running++
			}
		}
		if running == k.N {
			return pods, nil
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-deadline:
			return nil, fmt.Errorf("%d of the %d pods of Job %s run after %v (--pod-wait): %w",
				running, k.N, k.name, k.options.Pods.Ready, k.delay(ctx, pods))
		case <-time.After(lookEvery):
		}
	}
}

// look reads the pods of the Job, in the order of their indices; those that are not there yet are empty.
func (k *Kubernetes) look(ctx context.Context) ([]pod, error) {
	data, err := k.kubectl(ctx, "", "get", "pods", "--selector=app.kubernetes.io/instance="+k.name, "--output=json")
	if err != nil {
		return nil, err
	}
	var list struct{ Items []pod }
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, fmt.Errorf("reading the pods of Job %s: %w", k.name, err)
	}
	pods := make([]pod, k.N)
	for _, p := range list.Items {
		i, err := strconv.Atoi(p.Metadata.Annotations[indexAnnotation])
		if err != nil || i < 0 || i >= k.N {
			return nil, fmt.Errorf("reading the pods of Job %s: pod %s has no index in the Job: "+
				"want Kubernetes 1.24 or later", k.name, p.Metadata.Name)
		}
		pods[i] = p
	}
	return pods, nil
}

// lookAgain is look for many who ask at once: they share what was seen within lookEvery.
func (k *Kubernetes) lookAgain(ctx context.Context) ([]pod, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if time.Since(k.looked) < lookEvery {
		return k.recent, nil
	}
	pods, err := k.look(ctx)
	if err == nil {
		k.recent, k.looked = pods, time.Now()
	}
	return pods, err
}

// delay is why pods do not run yet, as far as the cluster says it.
func (k *Kubernetes) delay(ctx context.Context, pods []pod) error {
	for _, p := range pods {
		if why := p.waiting(); why != nil {
			return why
		}
	}
	about := "--field-selector=type=Warning,involvedObject.name=" + k.name
	data, err := k.kubectl(ctx, "", "get", "events", about, "--output=json")
	if err != nil {
		return fmt.Errorf("asking why: %w", err)
	}
	var events struct{ Items []condition }
	if err := json.Unmarshal(data, &events); err != nil || len(events.Items) == 0 {
		return errors.New("the cluster does not say why; see kubectl get events")
	}
	last := events.Items[len(events.Items)-1]
	return podError("Job "+k.name, last.Reason, last.Message)
}

// Close deletes the Job with its pods, and waits until they are gone.
func (k *Kubernetes) Close() error {
	if !k.begun {
		return nil
	}
	k.begun = false
	_, err := k.kubectl(context.Background(), "", "delete", "job/"+k.name, "--ignore-not-found", "--cascade=foreground",
		fmt.Sprintf("--timeout=%v", deleteWithin))
	if err != nil && k.made { // one that is not there cannot be deleted
		return fmt.Errorf("deleting Job %s: %w; its pods end with their input, and the Job goes ten minutes later; "+
			"by hand: %s", k.name, err, strings.Join(k.command("delete", "job/"+k.name), " "))
	}
	return nil
}

// attached is a kubectl whose input and output are those of a pod.
type attached struct {
	*process
	job   *Kubernetes
	index int
	name  string
	ask   sync.Once
	said  error
}

// verdictWithin bounds how long a cluster may take to say how a pod has ended.
const verdictWithin = 3 * time.Second

// End implements fleet.Stream. kubectl ends well whatever became of the pod: the cluster is asked for that.
func (a *attached) End(after time.Duration) error {
	err := a.process.End(after)
	a.ask.Do(func() { a.said = a.verdict() })
	words := withoutLog(a.words.String())
	switch {
	case a.said != nil && words != "":
		return fmt.Errorf("%s (%w)", words, a.said)
	case a.said == nil && err != nil: // it is kubectl that has failed, and not the pod
		return clusterError(strings.Join(a.job.command("attach"), " "), err)
	}
	return a.said
}

// verdict is how the pod has failed; nil if it has not, or nobody knows.
func (a *attached) verdict() error {
	ctx, cancel := context.WithTimeout(context.Background(), verdictWithin)
	defer cancel()
	for {
		pods, err := a.job.lookAgain(ctx)
		if err != nil {
			return nil // it is asked about a failure, and must not hide that behind another
		}
		p := pods[a.index]
		if p.Metadata.Name == "" {
			return podError("pod "+a.name, "Deleted", "it is no longer in the cluster")
		}
		if why := p.trouble(); why != nil || p.Status.Phase == succeeded {
			return why
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(lookEvery):
		}
	}
}
