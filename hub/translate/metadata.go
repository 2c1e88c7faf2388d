package translate

import "encoding/json"

// serviceMetadata is the text in service_metadata, by which AKO knows its
// objects again. Every key is spelled out, unset lists and maps as null, in
// this order (l7.md §3.5, §26.4).
type serviceMetadata struct {
	NamespaceIngressName     []string            `json:"namespace_ingress_name"`
	IngressName              string              `json:"ingress_name"`
	Namespace                string              `json:"namespace"`
	HostNames                []string            `json:"hostnames"`
	NamespaceServiceName     []string            `json:"namespace_svc_name"`
	CRDStatus                crdStatus           `json:"crd_status"`
	PoolRatio                int32               `json:"pool_ratio"`
	PassthroughParentRef     string              `json:"passthrough_parent_ref"`
	PassthroughChildRef      string              `json:"passthrough_child_ref"`
	Gateway                  string              `json:"gateway"`
	HTTPRoute                string              `json:"httproute"`
	HTTPRouteRuleName        string              `json:"httproute_rule_name"`
	InsecureEdgeTermAllow    bool                `json:"insecureedgetermallow"`
	IsMCIIngress             bool                `json:"is_mci_ingress"`
	FQDNReusePolicy          string              `json:"fqdn_reuse_policy"`
	HostNamespaceIngressName map[string][]string `json:"host_namespace_ingress_name"`
}

// crdStatus tells which custom resource was applied to the object.
type crdStatus struct {
	Type   string `json:"type"`
	Value  string `json:"value"`
	Status string `json:"status"`
}

// text returns the wire form.
func (m serviceMetadata) text() *string {
	b, err := json.Marshal(m)
	if err != nil {
		// Strings, numbers and booleans always marshal.
		panic("service metadata: " + err.Error())
	}
	return ptr(string(b))
}
