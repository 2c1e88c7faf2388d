package avi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/akohub/akohub/pkg/avisim"
)

// asked counts the requests since the last call, by path.
func (f *fixture) asked() map[string]int {
	out := map[string]int{}
	for _, r := range f.sim.Requests() {
		if r.Type != "login" {
			out[r.Path]++
		}
	}
	f.sim.ResetRequests()
	return out
}

// The clusters of a controller ask it once for what is the same for all, and each
// for its own tenant and for what is edited.
func TestFactsAreShared(t *testing.T) {
	f := start(t, nil)
	now := time.Now()
	a := NewAnswers(func() time.Time { return now })
	facts := func(tenant string, a *Answers) Facts {
		t.Helper()
		out, err := f.client.Facts(testContext(t), FactsRequest{
			Tenant: tenant, Cloud: "Default-Cloud", SEGroup: "Default-Group", VIPNetworks: []NetworkName{{Name: "vip-net"}}, Answers: a,
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	alone := facts(testTenant, nil)
	f.asked()
	if diff := cmp.Diff(alone, facts(testTenant, a)); diff != "" {
		t.Errorf("-alone +shared:\n%s", diff)
	}
	f.asked()

	if diff := cmp.Diff(alone, facts(testTenant, a)); diff != "" {
		t.Errorf("of the same tenant (-first +second):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"/api/serviceenginegroup": 1}, f.asked()); diff != "" {
		t.Errorf("for the same tenant (-want +got):\n%s", diff)
	}
	facts("team-b", a)
	if diff := cmp.Diff(map[string]int{"/api/serviceenginegroup": 1, "/api/cloud": 1, "/api/network": 1}, f.asked()); diff != "" {
		t.Errorf("for another tenant (-want +got):\n%s", diff)
	}
	now = now.Add(answersFor)
	facts(testTenant, a)
	if got := f.asked(); got["/api/systemconfiguration"] != 1 || got["/api/cloud"] != 1 {
		t.Errorf("later: %v", got)
	}
	if now = now.Add(answersKept); len(a.kept) == 0 {
		t.Error("nothing is kept")
	}
	facts("team-b", a)
	if _, ok := a.kept[question(testTenant, "cloud", map[string][]string{"name": {"Default-Cloud"}})]; ok {
		t.Error("an answer that is of no more use is kept")
	}
}

// That a controller does not serve is never kept.
func TestStateIsNotShared(t *testing.T) {
	f := start(t, nil)
	a := NewAnswers(nil)
	r := FactsRequest{Tenant: testTenant, Cloud: "Default-Cloud", Answers: a}
	f.sim.SetClusterState("CLUSTER_STARTING")
	if _, err := f.client.Facts(testContext(t), r); !IsClass(err, Unavailable) {
		t.Fatal(err)
	}
	f.sim.SetClusterState("CLUSTER_UP_NO_HA")
	if _, err := f.client.Facts(testContext(t), r); err != nil {
		t.Error(err)
	}
}

func TestShared(t *testing.T) {
	now := time.Now()
	a := NewAnswers(func() time.Time { return now })
	refused := &Error{Class: Invalid, Status: http.StatusForbidden, Message: "no"}
	asked := 0
	ask := func(answer string, err error) func(context.Context) (string, error) {
		return func(context.Context) (string, error) { asked++; return answer, err }
	}
	check := func(what, want string, wantErr error, asks int, f func(context.Context) (string, error)) {
		t.Helper()
		asked = 0
		got, err := shared(testContext(t), a, "q", time.Minute, func(s string) bool { return s != "nothing" }, f)
		if got != want || !errors.Is(err, wantErr) || asked != asks {
			t.Errorf("%s: %q, %v after %d questions", what, got, err, asked)
		}
	}
	check("a refusal is not kept", "", refused, 1, ask("", refused))
	check("nor what is worth nothing", "nothing", nil, 1, ask("nothing", nil))
	check("an answer", "one", nil, 1, ask("one", nil))
	check("is kept", "one", nil, 0, ask("two", nil))
	now = now.Add(time.Minute)
	check("for so long, and longer for who may not ask", "one", nil, 1, ask("", refused))
	check("but not where asking failed", "", errTooMany, 1, ask("", errTooMany))
	check("another", "two", nil, 1, ask("two", nil))
	now = now.Add(answersKept)
	check("not for ever", "", refused, 1, ask("", refused))

	// Who waits for another that gives up, or may not, asks for himself.
	for name, failure := range map[string]error{"gives up": context.Canceled, "may not": refused} {
		var group errgroup.Group
		entered, leave := make(chan struct{}), make(chan struct{})
		group.Go(func() error {
			_, err := shared(context.Background(), a, name, time.Minute, anyAnswer[string], func(context.Context) (string, error) {
				close(entered)
				<-leave
				return "", failure
			})
			if !errors.Is(err, failure) {
				return fmt.Errorf("the first: %w", err)
			}
			return nil
		})
		<-entered
		waits := make(chan struct{})
		group.Go(func() error {
			close(waits)
			got, err := shared(context.Background(), a, name, time.Minute, anyAnswer[string], func(context.Context) (string, error) { return "mine", nil })
			if got != "mine" || err != nil {
				return fmt.Errorf("the second: %q, %w", got, err)
			}
			return nil
		})
		<-waits
		close(leave)
		if err := group.Wait(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// One look at all tenants answers for all clusters, as each would be answered; it
// is not taken where each asks for less, and not by one that is alone.
func TestTenantsOfMany(t *testing.T) {
	f := start(t, nil)
	ctx := testContext(t)
	put := func(tenant, typ, name string, more map[string]any) {
		t.Helper()
		body := map[string]any{"name": name}
		for k, v := range more {
			body[k] = v
		}
		if _, err := f.client.Create(ctx, tenant, typ, body); err != nil {
			t.Fatal(err)
		}
	}
	by := func(createdBy string) map[string]any {
		return map[string]any{"created_by": createdBy, "cloud_ref": cloudRef}
	}
	marked := func(cluster string) map[string]any {
		return map[string]any{"cloud_ref": cloudRef, "markers": []any{map[string]any{"key": "clustername", "values": []any{cluster}}}}
	}
	put(testTenant, "pool", "prod--a", by("ako-prod"))
	put("team-b", "pool", "prod--b", by("ako-prod"))
	put("team-b", "pool", "prod--2--b", by("ako-prod--2"))
	put(testTenant, "vsvip", "prod--2--v", marked("prod--2"))
	put(testTenant, "vsvip", "stage--v", marked("stage"))
	put("team-b", "vsvip", "stage--w", marked("prod"))
	put("team-b", "vsvip", "dev--two-Shared-L7-1", marked("dev"))
	put(testTenant, "vsvip", "dev--Shared-L7-1", marked("dev"))
	put("team-b", "stringgroup", "ako-test-0815", map[string]any{"type": "SG_TYPE_STRING", "markers": []any{
		map[string]any{"key": "clustername", "values": []any{"test"}}, map[string]any{"key": "created_by", "values": []any{"ako-test"}},
	}})

	a := NewAnswers(nil)
	f.asked()
	requests := 0
	for _, c := range [][2]string{{"prod", "ako-prod"}, {"prod--2", "ako-prod--2"}, {"stage", "ako-stage"}, {"dev", "ako-dev"}, {"dev", "ako-dev-two"}, {"test", "ako-test"}, {"pro", "ako-pro"}} {
		got, err := f.client.TenantsOfMany(ctx, a, 7, c[0], c[1])
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range f.asked() {
			requests += n
		}
		want, err := f.client.TenantsOf(ctx, c[0], c[1])
		if err != nil {
			t.Fatal(err)
		}
		f.asked()
		if !slices.Equal(got, want) || c[0] != "pro" && len(got) == 0 {
			t.Errorf("%v: %v together, %v alone", c, got, want)
		}
	}
	if requests != len(owned) {
		t.Errorf("%d requests for all", requests)
	}

	sum := func() (n int) {
		for _, k := range f.asked() {
			n += k
		}
		return n
	}
	if _, err := f.client.TenantsOfMany(ctx, a, 1, "prod", "ako-prod"); err != nil || sum() != len(owned) {
		t.Error("one that is alone is answered alone", err)
	}
	for i := range 2*pageSize + 1 {
		put(testTenant, "pool", fmt.Sprint("other--", i), by("someone"))
	}
	a = NewAnswers(nil)
	f.asked()
	got, err := f.client.TenantsOfMany(ctx, a, 2, "prod", "ako-prod")
	if err != nil || !slices.Equal(got, []string{testTenant, "team-b"}) {
		t.Errorf("among many: %v, %v", got, err)
	}
	f.asked()
	if _, err := f.client.TenantsOfMany(ctx, a, 2, "stage", "ako-stage"); err != nil || sum() != len(owned) {
		t.Error("that there are too many is known", err)
	}

	f.sim.Inject(avisim.Fault{Tenant: "*", Status: http.StatusForbidden, Body: `{"error": "no access to all tenants"}`})
	a = NewAnswers(nil)
	f.asked()
	for range 5 {
		if _, err := f.client.TenantsOfMany(ctx, a, 5, "prod", "ako-prod"); !IsForbidden(err) {
			t.Errorf("where it is forbidden: %v", err)
		}
	}
	if n := sum(); n > len(owned) {
		t.Errorf("%d requests for a refusal", n)
	}
}
