// Command clusterbin is a Kubernetes control plane for tests in one file: etcd,
// kube-apiserver, kube-controller-manager and kubectl, chosen by the name it is
// called by or by its first argument.
//
// In comes an ordinary command line of one of the four; out comes that
// program, unchanged. It may not do anything of its own: what the tests talk
// to has to be the real thing.
//
// It is a module of its own so that none of the Kubernetes server code reaches
// the product's go.mod. Build it with build.sh, which keeps one copy a machine.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"          // --logging-format=json
	_ "k8s.io/component-base/metrics/prometheus/clientgo" // client metrics on /metrics
	_ "k8s.io/component-base/metrics/prometheus/version"  // build info on /metrics
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

func main() {
	name, args := program(os.Args)
	// The programs read os.Args themselves (cobra, etcd's flag set and the
	// version flag), so shifting it is the only way to hand them their part.
	os.Args = args
	switch name {
	case "etcd":
		etcdmain.Main(os.Args)
	case "kube-apiserver":
		os.Exit(cli.Run(apiserver.NewAPIServerCommand()))
	case "kube-controller-manager":
		os.Exit(cli.Run(controllers.NewControllerManagerCommand()))
	case "kubectl":
		if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
			kubectlutil.CheckErr(err)
		}
	default:
		fmt.Fprintln(os.Stderr, "usage: clusterbin etcd|kube-apiserver|kube-controller-manager|kubectl [flags]")
		os.Exit(2)
	}
}

// program says which of the four is meant and with which arguments: by the
// name of the executable (a symbolic link), else by the first argument.
func program(argv []string) (string, []string) {
	name := filepath.Base(argv[0])
	switch name {
	case "etcd", "kube-apiserver", "kube-controller-manager", "kubectl":
		return name, argv
	}
	if len(argv) < 2 {
		return "", argv
	}
	return argv[1], argv[1:]
}
