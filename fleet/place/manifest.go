package place

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"text/template"
	"time"
)

// Pods are what workers in a Kubernetes cluster are made of.
type Pods struct {
	Kubectl []string // the command for kubectl, with its own flags
	Image   string   // whose program is this one
	CPU     string   // that each asks for, as Kubernetes writes it: 500m
	Memory  string   // that each asks for, and may use: 512Mi
	// Ready is how long pods may take until all of them run, and Load how long they work after that.
	Ready, Load time.Duration
}

var (
	imageForm    = regexp.MustCompile(`^[a-zA-Z0-9][\w./:@-]*$`)
	quantityForm = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?(m|[kMGT]|[KMGT]i)?$`)
)

// Validate reports what no cluster would take, or would take for something else.
func (k *Kubernetes) Validate() error {
	p := k.options.Pods
	var errs []error
	switch {
	case len(p.Kubectl) == 0:
		errs = append(errs, errors.New("--kubectl is empty: want a command, such as 'kubectl --context NAME'"))
	case p.Image == "":
		errs = append(errs, errors.New("workers in pods need an image with this program: build one (make image), "+
			"push it to where the cluster reads images, and name it with --image or BENCH_IMAGE"))
	case !imageForm.MatchString(p.Image):
		errs = append(errs, fmt.Errorf("%q is not the name of an image: want one such as registry.example.com/bench:1",
			p.Image))
	}
	for _, q := range []struct{ flag, value, such string }{
		{"--pod-cpu", p.CPU, "500m or 2"}, {"--pod-memory", p.Memory, "512Mi"},
	} {
		if !quantityForm.MatchString(q.value) || strings.Trim(q.value, "0.mkMGTi") == "" {
			errs = append(errs, fmt.Errorf("%s: %q is not a quantity: want one such as %s", q.flag, q.value, q.such))
		}
	}
	if p.Ready <= 0 {
		errs = append(errs, fmt.Errorf("--pod-wait %v: want a time above 0", p.Ready))
	}
	return errors.Join(errs...)
}

//go:embed job.yaml
var jobText string

// Every text of a JSON document is one of a YAML document, and means the same there.
var jobTemplate = template.Must(template.New("job").Funcs(template.FuncMap{"quote": func(text string) (string, error) {
	data, err := json.Marshal(text)
	return string(data), err
}}).Parse(jobText))

// slack is what the orderly course of a load may take besides waiting for pods and loading: clocks, connections.
const slack = 5 * time.Minute

// Manifest is the Job whose pods are the workers, as kubectl reads it.
func (k *Kubernetes) Manifest() (string, error) {
	var text strings.Builder
	err := jobTemplate.Execute(&text, struct {
		Pods
		N, Deadline int
		Name        string
		Args        []string
	}{k.options.Pods, k.N, int((k.options.Pods.Ready + k.options.Pods.Load + slack).Seconds()), k.name, k.options.Args})
	if err != nil {
		return "", fmt.Errorf("writing the Job: %w", err)
	}
	return text.String(), nil
}
