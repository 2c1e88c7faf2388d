package main

import "fmt"

// lookAround says how to go on, in lines that can be copied.
func (d *demo) lookAround() {
	hub := " --config " + relative(d.hub.ConfigFile())
	a, b := d.members[0], d.members[1]
	kubectl := func(m *member) string { return ".tools/bin/kubectl --kubeconfig " + m.kubeconfig() }

	d.out.heading("Everything stays up until Ctrl-C; look around in another terminal")
	d.out.table("  ", [][]string{
		{a.name, kubectl(a) + " get ingress,service,events -A"},
		{b.name, kubectl(b) + " get ingress,service,events -A"},
		{"hub", "bin/akohub clusters" + hub},
		{"", "bin/akohub doctor " + a.name + hub},
		{"", "bin/akohub explain host shop.apps.example.test" + hub},
		{"", "curl -s http://" + d.hub.Metrics + "/metrics"},
		{"avi", fmt.Sprintf("curl -sku admin:sim-password -H 'X-Avi-Tenant: %s' %s/api/virtualservice", a.tenant, d.simulator.URL)},
		{"", fmt.Sprintf("curl -sk %s/_sim/writes", d.simulator.URL)},
		{"logs", dir + "/hub.log, " + dir + "/agent-*.log, " + dir + "/avisim.log, " + dir + "/kubernetes/*/*.log"},
	})
	d.out.blank()
	d.out.line("Things to try:")
	d.out.blank()
	d.out.line("an Ingress that leads nowhere, and what its owner is told:")
	d.out.line("  %s -n shop create ingress broken --class avi-lb --rule='broken.apps.example.test/*=missing:80'", kubectl(a))
	d.out.line("  %s -n shop get events", kubectl(a))
	d.out.line("a cluster that is only observed, and what the hub would do for it:")
	d.out.line("  sed -i 's/mode: enforce/mode: observe/' %s/clusters/%s.yaml; sleep 1", dir, b.name)
	d.out.line("  %s -n media delete service dns", kubectl(b))
	d.out.line("  bin/akohub plan %s%s", b.name, hub)
	d.out.line("a cluster that goes: everything that it has on Avi, and its addresses in Kubernetes:")
	d.out.line("  sed -i 's/mode: enforce/mode: offboard/' %s/clusters/%s.yaml; sleep 2", dir, a.name)
	d.out.line("  bin/akohub clusters%s", hub)
}
