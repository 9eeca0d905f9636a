package main

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func testApp(env map[string]string) (*app, *bytes.Buffer, *bytes.Buffer) {
	var out, err bytes.Buffer
	return &app{
		in: &bytes.Buffer{}, out: &out, err: &err,
		env:     func(k string) string { return env[k] },
		environ: func() []string { return nil },
		color:   "auto",
	}, &out, &err
}

func TestLongFlags(t *testing.T) {
	a, _, _ := testApp(nil)
	for _, c := range []struct{ in, want []string }{
		{[]string{"plan", "-json", "-out", "f"}, []string{"plan", "--json", "--out", "f"}},
		{[]string{"plan", "-out=f", "-detailed-exitcode"}, []string{"plan", "--out=f", "--detailed-exitcode"}},
		{[]string{"plan", "-p", "json=1", "-o", "f", "-ofile"}, []string{"plan", "-p", "json=1", "-o", "f", "-ofile"}},
		{[]string{"plan", "-help"}, []string{"plan", "--help"}},
		{[]string{"fmt", "-check", "-diff", "-w", "-"}, []string{"fmt", "--check", "--diff", "-w", "-"}},
		{[]string{"plan", "--", "-json"}, []string{"plan", "--", "-json"}},
		{[]string{"plan", "-pname=value"}, []string{"plan", "-pname=value"}},
	} {
		if diff := cmp.Diff(c.want, longFlags(a.root(), c.in)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.in, diff)
		}
	}
}

func TestColor(t *testing.T) {
	for _, c := range []struct {
		flag string
		env  map[string]string
		want bool
	}{
		{"auto", nil, false}, // no terminal
		{"always", map[string]string{"NO_COLOR": "1"}, true},
		{"never", nil, false},
	} {
		a, _, errs := testApp(c.env)
		a.color = c.flag
		if got := a.colored(errs); got != c.want {
			t.Errorf("--color=%s with %v: %v, want %v", c.flag, c.env, got, c.want)
		}
	}
}

func TestProgramName(t *testing.T) {
	for in, want := range map[string]string{"web": "web", "My-Image": "my_image", "1st": "image", "..": "image", "ü": "image"} {
		if got := programName(in); got != want {
			t.Errorf("programName(%q) = %q, want %q", in, got, want)
		}
	}
}
