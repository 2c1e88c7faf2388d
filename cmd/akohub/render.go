package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/akohub/akohub/hub/desired"
	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/hub/plan"
	"github.com/akohub/akohub/hub/settings"
	"github.com/akohub/akohub/hub/translate"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
)

func newRenderCommand() *cobra.Command {
	var cluster, output string
	var objects []string
	var facts settings.Facts
	cmd := &cobra.Command{
		Use:   "render --cluster FILE --objects FILE…",
		Short: "Show the Avi objects for manifests, without a hub or a controller",
		Long: `render translates Kubernetes manifests as the hub would and prints the Avi objects,
private keys redacted; then, as edits, what it would put into objects that others
use too: its label on the service-engine group, and static routes to the Nodes of
the manifests. Nothing is connected to: what a controller would say of its cloud
is given by flags. Namespaces, and an IngressClass "avi-lb" that is the default,
are taken to be there when the manifests hold none. Where there is an OpenShift
Route among them, it is a cluster that has Routes, whose Ingresses are not served.
What is wrong with the manifests goes to standard error.`,
		Example: `  akohub render --cluster clusters/shop.yaml --objects shop/*.yaml --domain apps.example.com`,
		RunE: func(cmd *cobra.Command, args []string) error {
			files := slices.Concat(objects, args)
			if output != "yaml" && output != "json" {
				return fmt.Errorf("--output %q: yaml or json", output)
			}
			if cluster == "" || len(files) == 0 {
				return errors.New("give --cluster FILE, and --objects FILE at least once")
			}
			rendered, err := render(cluster, files, facts)
			if err != nil {
				return err
			}
			for _, p := range rendered.problems {
				if _, err := fmt.Fprintf(cmd.ErrOrStderr(), "%s %s/%s: %s: %s\n", kindInManifests(p.Object.Kind), p.Object.Namespace, p.Object.Name, p.Reason, p.Message); err != nil {
					return err
				}
			}
			return rendered.print(cmd.OutOrStdout(), output)
		},
	}
	cmd.Flags().StringVar(&cluster, "cluster", "", "registration file of the cluster")
	cmd.Flags().StringArrayVar(&objects, "objects", nil, "file with Kubernetes manifests; may be repeated, and further arguments are files too")
	cmd.Flags().StringVarP(&output, "output", "o", "yaml", "yaml or json")
	cmd.Flags().StringVar(&facts.CloudType, "cloud-type", settings.CloudVCenter, "vtype of the Avi cloud")
	cmd.Flags().StringArrayVar(&facts.Domains, "domain", nil, "DNS sub-domain of the cloud; may be repeated; none: the cloud has no DNS profile")
	cmd.Flags().StringVar(&facts.LicenseTier, "license-tier", "ENTERPRISE", "default licence tier of the controller")
	cmd.Flags().StringVar(&facts.NetworkVRF, "network-vrf", "", "VRF context of the first VIP network")
	return cmd
}

// rendering is what manifests become.
type rendering struct {
	objects  []*desired.Object
	edits    []translate.Edit
	problems []translate.Problem
}

func render(clusterFile string, files []string, facts settings.Facts) (*rendering, error) {
	data, err := os.ReadFile(clusterFile)
	if err != nil {
		return nil, fmt.Errorf("reading the registration: %w", err)
	}
	reg, err := v1alpha1.ParseCluster(data, clusterFile)
	if err != nil {
		return nil, err
	}
	s, err := settings.For(reg, facts)
	if err != nil {
		return nil, err
	}
	m := mirror.New(reg.Metadata.Name)
	if err := loadManifests(m, reg, files); err != nil {
		return nil, err
	}
	var out rendering
	m.Read(func(v mirror.View) {
		s.OpenShift = len(v.Routes()) > 0
		err = out.translate(v, &s)
	})
	return &out, err
}

func (r *rendering) translate(v mirror.View, s *translate.Settings) error {
	parents := map[translate.ParentKey][]translate.Contribution{}
	var objects []translate.Object
	for _, u := range translate.AllUnits(v, s) {
		f := translate.Unit(v, s, u)
		objects = append(objects, f.Objects...)
		r.edits = append(r.edits, f.Edits...)
		r.problems = append(r.problems, f.Problems...)
		for _, c := range f.Contributions {
			parents[c.Parent] = append(parents[c.Parent], c)
		}
	}
	for p, cs := range parents {
		objects = append(objects, translate.Assemble(s, p, cs)...)
	}
	for _, o := range objects {
		d, err := desired.FromTranslate(o)
		if err != nil {
			return fmt.Errorf("%s %q: %w", o.Key.Type, o.Key.Name, err)
		}
		r.objects = append(r.objects, d)
	}
	slices.SortFunc(r.objects, func(a, b *desired.Object) int { return desired.CompareKeys(a.Key, b.Key) })
	slices.SortFunc(r.edits, func(a, b translate.Edit) int { return desired.CompareKeys(a.Key, b.Key) })
	slices.SortFunc(r.problems, func(a, b translate.Problem) int {
		return cmp.Or(cmp.Compare(a.Object.Kind, b.Object.Kind), cmp.Compare(a.Object.Namespace, b.Object.Namespace),
			cmp.Compare(a.Object.Name, b.Object.Name), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Message, b.Message))
	})
	r.problems = slices.Compact(r.problems)
	return nil
}

// rendered is how an object is printed, or an edit of one.
type rendered struct {
	Tenant string         `json:"tenant"`
	Type   string         `json:"type"`
	Object map[string]any `json:"object,omitempty"`
	Edit   *renderedEdit  `json:"edit,omitempty"`
}

// renderedEdit is what is put into an object that others use too: the elements
// of its lists that are the cluster's. All else in it stays.
type renderedEdit struct {
	Name   string         `json:"name"`
	Cloud  string         `json:"cloud,omitempty"`
	Fields map[string]any `json:"fields"`
}

func (r *rendering) print(w io.Writer, output string) error {
	list := make([]rendered, 0, len(r.objects))
	for _, o := range r.objects {
		list = append(list, rendered{Tenant: o.Key.Tenant, Type: o.Key.Type, Object: plan.RedactBody(o.Key.Type, o.Body)})
	}
	for _, e := range r.edits {
		if fields := plan.Merge(map[string]any{}, e).Fields; len(fields) > 0 {
			list = append(list, rendered{Tenant: e.Key.Tenant, Type: e.Key.Type, Edit: &renderedEdit{Name: e.Key.Name, Cloud: e.Cloud, Fields: fields}})
		}
	}
	var text []byte
	switch output {
	case "json":
		var err error
		if text, err = json.MarshalIndent(list, "", "  "); err != nil {
			return err
		}
		text = append(text, '\n')
	default:
		docs := make([][]byte, 0, len(list))
		for _, o := range list {
			doc, err := yamlText(o)
			if err != nil {
				return err
			}
			docs = append(docs, doc)
		}
		text = bytes.Join(docs, []byte("---\n"))
	}
	_, err := w.Write(text)
	return err
}
