package place

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
)

// pod is what a cluster says about a pod, as far as it is read.
type pod struct {
	Metadata struct {
		Name              string
		Annotations       map[string]string
		DeletionTimestamp string
	}
	Status struct {
		Phase, Reason, Message string
		Conditions             []condition
		ContainerStatuses      []struct{ State state }
	}
}

// indexAnnotation holds a pod's number in its Job.
const indexAnnotation = "batch.kubernetes.io/job-completion-index"

// succeeded and failed are the phases of a pod that has ended.
const succeeded, failed = "Succeeded", "Failed"

type condition struct{ Type, Status, Reason, Message string }

// state is one of three.
type state struct {
	Running    *struct{}
	Waiting    *condition
	Terminated *struct {
		ExitCode, Signal int
		Reason, Message  string
	}
}

func (p pod) state() state {
	if len(p.Status.ContainerStatuses) == 0 {
		return state{}
	}
	return p.Status.ContainerStatuses[0].State
}

func (p pod) running() bool { return p.state().Running != nil && p.Metadata.DeletionTimestamp == "" }

// transient are the reasons for which a container waits and may yet run.
var transient = map[string]bool{"": true, "ContainerCreating": true, "PodInitializing": true}

// trouble is why a pod will not run, or has failed.
func (p pod) trouble() error {
	subject, s := "pod "+p.Metadata.Name, p.state()
	switch {
	case s.Waiting != nil && !transient[s.Waiting.Reason]:
		return podError(subject, s.Waiting.Reason, s.Waiting.Message)
	case s.Terminated != nil && s.Terminated.ExitCode != 0:
		end := fmt.Sprintf("%s, exit code %d", s.Terminated.Reason, s.Terminated.ExitCode)
		return podError(subject, end, lastLine(s.Terminated.Message))
	case p.Status.Phase == failed:
		return podError(subject, p.Status.Reason, p.Status.Message)
	case p.Metadata.DeletionTimestamp != "":
		return podError(subject, "Deleted", "it is being deleted")
	}
	return nil
}

// waiting is what a pod is waiting for.
func (p pod) waiting() error {
	for _, c := range p.Status.Conditions {
		if c.Type == "PodScheduled" && c.Status == "False" {
			return podError("pod "+p.Metadata.Name, c.Reason, c.Message)
		}
	}
	if w := p.state().Waiting; w != nil {
		return podError("pod "+p.Metadata.Name, w.Reason, w.Message)
	}
	return nil
}

// lastLine is the last line of what a container has said. A worker that was attached to has said what is not
// for people, in which lines end as those of a protocol do, or there are control characters: of that, nothing is
// shown, nor of a line that it did not end.
func lastLine(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	last := lines[len(lines)-1]
	cut := strings.Contains(text, "\r") && !strings.HasSuffix(text, "\n")
	if cut || strings.ContainsAny(last, "\x00\r") || strings.HasPrefix(last, "{") {
		return ""
	}
	return strings.TrimSpace(last)
}

// podHints are what to do about what became of a pod, found by the words of the cluster.
var podHints = []struct{ words, hint string }{
	{"exec format error", "build the image for the kind of processor that the cluster's nodes have"},
	{"no such file or directory", "build the image from a static program: make image"},
	{"executable file not found", "build the image with make image: it starts bench"},
	{"Pull", "push the image to where the cluster's nodes can read it, and see whether they need credentials for it"},
	{"InvalidImageName", "name the image as registry.example.com/bench:1 (--image)"},
	{"runAsNonRoot", "build the image with make image: it does not run as root"},
	{"OOMKilled", "give each pod more memory (--pod-memory)"},
	{"Unschedulable", "ask for less (--pod-cpu, --pod-memory, fewer workers), or give the cluster more nodes"},
	{"exceeded quota", "ask for less (--pod-cpu, --pod-memory, fewer workers), or for a larger quota"},
	{"FailedCreate", "see what the namespace demands of pods: kubectl describe resourcequota,limitrange"},
	{"exit code 137", "something has killed it: see the events of its node"},
	{"exit code 2:", "build the image from this version of bench"},
	{"Evicted", "see what its node was short of: kubectl describe node"},
	{"Deleted", "find out who deletes pods: a node that is drained does, and a Job of which another pod has failed"},
	{"DeadlineExceeded", "see why it was not attached to in time"},
}

// podError says what became of something in the cluster, why, and what to do.
func podError(subject, reason, message string) error {
	said := strings.Join(strings.Fields(message), " ")
	switch {
	case said == "":
		said = reason
	case reason != "":
		said = reason + ": " + said
	}
	for _, h := range podHints {
		if strings.Contains(said+":", h.words) {
			return fmt.Errorf("%s: %s; %s", subject, said, h.hint)
		}
	}
	return fmt.Errorf("%s: %s; see kubectl describe", subject, cmp.Or(said, "it failed, and the cluster does not say why"))
}

// clusterHints are what to do about the failures of kubectl, found by its words.
var clusterHints = []struct{ words, hint string }{
	{"exceeded quota", "ask for less (--pod-cpu, --pod-memory, fewer workers), or for a larger quota"},
	{"orbidden", "ask for the permissions that docs/MANY-MACHINES.md lists, or name another namespace with --kubectl"},
	{"nauthorized", "log in to the cluster: kubectl get pods has to work by hand"},
	{"logged in", "log in to the cluster: kubectl get pods has to work by hand"},
	{`context "`, "name one that kubectl config get-contexts lists, with --kubectl 'kubectl --context NAME'"},
	{"namespaces", "make the namespace, or name another with --kubectl 'kubectl --namespace NAME'"},
	{"no configuration", "name a configuration with --kubectl 'kubectl --kubeconfig FILE' or KUBECONFIG"},
	{"unknown flag", "use a newer kubectl (kubectl version --client), or name one with --kubectl"},
	{"admission webhook", "see what the cluster's policy demands; --dry-run prints the Job"},
}

// clusterError says what was attempted, why it failed, and what to do.
func clusterError(attempted string, err error) error {
	hint := "check that kubectl get pods works by hand"
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("the cluster does not answer: %w", err)
	}
	for _, h := range clusterHints {
		if strings.Contains(err.Error(), h.words) {
			hint = h.hint
			break
		}
	}
	return fmt.Errorf("%s: %w; %s", attempted, err, hint)
}
