package main

import (
	"fmt"
	"strings"
	"time"

	"bench/fleet/place"
	"bench/loadgen"

	"github.com/spf13/pflag"
)

// podOptions say what workers in a Kubernetes cluster are made of.
type podOptions struct {
	kubectl, image, cpu, memory string
	wait                        time.Duration
	dryRun                      bool
}

func (o *podOptions) flags(f *pflag.FlagSet) {
	f.StringVar(&o.kubectl, "kubectl", "kubectl",
		"with --workers k8s: the `COMMAND` for kubectl, such as 'kubectl --context lab -n load'")
	f.StringVar(&o.image, "image", "", "with --workers k8s: the `IMAGE` that has this program (make image)")
	f.StringVar(&o.cpu, "pod-cpu", "1", "with --workers k8s: `CORES` that each pod asks for")
	f.StringVar(&o.memory, "pod-memory", "512Mi", "with --workers k8s: `MEMORY` that each pod gets")
	f.DurationVar(&o.wait, "pod-wait", 2*time.Minute, "with --workers k8s: how long to wait until all pods run")
	f.BoolVar(&o.dryRun, "dry-run", false, "with --workers k8s: print the Job, and start nothing")
}

// record is what the flags say about pods that carry out a plan.
func (o podOptions) record(p loadgen.Plan) place.Pods {
	return place.Pods{
		Kubectl: strings.Fields(o.kubectl), Image: o.image, CPU: o.cpu, Memory: o.memory,
		Ready: o.wait, Load: p.Duration + p.DrainTime(),
	}
}

// printJob is --dry-run: the Job as kubectl would read it.
func (o loadOptions) printJob(s *shell, p loadgen.Plan) error {
	program, binary, err := ownProgram()
	if err != nil {
		return err
	}
	where, err := o.place(s, p, program, binary)
	if err != nil {
		return err
	}
	job, isJob := where.(*place.Kubernetes)
	if !isJob {
		return usagef("--dry-run prints the Job of --workers k8s:N: want such workers")
	}
	manifest, err := job.Manifest()
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(s.out, manifest)
	return err
}
