package component

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"
)

type inner struct {
	Host string `imgc:"host"`
	Port int    `imgc:"port"`
}

type options struct {
	Name  string            `imgc:"name"`
	Note  *string           `imgc:"note"`
	Wait  time.Duration     `imgc:"wait"`
	Disk  Size              `imgc:"disk"`
	Codes []int             `imgc:"codes"`
	Env   map[string]string `imgc:"env"`
	SSH   *inner            `imgc:"ssh"`
	On    bool              `imgc:"on"`
}

func TestDecode(t *testing.T) {
	v := cty.ObjectVal(map[string]cty.Value{
		"name": cty.StringVal("n").Mark("secret"), "note": cty.NullVal(cty.String),
		"wait": cty.NumberIntVal(int64(time.Second)), "disk": cty.NumberIntVal(20 << 30),
		"codes": cty.TupleVal([]cty.Value{cty.NumberIntVal(0), cty.NumberIntVal(3)}),
		"env":   cty.MapVal(map[string]cty.Value{"A": cty.StringVal("b").Mark("secret")}),
		"ssh":   cty.ObjectVal(map[string]cty.Value{"host": cty.StringVal("h"), "port": cty.NumberIntVal(22)}),
		"on":    cty.True,
	})
	var got options
	if err := Decode(v, &got); err != nil {
		t.Fatal(err)
	}
	want := options{Name: "n", Wait: time.Second, Disk: 20 << 30, Codes: []int{0, 3}, Env: map[string]string{"A": "b"}, SSH: &inner{"h", 22}, On: true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got.Disk.String() != "20GiB" {
		t.Error(got.Disk)
	}
}

func TestDecodeErrors(t *testing.T) {
	for want, attrs := range map[string]map[string]cty.Value{
		"option name is required":             {"name": cty.NullVal(cty.String)},
		"option name: a string is needed":     {"name": cty.True},
		"option name: the value is not known": {"name": cty.UnknownVal(cty.String)},
		"no such option here: nmae":           {"name": cty.StringVal("x"), "wait": cty.Zero, "disk": cty.Zero, "nmae": cty.True},
		"option wait: a whole number":         {"name": cty.StringVal("x"), "wait": cty.NumberFloatVal(0.5)},
	} {
		err := Decode(cty.ObjectVal(attrs), &options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}

func TestStructFields(t *testing.T) {
	got, err := StructFields(&options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []StructField{
		{"codes", "list(int)"}, {"disk", "size"}, {"env", "map(string)"}, {"name", "string"}, {"note", "string?"},
		{"on", "bool"}, {"ssh", "{ host: string, port: int }?"}, {"wait", "duration"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
