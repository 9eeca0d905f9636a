package planner

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"

	"imgc/compiler"
	"imgc/stdlib/component"
)

// ansi matches the codes that colour text.
var ansi = regexp.MustCompile("\x1b\\[[0-9;]*m")

var update = flag.Bool("update", false, "write the golden files of the plans anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Error(diff)
	}
}

// shownWorld is a plan with something of everything.
func shownWorld(t *testing.T) map[string]*Plan {
	w := newWorld(t)
	w.file("setup.sh", "once")
	out := &compiler.Output{Name: "image", Type: stringType, Value: cty.UnknownVal(cty.String)}
	w.in.Program = &compiler.Program{Outputs: []*compiler.Output{out}}
	prog := func() []*compiler.Unit {
		us := base()
		us[0].Builder.Options = append(us[0].Builder.Options, token("hunter2"))
		us[0].Steps[2].Options = []*compiler.Option{inline("systemctl enable nginx", "rm -rf /var/cache/apt", "fstrim /", "sync", "reboot")}
		return append(us, unit("old.vm", call(vmSchema, "")))
	}
	plans := map[string]*Plan{"first": w.plan(prog()...)}
	p := w.apply(prog()...)
	w.state.Outputs["image"] = OutputState{Text: `"base.vm.img"`}
	plans["nothing"] = w.plan(prog()...)
	for _, s := range p.Changes[0].Steps {
		w.seen.Checkpoints[s.Digest] = true
	}
	w.seen.Artifacts[LinkKey("web.vm", 0, 0)] = component.Gone
	plans["posts"] = w.plan(prog()...)
	delete(w.seen.Artifacts, LinkKey("web.vm", 0, 0))
	w.file("setup.sh", "twice")
	plans["restart"] = w.plan(prog()...)
	us := prog()[:2]
	us[0].Builder.Options = []*compiler.Option{size(20), token("hunter3")}
	us[0].Steps[2].Options = []*compiler.Option{inline("systemctl enable nginx", "systemctl enable sshd", "rm -rf /var/cache/apt", "fstrim /", "sync", "reboot")}
	us[0].Steps = append([]*compiler.Call{call(shellSchema, "first", inline("\x1b[2J"))}, us[0].Steps...)
	w.in.Replace = []string{"web"}
	plans["changes"] = w.plan(us...)
	return plans
}

func TestWriteText(t *testing.T) {
	for name, p := range shownWorld(t) {
		t.Run(name, func(t *testing.T) {
			var b, colored bytes.Buffer
			if err := WriteText(&b, p, TextOptions{}); err != nil {
				t.Fatal(err)
			}
			golden(t, name+".txt", b.Bytes())
			if strings.ContainsAny(b.String(), "\x1b") || strings.Contains(b.String(), "hunter") {
				t.Errorf("escape codes or secrets in %q", b.String())
			}
			if err := WriteText(&colored, p, TextOptions{Color: true}); err != nil {
				t.Fatal(err)
			}
			plain := ansi.ReplaceAllString(colored.String(), "")
			if diff := cmp.Diff(b.String(), plain); diff != "" {
				t.Errorf("colour changes more than colour: %s", diff)
			}
		})
	}
}

func TestWriteJSON(t *testing.T) {
	var b bytes.Buffer
	if err := WriteJSON(&b, shownWorld(t)["changes"]); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "hunter") || strings.Count(b.String(), "\n") != 1 {
		t.Error("a secret, or more than one line")
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, b.Bytes(), "", "  "); err != nil {
		t.Fatal(err)
	}
	golden(t, "changes.json", pretty.Bytes())
}

func TestSplitValue(t *testing.T) {
	for text, want := range map[string][]string{
		`["a, b", [1, 2], "c\""]`:         {`"a, b"`, `[1, 2]`, `"c\""`},
		`{ a = { b = 1, c = 2 }, d = 3 }`: {`a = { b = 1, c = 2 }`, `d = 3`},
		`"one\ntwo\n"`:                    {"one", "two"},
		`"\${x}\n\x1b"`:                   {"${x}", `\x1b`},
		`20GiB`:                           {"20GiB"},
		`[]`:                              nil,
	} {
		if diff := cmp.Diff(want, splitValue(text)); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}
