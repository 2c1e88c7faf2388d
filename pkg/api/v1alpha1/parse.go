package v1alpha1

import (
	"github.com/akohub/akohub/pkg/api/strictyaml"
)

// NewCluster returns a registration with this name and the defaults in all
// other fields.
func NewCluster(name string) *Cluster {
	c := &Cluster{}
	strictyaml.SetDefaults(c)
	c.APIVersion, c.Kind, c.Metadata.Name = APIVersion, KindCluster, name
	return c
}

// ParseCluster reads one registration. The file name is only for messages. The
// error is a *strictyaml.Error: every unknown key, wrong value and
// contradiction, each with its line.
func ParseCluster(data []byte, file string) (*Cluster, error) {
	c := &Cluster{}
	src, err := strictyaml.Decode(data, file, c)
	if err != nil {
		return nil, err
	}
	found := &strictyaml.Error{File: file}
	c.check(func(path, format string, args ...any) {
		found.Add(src.Line(path), path, format, args...)
	})
	if err := found.OrNil(); err != nil {
		return nil, err
	}
	return c, nil
}

// Marshal writes the registration as YAML, in the order of the documentation,
// without what has its default.
func (c *Cluster) Marshal() ([]byte, error) { return strictyaml.Encode(c) }

// ObjectPrefix is the name that the cluster has on Avi: in the names of its
// objects ("NAME--…"), in created_by ("ako-NAME") and in its labels.
func (c *Cluster) ObjectPrefix() string {
	if c.Spec.Naming.ClusterName != "" {
		return c.Spec.Naming.ClusterName
	}
	return c.Metadata.Name
}

// Primary says that the registration is that of a cluster's one or primary AKO,
// which has duties for all of them (l4-infra.md §2.19).
func (c *Cluster) Primary() bool { return c.Spec.Naming.SecondaryNamespace == "" }

// CreatedBy is the value of created_by on the cluster's objects
// (l4-infra.md §0).
func (c *Cluster) CreatedBy() string {
	if ns := c.Spec.Naming.SecondaryNamespace; ns != "" {
		return "ako-" + c.ObjectPrefix() + "-" + ns
	}
	return "ako-" + c.ObjectPrefix()
}
