package planner

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"maps"
	"slices"
	"strconv"
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
	// updates is the digest of the options that change the artifact in place; empty when there are none. It counts for the post chains, and
	// not for the artifact.
	updates string
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
	d := &digester{ctx: ctx, in: in, out: &Digests{Units: map[string]*UnitDigests{}}, made: map[string]writtenBefore{}}
	order, diag := topological(in.Program.Units)
	if diag != nil {
		return nil, lang.Diagnostics{*diag}
	}
	if in.Files == nil {
		in.Files = NewFiles(in.Program.Dir)
	}
	d.in = in
	in.Files.ahead(ctx, order)
	for _, u := range order {
		d.unit(u)
	}
	in.Files.cache.save()
	if err := ctx.Err(); err != nil {
		return nil, lang.Diagnostics{{Code: "E0803", Message: "reading the files of the program was interrupted", Help: "start it again"}}
	}
	if d.ds.HasErrors() {
		return nil, d.ds
	}
	e := newEncoder(in.Key)
	for _, u := range in.Program.Units {
		ud := d.out.Units[u.Addr]
		e.text(u.Addr)
		e.text(ud.Digest() + ud.updates)
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
	// made holds the local paths that each unit and those it depends on write.
	made map[string]writtenBefore
}

func (d *digester) unit(u *compiler.Unit) {
	ud := &UnitDigests{}
	made := writtenBefore{}
	for _, a := range u.DependsOn {
		for p := range d.made[a] {
			made[p] = true
		}
	}
	d.made[u.Addr] = made
	ud.Builder = d.node("imgc unit 1", u.Builder, made)
	ud.updates = d.updates(ud.Builder)
	made.add(u.Builder)
	prev := ud.Builder.Digest
	for _, s := range u.Steps {
		n := d.node(prev, s, made)
		made.add(s)
		ud.Steps = append(ud.Steps, n)
		prev = n.Digest
	}
	prev += ud.updates
	for _, ch := range u.Posts {
		prev := prev
		var links []*Node
		for _, l := range ch.Links {
			n := d.node(prev, l, made)
			made.add(l)
			links = append(links, n)
			prev = n.Digest
		}
		ud.Posts = append(ud.Posts, links)
	}
	d.out.Units[u.Addr] = ud
}

// node digests one call: the node before it, the component and its version, its options, and the content of the
// files that it reads. What changes how a thing is made and not what it is stays out: places, labels, retry, timeout,
// pause, and options marked free.
func (d *digester) node(prev string, c *compiler.Call, made writtenBefore) *Node {
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
	if kind == "post" && c.Keep { // it says what exists after the chain, so the chain has to run for it
		e.text("keep")
		n.Recorded.Options["keep"] = "true"
	}
	for _, o := range c.Options {
		if o.Field.Free || o.Field.Update || o.Pending == nil && isNull(o.Value) {
			continue
		}
		e.text(o.Field.Name)
		if o.Pending != nil {
			d.pending(e, o.Pending)
		}
		e.value(o.Value, o.Field.Type)
		n.Recorded.Options[o.Field.Name] = recorded(o, d.in.Key)
		for _, f := range localPaths(o, reading) {
			if made.has(f.path) {
				continue // an earlier step makes it, and what it makes is covered by that step's digest
			}
			sum, err := d.in.Files.Digest(d.ctx, f.path)
			if err != nil {
				d.fileError(o, f, err)
				continue
			}
			n.Recorded.Files[f.shown()] = sum
			if f.secret {
				e.keyed(func(e *encoder) { e.text(f.path) })
			} else {
				e.tagged('f', f.path)
			}
			e.text(sum)
		}
	}
	n.Digest = e.sum()
	n.Recorded.Digest = n.Digest
	return n
}

// updates digests the options that change the artifact in place, and notes them.
func (d *digester) updates(n *Node) string {
	e := newEncoder(d.in.Key)
	any := false
	for _, o := range n.Call.Options {
		if !o.Field.Update || o.Pending == nil && isNull(o.Value) {
			continue
		}
		if !any {
			any, n.Recorded.Updates = true, map[string]string{}
		}
		e.text(o.Field.Name)
		if o.Pending != nil {
			d.pending(e, o.Pending)
		}
		e.value(o.Value, o.Field.Type)
		n.Recorded.Updates[o.Field.Name] = recorded(o, d.in.Key)
	}
	if !any {
		return ""
	}
	return e.sum()
}

func isNull(v cty.Value) bool {
	if v == cty.NilVal {
		return true
	}
	u, _ := v.Unmark()
	return u.IsKnown() && u.IsNull()
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

// keyed encodes what write writes so that it cannot be guessed from the digest. Without a key nothing of it goes in:
// then the digest differs from every one that was made with a key.
func (e *encoder) keyed(write func(*encoder)) {
	if e.key == nil {
		e.tagged('X', "")
		return
	}
	inner := &encoder{h: hmac.New(sha256.New, e.key), key: e.key}
	write(inner)
	e.tagged('x', inner.sum())
}

// value encodes a value of a type. Fields marked free are left out; a secret is its keyed hash.
func (e *encoder) value(v cty.Value, t *compiler.Type) {
	raw, marks := v.Unmark()
	if len(marks) > 0 {
		plain, _ := raw.UnmarkDeep()
		e.keyed(func(e *encoder) { e.value(plain, t) })
		return
	}
	switch ty := raw.Type(); {
	case raw == cty.NilVal, raw.IsKnown() && raw.IsNull():
		e.count('n', 0)
	case !raw.IsKnown():
		e.count('u', 0)
	case ty == cty.String:
		e.tagged('s', raw.AsString())
	case ty == cty.Bool:
		e.tagged('b', strconv.FormatBool(raw.True()))
	case ty == cty.Number:
		e.tagged('i', number(raw))
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

// number writes equal numbers alike, however many digits they were computed with.
func number(v cty.Value) string {
	f := v.AsBigFloat()
	if f.IsInt() {
		return f.Text('f', 0)
	}
	x, _ := f.Float64()
	return strconv.FormatFloat(x, 'x', -1, 64)
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
