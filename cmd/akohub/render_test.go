package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"
)

const balancer = `apiVersion: v1
kind: Service
metadata: {name: dns, namespace: infra}
spec:
  type: LoadBalancer
  ports:
  - {name: dns, port: 53, protocol: UDP}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: dns-1, namespace: infra, labels: {kubernetes.io/service-name: dns}}
addressType: IPv4
ports: [{name: dns, port: 53, protocol: UDP}]
endpoints:
- {addresses: [10.1.2.3], conditions: {ready: true}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: dns, namespace: infra}
`

const lab = `apiVersion: akohub.io/v1alpha1
kind: Cluster
metadata: {name: lab}
spec:
  tenant: {name: lab}
  network: {vipNetworks: [{name: vip-net}]}
`

func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRender(t *testing.T) {
	cluster, objects := file(t, "lab.yaml", lab), file(t, "dns.yaml", balancer)
	out, errs, err := execute(t, newRootCommand(), "", "render", "--cluster", cluster, "--objects", objects, "--domain", "apps.example.test")
	if err != nil || errs != "" {
		t.Fatalf("%v %s", err, errs)
	}
	golden(t, "render.yaml", out)
	asJSON, _, err := execute(t, newRootCommand(), "", "render", "--cluster", cluster, "--objects", objects, "--domain", "apps.example.test", "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	var list []rendered
	if err := json.Unmarshal([]byte(asJSON), &list); err != nil || len(list) != strings.Count("\n"+out, "\ntenant: ") {
		t.Errorf("%d objects as JSON: %v", len(list), err)
	}
}

// What is edited of objects that others use too is printed as well, and the order
// of the manifests does not matter.
func TestRenderEdits(t *testing.T) {
	node := func(n string) string {
		return `apiVersion: v1
kind: Node
metadata: {name: node-` + n + `, uid: 00000000-0000-0000-0000-00000000000` + n + `}
spec: {podCIDR: 10.244.` + n + `.0/24, podCIDRs: [10.244.` + n + `.0/24]}
status: {addresses: [{type: InternalIP, address: 10.0.0.` + n + `}], conditions: [{type: Ready, status: "True"}]}
`
	}
	var outs []string
	for _, nodes := range []string{node("1") + "---\n" + node("2"), node("2") + "---\n" + node("1")} {
		out, errs, err := execute(t, newRootCommand(), "", "render", "--cluster", file(t, "lab.yaml", lab), "--objects", file(t, "nodes.yaml", nodes),
			"--domain", "apps.example.test")
		if err != nil || errs != "" {
			t.Fatalf("%v %s", err, errs)
		}
		outs = append(outs, out)
	}
	if outs[0] != outs[1] {
		t.Errorf("the order of the manifests matters:\n%s\n%s", outs[0], outs[1])
	}
	golden(t, "render-edits.yaml", outs[0])
}

// Manifests with a Route are those of an OpenShift cluster.
func TestRenderRoutes(t *testing.T) {
	const route = `apiVersion: route.openshift.io/v1
kind: Route
metadata: {name: web, namespace: infra}
spec: {host: web.apps.example.test, to: {kind: Service, name: web}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: infra}
spec: {ports: [{port: 80}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: old, namespace: infra}
spec: {rules: [{host: old.apps.example.test, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: dns, port: {number: 53}}}}]}}]}
`
	out, errs, err := execute(t, newRootCommand(), "", "render", "--cluster", file(t, "lab.yaml", lab),
		"--objects", file(t, "dns.yaml", balancer), "--objects", file(t, "route.yaml", route), "--domain", "apps.example.test")
	if err != nil || errs != "" {
		t.Fatalf("%v %s", err, errs)
	}
	if !strings.Contains(out, "name: lab--web.apps.example.test") || strings.Contains(out, "old.apps.example.test") {
		t.Errorf("the Route is missing or the Ingress is there:\n%s", out)
	}
}

// The examples translate to what the demo shows, each cluster's in its tenant.
func TestRenderExamples(t *testing.T) {
	for _, name := range []string{"cluster-a", "cluster-b"} {
		t.Run(name, func(t *testing.T) {
			files, err := filepath.Glob(filepath.Join("..", "..", "examples", name, "*.yaml"))
			if err != nil || len(files) == 0 {
				t.Fatalf("no examples: %v", err)
			}
			args := append([]string{"render", "-o", "json", "--domain", "apps.example.test", "--domain", "avi.internal",
				"--cluster", filepath.Join("..", "..", "examples", "clusters", name+".yaml"), "--objects"}, files...)
			out, errs, err := execute(t, newRootCommand(), "", args...)
			if err != nil {
				t.Fatal(err)
			}
			var list []rendered
			if err := json.Unmarshal([]byte(out), &list); err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			for _, o := range list {
				if o.Edit != nil {
					b.WriteString("edit: " + o.Tenant + " " + o.Type + " " + o.Edit.Name + "\n")
					continue
				}
				b.WriteString(o.Tenant + " " + o.Type + " " + o.Object["name"].(string) + "\n")
			}
			// The Secrets are not among the examples, and that is said.
			golden(t, "render-"+name+".txt", b.String()+"\n"+errs)
		})
	}
}

func TestRenderRefuses(t *testing.T) {
	cluster, objects := file(t, "lab.yaml", lab), file(t, "dns.yaml", balancer)
	for want, args := range map[string][]string{
		"--cluster FILE":      {},
		"--objects FILE at":   {"--cluster", cluster},
		"no such file":        {"--cluster", cluster, "--objects", objects + "-nosuch"},
		"document 1":          {"--cluster", cluster, "--objects", file(t, "bad.yaml", "kind: [")},
		"spec.mode":           {"--cluster", file(t, "bad.yaml", lab+"  mode: reckless\n"), "--objects", objects},
		"yaml or json":        {"--cluster", cluster, "--objects", objects, "-o", "xml"},
		"vipNetworks: needed": {"--cluster", file(t, "aws.yaml", strings.Replace(lab, "[{name: vip-net}]", "[]", 1)), "--objects", objects, "--cloud-type", "CLOUD_AWS"},
	} {
		_, _, err := execute(t, newRootCommand(), "", append([]string{"render"}, args...)...)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, want one with %q", args, err, want)
		}
	}
}

// A key in a manifest must not come out again.
func TestRenderHidesKeys(t *testing.T) {
	cert, key := keyPair(t)
	secret := map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "router-certs-default", "namespace": "avi-system"},
		"type": "kubernetes.io/tls", "stringData": map[string]any{"tls.crt": cert, "tls.key": key}}
	text, err := yaml.Marshal(secret)
	if err != nil {
		t.Fatal(err)
	}
	ingress := `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: infra, annotations: {ako.vmware.com/enable-tls: "true"}}
spec:
  rules:
  - host: web.apps.example.test
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: dns, port: {number: 53}}}}]}
`
	out, _, err := execute(t, newRootCommand(), "", "render", "--cluster", file(t, "lab.yaml", lab), "--domain", "apps.example.test",
		"--objects", file(t, "secret.yaml", string(text)), "--objects", file(t, "ingress.yaml", ingress), file(t, "dns.yaml", balancer))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out, "type: sslkeyandcertificate") || !strings.Contains(out, "<redacted>") {
		t.Errorf("no certificate:\n%s", out)
	}
	for _, l := range strings.Split(strings.TrimSpace(key), "\n") {
		if strings.Contains(out, l) {
			t.Error("the key is printed")
		}
	}
}

// keyPair makes a certificate and its key.
func keyPair(t *testing.T) (certPEM, keyPEM string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
}
