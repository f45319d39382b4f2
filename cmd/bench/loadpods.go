package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"bench/fleet/place"
	"bench/loadgen"
	"bench/reports/page"

	"github.com/spf13/pflag"
)

// podOptions say what workers in a Kubernetes cluster are made of.
type podOptions struct {
	kubectl, image, cpu, memory string
	wait                        time.Duration
}

func (o *podOptions) flags(f *pflag.FlagSet) {
	f.StringVar(&o.kubectl, "kubectl", "kubectl",
		"with --workers k8s: the `COMMAND` for kubectl, such as 'kubectl --context lab -n load'")
	f.StringVar(&o.image, "image", "", "with --workers k8s: the `IMAGE` that has this program (make image)")
	f.StringVar(&o.cpu, "pod-cpu", "1", "with --workers k8s: `CORES` that each pod asks for")
	f.StringVar(&o.memory, "pod-memory", "512Mi", "with --workers k8s: `MEMORY` that each pod gets")
	f.DurationVar(&o.wait, "pod-wait", 2*time.Minute, "with --workers k8s: how long to wait until all pods run")
}

// record is what the flags say about pods that carry out a plan.
func (o podOptions) record(p loadgen.Plan) place.Pods {
	return place.Pods{
		Kubectl: strings.Fields(o.kubectl), Image: o.image, CPU: o.cpu, Memory: o.memory,
		Ready: o.wait, Load: p.Duration + p.DrainTime(),
	}
}

// foresee is --dry-run: what would be sent, and by whom; of workers in a cluster, the Job as kubectl would read it.
func (o loadOptions) foresee(s *shell, p loadgen.Plan, engine loadgen.Engine) error {
	var workers []string
	if o.workers.where != "" {
		program, binary, err := ownProgram()
		if err != nil {
			return err
		}
		where, err := o.place(s, p, program, binary)
		if err != nil {
			return err
		}
		if job, isJob := where.(*place.Kubernetes); isJob {
			manifest, err := job.Manifest()
			if err == nil {
				_, err = fmt.Fprint(s.out, manifest)
			}
			return err
		}
		workers = where.Workers()
	}
	if o.json {
		return s.json(map[string]any{"schema": "bench.plan/1", "plan": p, "engine": fmt.Sprint(engine), "workers": workers})
	}
	fmt.Fprintf(s.out, "%s\n%v, engine %v\n", p.URL, p, engine)
	for _, t := range p.Mix.Targets {
		fmt.Fprintf(s.out, "  %s %s  weight %d\n", cmp.Or(t.Method, "GET"), t.Path, max(1, t.Weight))
	}
	if len(workers) > 0 {
		fmt.Fprintf(s.out, "sent by %s: %s\n", page.Count(len(workers), "worker"), strings.Join(workers, ", "))
	}
	return nil
}
