package planner

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zclconf/go-cty/cty"

	"imgc/compiler"
	"imgc/stdlib/component"
)

// Programs for tests are made by hand, so that the planner is tested without the language.

var (
	stringType = &compiler.Type{Kind: compiler.String}
	intType    = &compiler.Type{Kind: compiler.Int}
	sizeType   = &compiler.Type{Kind: compiler.Size}
	pathType   = &compiler.Type{Kind: compiler.Path}
	stringList = &compiler.Type{Kind: compiler.List, Elem: stringType}
)

func field(name string, t *compiler.Type) *compiler.Field {
	return &compiler.Field{Name: name, Type: t}
}

var (
	fieldSize    = field("size", sizeType)
	fieldToken   = field("token", stringType)
	fieldInline  = field("inline", stringList)
	fieldEnv     = field("env", &compiler.Type{Kind: compiler.Map, Elem: stringType})
	fieldWait    = &compiler.Field{Name: "wait", Type: intType, Free: true}
	fieldScript  = &compiler.Field{Name: "script", Type: pathType, Reads: true}
	fieldTo      = &compiler.Field{Name: "to", Type: pathType, Writes: true}
	fieldFrom    = field("from", stringType)
	fieldUploads = field("uploads", &compiler.Type{Kind: compiler.List, Elem: &compiler.Type{Kind: compiler.Object, Fields: []*compiler.Field{
		{Name: "source", Type: pathType, Reads: true}, {Name: "target", Type: stringType}, {Name: "retries", Type: intType, Free: true}}}})

	vmSchema       = &compiler.Schema{Kind: "builder", Name: "vm"}
	shellSchema    = &compiler.Schema{Kind: "provisioner", Name: "shell"}
	downloadSchema = &compiler.Schema{Kind: "provisioner", Name: "download"}
	compressSchema = &compiler.Schema{Kind: "post", Name: "compress"}
	checksumSchema = &compiler.Schema{Kind: "post", Name: "checksum", KeepsInput: true}
)

func call(s *compiler.Schema, label string, options ...*compiler.Option) *compiler.Call {
	return &compiler.Call{Schema: s, Label: label, Options: options}
}

func option(f *compiler.Field, v cty.Value) *compiler.Option {
	return &compiler.Option{Field: f, Given: true, Value: v}
}

func size(gib int64) *compiler.Option { return option(fieldSize, cty.NumberIntVal(gib<<30)) }

func inline(lines ...string) *compiler.Option {
	var vals []cty.Value
	for _, l := range lines {
		vals = append(vals, cty.StringVal(l))
	}
	return option(fieldInline, cty.TupleVal(vals))
}

func script(path string) *compiler.Option { return option(fieldScript, cty.StringVal(path)) }

func token(s string) *compiler.Option {
	return option(fieldToken, cty.StringVal(s).Mark(compiler.Secret))
}

// later is an option that waits for references.
func later(f *compiler.Field, text string, refs ...string) *compiler.Option {
	return &compiler.Option{Field: f, Given: true, Value: cty.UnknownVal(cty.String), Pending: &compiler.Pending{Text: text, Refs: refs}}
}

func chain(links ...*compiler.Call) *compiler.Chain { return &compiler.Chain{Links: links} }

func unit(addr string, builder *compiler.Call, steps ...*compiler.Call) *compiler.Unit {
	build, source, _ := strings.Cut(addr, ".")
	return &compiler.Unit{Addr: addr, Build: build, Source: source, Builder: builder, Steps: steps}
}

// world is what a plan is made in: a folder, a state, a key, and what exists.
type world struct {
	t     testing.TB
	dir   string
	state *State
	seen  Observed
	key   []byte
	in    Input
}

func newWorld(t testing.TB) *world {
	return &world{t: t, dir: t.TempDir(), state: &State{Format: stateFormat, Units: map[string]*UnitState{}}, key: []byte("0123456789abcdef0123456789abcdef"),
		seen: Observed{Artifacts: map[string]component.Status{}, Missing: map[string]bool{}, Checkpoints: map[string]bool{}}}
}

func (w *world) file(name, content string) {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) input(units ...*compiler.Unit) Input {
	in := w.in
	in.Program = &compiler.Program{Dir: w.dir, Units: units, Outputs: outputsOf(in.Program)}
	in.State, in.Key, in.Files = w.state, w.key, NewFiles(w.dir)
	if in.Version == nil {
		in.Version = func(string, string) string { return "1" }
	}
	return in
}

func outputsOf(p *compiler.Program) []*compiler.Output {
	if p == nil {
		return nil
	}
	return p.Outputs
}

func (w *world) plan(units ...*compiler.Unit) *Plan {
	w.t.Helper()
	in := w.input(units...)
	d, ds := Digest(context.Background(), in)
	if ds.HasErrors() {
		w.t.Fatal(ds)
	}
	p, ds := Make(in, d, w.seen)
	if ds.HasErrors() {
		w.t.Fatal(ds)
	}
	return p
}

// apply does as the executor does with the state, building nothing. A kept first step leaves checkpoints when points is set.
func (w *world) apply(units ...*compiler.Unit) *Plan {
	w.t.Helper()
	p := w.plan(units...)
	for _, c := range p.Changes {
		w.done(c)
	}
	w.state.KeyID = keyID(w.key)
	w.state.Outputs = map[string]OutputState{}
	for _, o := range p.Outputs {
		if o.After != "" {
			w.state.Outputs[o.Name] = OutputState{Text: o.After}
		}
	}
	w.state.Serial++
	return p
}

func (w *world) done(c *Change) {
	var u UnitState
	switch c.Action {
	case None:
		return
	case Forget:
		delete(w.state.Units, c.Addr)
		return
	case Build, Rebuild:
		u = UnitState{Digest: c.Digest, BuiltAt: time.Unix(0, 0).UTC(), Builder: c.Builder.Recorded, Artifact: component.Artifact{Kind: "files", ID: c.Addr + ".img"}}
		for _, s := range c.Steps {
			u.Steps = append(u.Steps, s.Recorded)
		}
		for key := range w.seen.Artifacts {
			if key == c.Addr || strings.HasPrefix(key, c.Addr+"/") {
				delete(w.seen.Artifacts, key)
			}
		}
	default:
		u = *w.state.Units[c.Addr]
	}
	old := u.Posts
	u.Posts = make([]ChainState, len(c.Posts))
	for i, links := range c.Posts {
		for j, l := range links {
			if !l.Runs {
				u.Posts[i].Links = append(u.Posts[i].Links, old[i].Links[j])
				continue
			}
			u.Posts[i].Links = append(u.Posts[i].Links, LinkState{NodeState: l.Recorded, Artifact: component.Artifact{Kind: "files", ID: fmt.Sprintf("%s.%d.%d", c.Addr, i, j)}})
			delete(w.seen.Artifacts, LinkKey(c.Addr, i, j))
			if j > 0 && !l.Call.Keep && !l.Call.Schema.KeepsInput {
				u.Posts[i].Links[j-1].Consumed = true
			}
		}
	}
	if len(c.Posts) > 0 && !slices.ContainsFunc(c.Posts, func(ch []*Node) bool { return ch[0].Call.Keep || ch[0].Call.Schema.KeepsInput }) {
		u.Consumed = true
	}
	w.state.Units[c.Addr] = &u
}

// summary is a plan in a few lines: each change that does something, with its reasons.
func summary(p *Plan) string {
	var out []string
	for _, c := range p.Changes {
		if c.Action == None {
			continue
		}
		var rs []string
		for _, r := range c.Reasons {
			rs = append(rs, r.String())
		}
		out = append(out, fmt.Sprintf("%s %s: %s", c.Action, c.Addr, strings.Join(rs, "; ")))
	}
	return strings.Join(out, "\n")
}
