// Kubelab runs a command beside a real Kubernetes control plane on this machine: etcd, an API server, a controller
// manager and a scheduler, built from their modules, and nodes whose pods are processes in namespaces of their own.
// It is the third ring of the tests of bench's workers in pods; docs/MANY-MACHINES.md describes it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	"k8s.io/component-base/logs"
	_ "k8s.io/component-base/metrics/prometheus/clientgo" // the components serve their clients' metrics
	_ "k8s.io/component-base/metrics/prometheus/version"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

// programs are those that this one is, found by the name it is called by or by its first argument. Each is a process
// of its own: several of them want the signals of their process for themselves.
var programs = map[string]func(args []string) int{
	"kube-apiserver":          upstream(apiserver.NewAPIServerCommand),
	"kube-controller-manager": upstream(controllers.NewControllerManagerCommand),
	"kube-scheduler": upstream(func() *cobra.Command {
		return scheduler.NewSchedulerCommand()
	}),
	"kubectl":   kubectl,
	"etcd":      runEtcd,
	"container": runContainer,
	"up":        runUp,
	"inside":    runInside,
}

func main() {
	name, args := filepath.Base(os.Args[0]), os.Args[1:]
	if programs[name] == nil && len(args) > 0 {
		name, args = args[0], args[1:]
	}
	run := programs[name]
	if run == nil {
		fmt.Fprintln(os.Stderr, "kubelab: want kubelab up [--nodes N] [--image NAME=PROGRAM] [--user NAME] -- COMMAND …")
		os.Exit(2)
	}
	os.Exit(run(args))
}

func upstream(command func() *cobra.Command) func(args []string) int {
	return func(args []string) int {
		c := command()
		c.SetArgs(args)
		return cli.Run(c)
	}
}

// kubectl reads os.Args itself, to find its plug-ins and how much it logs.
func kubectl(args []string) int {
	os.Args = append([]string{"kubectl"}, args...)
	_, _ = logs.GlogSetter(cmd.GetLogVerbosity(os.Args)) // a wrong level is reported by the command itself
	if err := cli.RunNoErrOutput(cmd.NewDefaultKubectlCommand()); err != nil {
		util.CheckErr(err) // prints it as kubectl does, and exits
		return 1
	}
	return 0
}

// untilSignalled ends with Ctrl-C or SIGTERM.
func untilSignalled() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
}
