package place_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"bench/fleet/place"
	"bench/internal/strict"
)

var update = flag.Bool("update", false, "write the golden file anew")

// job is what bench uses of a Job. The names of the keys are those of batch/v1 and core/v1 in the reference
// of Kubernetes' API; a key that is not here is a mistake.
type job struct {
	APIVersion string   `yaml:"apiVersion"`
	Kind       string   `yaml:"kind"`
	Metadata   metadata `yaml:"metadata"`
	Spec       struct {
		CompletionMode          string `yaml:"completionMode"`
		Completions             int    `yaml:"completions"`
		Parallelism             int    `yaml:"parallelism"`
		BackoffLimit            *int   `yaml:"backoffLimit"` // 6 if there is none
		ActiveDeadlineSeconds   int    `yaml:"activeDeadlineSeconds"`
		TTLSecondsAfterFinished *int   `yaml:"ttlSecondsAfterFinished"` // never if there is none
		Template                struct {
			Metadata metadata `yaml:"metadata"`
			Spec     podSpec  `yaml:"spec"`
		} `yaml:"template"`
	} `yaml:"spec"`
}

type metadata struct {
	Name        string            `yaml:"name"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

type podSpec struct {
	RestartPolicy                 string `yaml:"restartPolicy"`
	AutomountServiceAccountToken  *bool  `yaml:"automountServiceAccountToken"` // true if there is none
	EnableServiceLinks            *bool  `yaml:"enableServiceLinks"`
	TerminationGracePeriodSeconds int    `yaml:"terminationGracePeriodSeconds"`
	SecurityContext               struct {
		RunAsNonRoot   bool `yaml:"runAsNonRoot"`
		RunAsUser      int  `yaml:"runAsUser"`
		RunAsGroup     int  `yaml:"runAsGroup"`
		SeccompProfile struct {
			Type string `yaml:"type"`
		} `yaml:"seccompProfile"`
	} `yaml:"securityContext"`
	TopologySpreadConstraints []struct {
		MaxSkew           int    `yaml:"maxSkew"`
		TopologyKey       string `yaml:"topologyKey"`
		WhenUnsatisfiable string `yaml:"whenUnsatisfiable"`
		LabelSelector     struct {
			MatchLabels map[string]string `yaml:"matchLabels"`
		} `yaml:"labelSelector"`
	} `yaml:"topologySpreadConstraints"`
	Containers []container `yaml:"containers"`
	Volumes    []struct {
		Name     string `yaml:"name"`
		EmptyDir struct {
			SizeLimit string `yaml:"sizeLimit"`
		} `yaml:"emptyDir"`
	} `yaml:"volumes"`
}

type container struct {
	Name                     string   `yaml:"name"`
	Image                    string   `yaml:"image"`
	Args                     []string `yaml:"args"`
	Stdin                    bool     `yaml:"stdin"`
	StdinOnce                bool     `yaml:"stdinOnce"`
	TerminationMessagePolicy string   `yaml:"terminationMessagePolicy"`
	Env                      []struct {
		Name  string `yaml:"name"`
		Value string `yaml:"value"`
	} `yaml:"env"`
	Resources struct {
		Requests map[string]string `yaml:"requests"`
		Limits   map[string]string `yaml:"limits"`
	} `yaml:"resources"`
	SecurityContext struct {
		AllowPrivilegeEscalation *bool `yaml:"allowPrivilegeEscalation"` // true if there is none
		ReadOnlyRootFilesystem   bool  `yaml:"readOnlyRootFilesystem"`
		Capabilities             struct {
			Drop []string `yaml:"drop"`
		} `yaml:"capabilities"`
	} `yaml:"securityContext"`
	VolumeMounts []struct {
		Name      string `yaml:"name"`
		MountPath string `yaml:"mountPath"`
	} `yaml:"volumeMounts"`
}

func manifest(t *testing.T, args []string, pods place.Pods) (string, job) {
	t.Helper()
	p, err := place.Parse("k8s:8", place.Options{Args: args, Pods: pods})
	if err != nil {
		t.Fatal(err)
	}
	text, err := p.(*place.Kubernetes).Manifest()
	if err != nil {
		t.Fatal(err)
	}
	var j job
	if err := strict.YAML([]byte(text), &j); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return text, j
}

var twoMinutes = place.Pods{
	Kubectl: []string{"kubectl"}, Image: "registry.example.com/bench:1", CPU: "1", Memory: "512Mi",
	Ready: 2 * time.Minute, Load: time.Minute,
}

// The Job is one that ends by itself, whose workers end with their input, and that the strictest of
// Kubernetes' pod security standards lets in.
func TestJob(t *testing.T) {
	text, j := manifest(t, []string{"worker", "--allow-host", "10.0.0.5"}, twoMinutes)
	golden := filepath.Join("testdata", "job.yaml")
	text = strings.ReplaceAll(text, j.Metadata.Name, "bench-name")
	if *update {
		if err := os.WriteFile(golden, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(golden); err != nil || string(want) != text {
		t.Errorf("%v; the Job is not that of %s:\n%s", err, golden, text)
	}
	s, pod := j.Spec, j.Spec.Template.Spec
	c := pod.Containers[0]
	isFalse := func(b *bool) bool { return b != nil && !*b }
	spread := pod.TopologySpreadConstraints[0]
	for what, is := range map[string]bool{
		"an Indexed Job":          j.APIVersion == "batch/v1" && j.Kind == "Job" && s.CompletionMode == "Indexed",
		"a name for a label":      regexp.MustCompile(`^[a-z]([-a-z0-9]{0,50}[a-z0-9])$`).MatchString(j.Metadata.Name),
		"8 pods at once":          s.Completions == 8 && s.Parallelism == 8,
		"no second try":           s.BackoffLimit != nil && *s.BackoffLimit == 0 && pod.RestartPolicy == "Never",
		"time to wait and load":   s.ActiveDeadlineSeconds == 8*60,
		"an end of the Job":       s.TTLSecondsAfterFinished != nil && *s.TTLSecondsAfterFinished > 0,
		"no credentials":          isFalse(pod.AutomountServiceAccountToken),
		"no root":                 pod.SecurityContext.RunAsNonRoot && pod.SecurityContext.RunAsUser > 0,
		"restricted system calls": pod.SecurityContext.SeccompProfile.Type == "RuntimeDefault",
		"no escalation":           isFalse(c.SecurityContext.AllowPrivilegeEscalation),
		"no capabilities":         slices.Equal(c.SecurityContext.Capabilities.Drop, []string{"ALL"}),
		"a read-only root":        c.SecurityContext.ReadOnlyRootFilesystem,
		"a volume to write to":    c.VolumeMounts[0].Name == pod.Volumes[0].Name,
		"what it writes on it":    c.Env[0].Value == c.VolumeMounts[0].MountPath,
		"an end with the input":   c.Stdin && c.StdinOnce,
		"the image":               c.Image == twoMinutes.Image,
		"the worker's arguments":  slices.Equal(c.Args, []string{"worker", "--allow-host", "10.0.0.5"}),
		"what each asks for":      c.Resources.Requests["cpu"] == "1" && c.Resources.Requests["memory"] == "512Mi",
		"no throttled generator":  c.Resources.Limits["cpu"] == "" && c.Resources.Limits["memory"] == "512Mi",
		"pods on different nodes": spread.TopologyKey == "kubernetes.io/hostname" && spread.MaxSkew == 1,
		"labels that fit": len(spread.LabelSelector.MatchLabels) == 1 && spread.LabelSelector.MatchLabels[instance] ==
			j.Spec.Template.Metadata.Labels[instance] && j.Spec.Template.Metadata.Labels[instance] == j.Metadata.Name,
	} {
		if !is {
			t.Errorf("want %s:\n%s", what, text)
		}
	}
}

const instance = "app.kubernetes.io/instance"

// No argument can become another part of the Job.
func TestArgumentsStayTexts(t *testing.T) {
	args := []string{
		`a"b`, "c\n  evil: true", "{{.}}", "# no", "no", "01234", "- x", "é\u2028<&>", "\\", "'", "*a", "!!int 3",
	}
	if _, j := manifest(t, args, twoMinutes); !slices.Equal(j.Spec.Template.Spec.Containers[0].Args, args) {
		t.Errorf("%q; want %q", j.Spec.Template.Spec.Containers[0].Args, args)
	}
}

// Options that no cluster would take are refused, with what is wanted.
func TestPodsRefused(t *testing.T) {
	for _, row := range []struct {
		says string
		edit func(*place.Pods)
	}{
		{"", func(*place.Pods) {}},
		{"", func(p *place.Pods) { p.Image, p.CPU, p.Memory = "localhost:5000/a/b_c@sha256:0123", "0.5", "1.5Gi" }},
		{"BENCH_IMAGE", func(p *place.Pods) { p.Image = "" }},
		{"name of an image", func(p *place.Pods) { p.Image = "-x" }},
		{"name of an image", func(p *place.Pods) { p.Image = "a b" }},
		{"name of an image", func(p *place.Pods) { p.Image = "a\nb" }},
		{"--kubectl", func(p *place.Pods) { p.Kubectl = nil }},
		{"--pod-cpu", func(p *place.Pods) { p.CPU = "many" }},
		{"--pod-cpu", func(p *place.Pods) { p.CPU = "-1" }},
		{"--pod-cpu", func(p *place.Pods) { p.CPU = "0" }},
		{"--pod-memory", func(p *place.Pods) { p.Memory = "" }},
		{"--pod-memory", func(p *place.Pods) { p.Memory = "512MB" }},
		{"--pod-wait", func(p *place.Pods) { p.Ready = 0 }},
	} {
		pods := twoMinutes
		row.edit(&pods)
		p, err := place.Parse("k8s:1", place.Options{Pods: pods})
		if err != nil {
			t.Fatal(err)
		}
		err = p.(*place.Kubernetes).Validate()
		if (err == nil) != (row.says == "") || err != nil && !strings.Contains(err.Error(), row.says) {
			t.Errorf("%+v: %v; want %q", pods, err, row.says)
		}
	}
}

// The image that the repository builds is one that the Job can run.
func TestContainerfile(t *testing.T) {
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join("..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	says := map[string]string{} // the last of each instruction, which is of the last stage
	for line := range strings.Lines(read("Containerfile")) {
		if word, rest, found := strings.Cut(strings.TrimSpace(line), " "); found && word != "#" {
			says[word] = rest
		}
	}
	_, j := manifest(t, nil, twoMinutes)
	user := strconv.Itoa(j.Spec.Template.Spec.SecurityContext.RunAsUser)
	for instruction, want := range map[string]string{
		"FROM": "scratch", "ENTRYPOINT": `["/bench"]`, "COPY": "--chmod=0555 bench /bench", "USER": user + ":" + user,
	} {
		if says[instruction] != want {
			t.Errorf("Containerfile: %s %q; want %q", instruction, says[instruction], want)
		}
	}
	for _, words := range []string{"CGO_ENABLED=0 $(GO) build", "build --file Containerfile --tag $(IMAGE) bin"} {
		if !strings.Contains(read("Makefile"), words) {
			t.Errorf("make image: want %q: a static program in the folder that is built", words)
		}
	}
}
