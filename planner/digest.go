package planner

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"imgc/compiler"
	"imgc/lang"
)

// Digests is what a program's units are made of, ready to be compared with the state.
type Digests struct {
	Program string // of everything: units, posts, outputs
	Units   map[string]*UnitDigests
}

// UnitDigests are the nodes of one unit, in order.
type UnitDigests struct {
	Builder *Node
	Steps   []*Node
	Posts   [][]*Node
}

// Digest is the digest of the unit's artifact: that of its last node before the post chains.
func (u *UnitDigests) Digest() string {
	if n := len(u.Steps); n > 0 {
		return u.Steps[n-1].Digest
	}
	return u.Builder.Digest
}

// StepDigests are the digests under which a builder may keep checkpoints.
func (u *UnitDigests) StepDigests() []string {
	var out []string
	for _, s := range u.Steps {
		out = append(out, s.Digest)
	}
	return out
}

// Input is what a plan is made from.
type Input struct {
	Program *compiler.Program
	State   *State
	// Key makes the keyed hashes of secrets. Without one (nil) every secret counts as changed.
	Key     []byte
	Targets []string
	Replace []string
	// Version gives the version of a component.
	Version func(kind, name string) string
	Files   *Files
}

// Digest computes the digests of all units. Missing or unreadable input files are diagnostics.
func Digest(ctx context.Context, in Input) (*Digests, lang.Diagnostics) {
	d := &digester{ctx: ctx, in: in, out: &Digests{Units: map[string]*UnitDigests{}}}
	order, diag := topological(in.Program.Units)
	if diag != nil {
		return nil, lang.Diagnostics{*diag}
	}
	for _, u := range order {
		d.unit(u)
	}
	if d.ds.HasErrors() {
		return nil, d.ds
	}
	e := newEncoder(in.Key)
	for _, u := range in.Program.Units {
		ud := d.out.Units[u.Addr]
		e.text(u.Addr)
		e.text(ud.Digest())
		for _, ch := range ud.Posts {
			for _, n := range ch {
				e.text(n.Digest)
			}
			e.text("")
		}
	}
	for _, o := range in.Program.Outputs {
		e.text(o.Name)
		e.value(o.Value, o.Type)
	}
	d.out.Program = e.sum()
	return d.out, d.ds
}

type digester struct {
	ctx context.Context
	in  Input
	out *Digests
	ds  lang.Diagnostics
}

func (d *digester) unit(u *compiler.Unit) {
	ud := &UnitDigests{}
	ud.Builder = d.node("imgc unit 1", u.Builder)
	prev := ud.Builder.Digest
	made := writtenBefore{}
	for _, s := range u.Steps {
		n := d.node(prev, s, made)
		made.add(s)
		ud.Steps = append(ud.Steps, n)
		prev = n.Digest
	}
	for _, ch := range u.Posts {
		prev := prev
		var links []*Node
		for _, l := range ch.Links {
			n := d.node(prev, l, made)
			links = append(links, n)
			prev = n.Digest
		}
		ud.Posts = append(ud.Posts, links)
	}
	d.out.Units[u.Addr] = ud
}

// writtenBefore holds the local paths that earlier steps write: they need not exist when the plan is made.
type writtenBefore map[string]bool

func (w writtenBefore) add(c *compiler.Call) {
	for _, p := range writes(c) {
		w[p] = true
	}
}

// writes lists the local paths that a call writes.
func writes(c *compiler.Call) []string {
	var out []string
	for _, o := range c.Options {
		if o.Field.Writes && o.Pending == nil {
			out = append(out, paths(o.Value)...)
		}
	}
	return out
}

// paths lists the paths in the value of an option: one, or a list.
func paths(v cty.Value) []string {
	v, _ = v.UnmarkDeep()
	switch t := v.Type(); {
	case !v.IsWhollyKnown() || v.IsNull():
		return nil
	case t == cty.String:
		return []string{v.AsString()}
	case t.IsTupleType() || t.IsListType():
		var out []string
		for _, x := range v.AsValueSlice() {
			out = append(out, paths(x)...)
		}
		return out
	}
	return nil
}

// node digests one call: the node before it, the component and its version, its options, and the content of the
// files that it reads. What changes how a thing is made and not what it is stays out: places, labels, retry, timeout,
// pause, and options marked free.
func (d *digester) node(prev string, c *compiler.Call, made ...writtenBefore) *Node {
	kind, name := c.Schema.Kind, c.Schema.Name
	version := ""
	if d.in.Version != nil {
		version = d.in.Version(kind, name)
	}
	n := &Node{Component: name, Label: c.Label, Call: c}
	n.Recorded = NodeState{Component: name, Version: version, Label: c.Label, Options: map[string]string{}, Files: map[string]string{}, Writes: writes(c)}
	e := newEncoder(d.in.Key)
	e.text(prev)
	e.text(kind)
	e.text(name)
	e.text(version)
	if kind == "post" {
		e.text(fmt.Sprintf("keep %t", c.Keep))
	}
	for _, o := range c.Options {
		if o.Field.Free || isNull(o.Value) {
			continue
		}
		e.text(o.Field.Name)
		text := compiler.FormatValue(o.Value, o.Field.Type)
		if o.Pending != nil {
			d.pending(e, o.Pending)
			text = "(known after apply) " + o.Pending.Text
		}
		e.value(o.Value, o.Field.Type)
		if o.Value.ContainsMarked() {
			one := newEncoder(d.in.Key)
			one.value(o.Value, o.Field.Type)
			text += secretMark + one.sum()[:16]
		}
		n.Recorded.Options[o.Field.Name] = text
		if o.Field.Reads && o.Pending == nil {
			for _, p := range paths(o.Value) {
				if len(made) > 0 && made[0][p] {
					continue // an earlier step makes it, and that step's inputs count
				}
				sum, err := d.in.Files.Digest(d.ctx, p)
				if err != nil {
					d.fileError(o, p, err)
					continue
				}
				n.Recorded.Files[p] = sum
				e.text(p)
				e.text(sum)
			}
		}
	}
	n.Digest = e.sum()
	n.Recorded.Digest = n.Digest
	return n
}

// secretMark parts the text of an option from the keyed hash of the secrets in it, in the state.
const secretMark = " #keyed:"

func isNull(v cty.Value) bool {
	u, _ := v.Unmark()
	return u.IsKnown() && u.IsNull()
}

func (d *digester) fileError(o *compiler.Option, path string, err error) {
	diag := lang.Diagnostic{Code: "E0801", Range: o.Range, Message: fmt.Sprintf("%s %s cannot be read: %v", o.Field.Name, path, err), Help: "make it readable"}
	if notExist(err) {
		diag.Message = fmt.Sprintf("%s %s does not exist", o.Field.Name, path)
		diag.Help = "paths are relative to the program's folder"
		if near := d.in.Files.near(path, lang.Nearest); near != "" {
			diag.Help = fmt.Sprintf("did you mean %q?", near)
		}
	}
	d.ds = append(d.ds, diag)
}

// pending encodes a value of the apply phase: how it will be made, and what is known of that.
func (d *digester) pending(e *encoder, p *compiler.Pending) {
	e.text(p.Text)
	for _, name := range slices.Sorted(maps.Keys(p.Known)) {
		e.text(name)
		e.value(p.Known[name], nil)
	}
	for _, ref := range p.Refs {
		e.text(ref)
		if addr, ok := unitOf(ref); ok {
			if u := d.out.Units[addr]; u != nil {
				e.text(u.Digest())
			}
		}
	}
}

// unitOf is the unit that a reference is to; run.x is to none.
func unitOf(ref string) (string, bool) {
	if strings.HasPrefix(ref, "run.") {
		return "", false
	}
	i := strings.LastIndexByte(ref, '.')
	if i < 0 {
		return "", false
	}
	return ref[:i], true
}

// encoder writes values in one unambiguous form, so that equal digests mean equal inputs: each piece has its kind and
// its length before it.
type encoder struct {
	h   hash.Hash
	key []byte
	buf []byte
}

func newEncoder(key []byte) *encoder { return &encoder{h: sha256.New(), key: key} }

func (e *encoder) sum() string { return hex.EncodeToString(e.h.Sum(nil)) }

func (e *encoder) tagged(tag byte, s string) {
	e.buf = append(e.buf[:0], tag)
	e.buf = binary.AppendUvarint(e.buf, uint64(len(s)))
	e.buf = append(e.buf, s...)
	e.h.Write(e.buf)
}

func (e *encoder) count(tag byte, n int) {
	e.buf = append(e.buf[:0], tag)
	e.buf = binary.AppendUvarint(e.buf, uint64(n))
	e.h.Write(e.buf)
}

func (e *encoder) text(s string) { e.tagged('t', s) }

// value encodes a value of a type. Fields marked free are left out; a secret is its keyed hash.
func (e *encoder) value(v cty.Value, t *compiler.Type) {
	raw, marks := v.Unmark()
	if len(marks) > 0 {
		mac := hmac.New(sha256.New, e.key)
		inner := &encoder{h: mac, key: e.key}
		plain, _ := raw.UnmarkDeep()
		inner.value(plain, t)
		e.tagged('x', inner.sum())
		return
	}
	switch ty := raw.Type(); {
	case !raw.IsKnown():
		e.count('u', 0)
	case raw.IsNull():
		e.count('n', 0)
	case ty == cty.String:
		e.tagged('s', raw.AsString())
	case ty == cty.Bool:
		e.tagged('b', fmt.Sprint(raw.True()))
	case ty == cty.Number:
		e.tagged('i', raw.AsBigFloat().Text('g', -1))
	case ty.IsTupleType() || ty.IsListType() || ty.IsSetType():
		items := raw.AsValueSlice()
		e.count('l', len(items))
		for _, x := range items {
			e.value(x, elem(t))
		}
	case ty.IsObjectType() || ty.IsMapType():
		m := raw.AsValueMap()
		var names []string
		for name, x := range m {
			if f := fieldOf(t, name); f != nil && (f.Free || isNull(x)) {
				continue
			}
			names = append(names, name)
		}
		slices.Sort(names)
		e.count('o', len(names))
		for _, name := range names {
			e.text(name)
			ft := elem(t)
			if f := fieldOf(t, name); f != nil {
				ft = f.Type
			}
			e.value(m[name], ft)
		}
	}
}

func elem(t *compiler.Type) *compiler.Type {
	if t == nil {
		return nil
	}
	return t.Elem
}

func fieldOf(t *compiler.Type, name string) *compiler.Field {
	if t == nil {
		return nil
	}
	for _, f := range t.Fields {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// topological orders units so that each comes after those it depends on; otherwise the order of the program stays.
func topological(units []*compiler.Unit) ([]*compiler.Unit, *lang.Diagnostic) {
	byAddr := map[string]*compiler.Unit{}
	for _, u := range units {
		byAddr[u.Addr] = u
	}
	state := map[string]int{}
	var out []*compiler.Unit
	var circle *lang.Diagnostic
	var visit func(u *compiler.Unit)
	visit = func(u *compiler.Unit) {
		switch state[u.Addr] {
		case 1:
			circle = &lang.Diagnostic{Code: "E0203", Message: fmt.Sprintf("unit %s waits for itself", u.Addr), Range: u.Range, Help: "remove the reference"}
			return
		case 2:
			return
		}
		state[u.Addr] = 1
		for _, a := range u.DependsOn {
			if d := byAddr[a]; d != nil {
				visit(d)
			}
		}
		state[u.Addr] = 2
		out = append(out, u)
	}
	for _, u := range units {
		visit(u)
	}
	return out, circle
}
