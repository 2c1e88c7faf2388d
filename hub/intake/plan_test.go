package intake

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akohub/akohub/pkg/api/v1alpha1"
	"github.com/akohub/akohub/pkg/kinds"
)

// A registration is asked for the kind that its network plugin says the Pod
// networks by, where routes are made from it.
func TestOptionsFor(t *testing.T) {
	for _, tt := range []struct {
		spec string
		want string
	}{
		{`{}`, ""},
		{`{network: {staticRoutes: {cni: antrea}}}`, ""},
		{`{network: {staticRoutes: {cni: calico}}}`, "crd.projectcalico.org/v1 blockaffinities"},
		{`{network: {staticRoutes: {cni: cilium}}}`, "cilium.io/v2 ciliumnodes"},
		{`{network: {staticRoutes: {cni: openshift}}}`, "network.openshift.io/v1 hostsubnets"},
		{`{network: {staticRoutes: {cni: calico, sync: false}}}`, ""},
		{`{backends: {type: NodePort}, network: {staticRoutes: {cni: calico}}}`, ""},
	} {
		c, err := v1alpha1.ParseCluster([]byte("apiVersion: akohub.io/v1alpha1\nkind: Cluster\nmetadata: {name: c1}\nspec: "+tt.spec+"\n"), "c1.yaml")
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		p := DefaultPlan(OptionsFor(c))
		for _, k := range p.GetKinds() {
			switch kinds.Of(k.GetGroup(), k.GetResource()) {
			case kinds.BlockAffinity, kinds.CiliumNode, kinds.HostSubnet:
				got += k.GetGroup() + "/" + k.GetVersion() + " " + k.GetResource()
			}
		}
		if !planned(p, kinds.Route) {
			t.Errorf("%s: nobody asks whether the cluster is OpenShift", tt.spec)
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s: -want +got\n%s", tt.spec, d)
		}
	}
}
