package plan

import "testing"

// Owners and names of several instances of AKO for one cluster, and of clusters
// whose names are parts of others, read alike; none is taken for another.
func TestOwned(t *testing.T) {
	const marks = `"markers": [{"key": "clustername", "values": ["prod"]}]`
	for _, tt := range []struct {
		name               string
		typ, object, body  string
		cluster, createdBy string
		want               bool
	}{
		{"primary", "pool", "prod--p", `"created_by": "ako-prod", ` + marks, "prod", "ako-prod", true},
		{"primary, of long ago", "pool", "prod--p", `"created_by": "ako-prod"`, "prod", "ako-prod", true},
		{"a secondary's is not the primary's", "pool", "prod--p", `"created_by": "ako-prod-eu", ` + marks, "prod", "ako-prod", false},
		{"secondary", "pool", "prod--p", `"created_by": "ako-prod-eu", ` + marks, "prod", "ako-prod-eu", true},
		{"secondary, of long ago", "pool", "prod--p", `"created_by": "ako-prod-eu"`, "prod", "ako-prod-eu", true},
		{"a cluster with the owner of a secondary", "pool", "prod-eu--p", `"created_by": "ako-prod-eu", "markers": [{"key": "clustername", "values": ["prod-eu"]}]`, "prod", "ako-prod-eu", false},
		{"the same, without markers", "pool", "prod-eu--p", `"created_by": "ako-prod-eu"`, "prod", "ako-prod-eu", false},
		{"a secondary with the owner of a cluster", "pool", "prod--p", `"created_by": "ako-prod-eu", ` + marks, "prod-eu", "ako-prod-eu", false},
		{"shared VIP", "vsvip", "prod--Shared-L7-0", marks, "prod", "ako-prod", true},
		{"shared VIP of a secondary", "vsvip", "prod--eu-Shared-L7-0", marks, "prod", "ako-prod", false},
		{"shared VIP of a secondary, its own", "vsvip", "prod--eu-Shared-L7-0", marks, "prod", "ako-prod-eu", true},
		{"shared VIP of a namespace", "vsvip", "prod--eu-Shared-L7-EVH-NS-red", marks, "prod", "ako-prod-eu", true},
		{"shared VIP of the primary", "vsvip", "prod--Shared-L7-0", marks, "prod", "ako-prod-eu", false},
		{"shared VIP of a third", "vsvip", "prod--us-Shared-L7-0", marks, "prod", "ako-prod-eu", false},
		{"passthrough VIP of a third", "vsvip", "prod--us-Shared-Passthrough-0", marks, "prod", "ako-prod-eu", false},
		{"VIP that could be any one's", "vsvip", "prod--red-web", marks, "prod", "ako-prod-eu", true},
		{"persistence profile", "applicationpersistenceprofile", "prod--x", marks, "prod", "ako-prod-eu", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := body(t, `{"name": "`+tt.object+`", "uuid": "u", `+tt.body+`}`)
			o, err := NewObserved(tenant, tt.typ, b)
			if err != nil {
				t.Fatal(err)
			}
			if got := Owned(o, tt.cluster, tt.createdBy); got != tt.want {
				t.Errorf("%t", got)
			}
		})
	}
}
