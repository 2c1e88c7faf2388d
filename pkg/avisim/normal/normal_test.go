package normal

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReference(t *testing.T) {
	for in, want := range map[string]string{
		"/api/pool/?name=a":                          "pool/a",
		"/api/pool?name=a%2Fb%20c":                   "pool/a/b c",
		"/api/pool?name=a%zz":                        "pool/a%zz",
		"https://h:1/api/pool/pool-1#a":              "pool/a",
		"https://h//api/pool/pool-1#a/b?c":           "pool/a/b?c",
		"/api/pool/pool-1":                           "pool/pool-1",
		"pool/a":                                     "pool/a",
		"https://h/api/cloud/cloud-1#Default-Cloud":  "cloud/Default-Cloud",
		"/api/virtualservice/?name=x&cloud=y#ignore": "virtualservice/ignore",
	} {
		if got := Reference(in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func TestObject(t *testing.T) {
	tests := []struct{ name, typ, in, want string }{
		{"what the controller keeps", "vsvip",
			`{"uuid":"u","url":"x","_last_modified":"1","tenant_ref":"/api/tenant/admin","vsvip_cloud_config_cksum":"1","name":"v","description":null}`,
			`{"name":"v"}`},
		{"uuid and tenant_ref of a part stay", "user",
			`{"name":"u","access":[{"tenant_ref":"/api/tenant/admin#admin"}],"x":{"uuid":"1"}}`,
			`{"name":"u","access":[{"tenant_ref":"tenant/admin"}],"x":{"uuid":"1"}}`},
		{"a key", "sslkeyandcertificate", `{"name":"c","key":"abc","markers":[{"key":"Host","values":["b","a"]}]}`,
			`{"name":"c","key_sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","markers":[{"key":"Host","values":["a","b"]}]}`},
		{"a script", "vsdatascriptset", `{"name":"d","datascript":[{"evt":"E","script":"x = 1"}]}`, `{"name":"d","datascript":[{"evt":"E","script":"<text>"}]}`},
		{"lists of references", "pool", `{"health_monitor_refs":["/api/healthmonitor/?name=b","/api/healthmonitor/?name=a"]}`,
			`{"health_monitor_refs":["healthmonitor/b","healthmonitor/a"]}`},
		{"sorted lists", "virtualservice",
			`{"services":[{"port":443},{"port":80}],"vh_domain_name":["b","a"],"ssl_key_and_certificate_refs":["/api/sslkeyandcertificate/?name=b","/api/sslkeyandcertificate/?name=a"]}`,
			`{"services":[{"port":80},{"port":443}],"vh_domain_name":["a","b"],"ssl_key_and_certificate_refs":["sslkeyandcertificate/a","sslkeyandcertificate/b"]}`},
		{"ordered lists", "httppolicyset", `{"rules":[{"index":1},{"index":0}]}`, `{"rules":[{"index":1},{"index":0}]}`},
		{"metadata", "pool", `{"service_metadata":"{\"a\":\"\",\"b\":[\"y\",\"x\"],\"c\":{\"d\":0},\"e\":1,\"f\":[],\"g\":true,\"h\":null}"}`,
			`{"service_metadata":{"b":["x","y"],"e":1,"g":true}}`},
		{"metadata without members", "pool", `{"service_metadata":"{}"}`, `{"service_metadata":{}}`},
		{"metadata that is not JSON stays", "pool", `{"service_metadata":"hello"}`, `{"service_metadata":"hello"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := decode(t, tt.in)
			before := decode(t, tt.in)
			got := Object(tt.typ, in)
			if diff := cmp.Diff(decode(t, tt.want), got); diff != "" {
				t.Errorf("differs (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, in); diff != "" {
				t.Errorf("the input was changed:\n%s", diff)
			}
			if diff := cmp.Diff(got, Object(tt.typ, got)); diff != "" {
				t.Errorf("a second time changes it:\n%s", diff)
			}
		})
	}
}

func TestNumbersAreAlike(t *testing.T) {
	want := map[string]any{"port": json.Number("80"), "x": json.Number("0.5")}
	for _, in := range []map[string]any{
		{"port": 80, "x": 0.5}, {"port": 80.0, "x": json.Number("5e-1")}, {"port": json.Number("80"), "x": json.Number("0.50")}, {"port": int64(80), "x": 0.5},
	} {
		if diff := cmp.Diff(want, Object("pool", in)); diff != "" {
			t.Errorf("%v:\n%s", in, diff)
		}
	}
}

func decode(t *testing.T, text string) map[string]any {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var v map[string]any
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestRecordings: recorded dumps are in normal form already, byte for byte.
func TestRecordings(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "testdata", "recorded", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		d, err := Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		text, err := d.Text()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(data), string(text)); diff != "" {
			t.Errorf("%s:\n%s", f, diff)
		}
	}
}
