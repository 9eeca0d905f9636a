package planner

import (
	"fmt"
	"slices"
	"strings"

	"imgc/compiler"
	"imgc/lang"
	"imgc/stdlib/component"
)

// Make compares the digests of a program with its state and with what was observed to exist, and says what to do.
func Make(in Input, d *Digests, seen Observed) (*Plan, lang.Diagnostics) {
	st := in.State
	p := &Plan{Format: planFormat, Lineage: st.Lineage, Serial: st.Serial, Program: d.Program}
	p.Targets, p.Replace = slices.Clone(in.Targets), slices.Clone(in.Replace)
	chosen, ds := selectUnits(in.Program.Units, in.Targets, "--target")
	forced, more := selectUnits(in.Program.Units, in.Replace, "--replace")
	if ds = append(ds, more...); ds.HasErrors() {
		return nil, ds
	}
	order, _ := topological(in.Program.Units)
	byAddr := map[string]*Change{}
	wanted := map[string]bool{}
	for i := len(order) - 1; i >= 0; i-- { // a chosen unit brings those it depends on
		u := order[i]
		if len(in.Targets) == 0 || chosen[u.Addr] || wanted[u.Addr] {
			wanted[u.Addr] = true
			for _, a := range u.DependsOn {
				wanted[a] = true
			}
		}
	}
	for _, u := range order {
		if !wanted[u.Addr] {
			continue
		}
		m := &maker{u: u, d: d.Units[u.Addr], st: st.Units[u.Addr], seen: seen, rebuilt: map[string]bool{}, newKey: in.Key == nil || st.KeyID != "" && st.KeyID != keyID(in.Key)}
		if forced[u.Addr] {
			m.forced = true
		}
		for _, a := range u.DependsOn {
			if c := byAddr[a]; c != nil && (c.Action == Build || c.Action == Rebuild) {
				m.rebuilt[a] = true
			}
		}
		c := m.change()
		byAddr[u.Addr] = c
		p.Changes = append(p.Changes, c)
	}
	if len(in.Targets) == 0 {
		for _, addr := range sortedKeys(st.Units) {
			if d.Units[addr] == nil {
				p.Changes = append(p.Changes, &Change{Addr: addr, Action: Forget, Reasons: []Reason{{Code: NotInProgram, Subject: addr}}})
			}
		}
	}
	p.Outputs = outputs(in, byAddr)
	return p, ds
}

// maker plans one unit.
type maker struct {
	u       *compiler.Unit
	d       *UnitDigests
	st      *UnitState
	seen    Observed
	forced  bool
	rebuilt map[string]bool // dependencies that are built in this plan
	newKey  bool            // secrets cannot be compared with those recorded

	out *Change
	// floor is the first step (from 0) that has to run whatever checkpoints there are; -1 for none.
	floor int
}

func (m *maker) change() *Change {
	m.floor = -1
	c := &Change{Addr: m.u.Addr, Action: None, Digest: m.d.Digest(), Builder: m.d.Builder, Steps: m.d.Steps, Posts: m.d.Posts, DependsOn: m.u.DependsOn, Unit: m.u}
	m.out = c
	if a, ok := m.seen.Found[m.u.Addr]; ok && (m.st == nil || m.st.Digest != c.Digest) {
		c.Found = &a
		m.st = Adopted(c)
	}
	if m.st == nil {
		c.Action = Build
		c.Reasons = []Reason{{Code: NeverBuilt, Subject: m.u.Addr}}
		m.restart(len(c.Steps))
		return c
	}
	m.dependencies()
	m.compare()
	if !m.st.Consumed {
		m.artifact(m.u.Addr, m.st.Artifact)
	}
	m.missingFiles()
	if m.forced {
		c.Reasons = append(c.Reasons, Reason{Code: Forced, Subject: m.u.Addr})
		m.floor = 0
	}
	if len(c.Reasons) > 0 {
		m.rebuild()
		return c
	}
	m.updates()
	m.posts()
	return c
}

// Adopted is the record of a unit whose artifact was found. Its post chains have not run here.
func Adopted(c *Change) *UnitState {
	st := &UnitState{Digest: c.Digest, Builder: c.Builder.Recorded, Artifact: *c.Found}
	for _, s := range c.Steps {
		st.Steps = append(st.Steps, s.Recorded)
	}
	return st
}

// updates plans what can be done with the artifact as it is: options that changed, and what somebody has changed by hand.
func (m *maker) updates() {
	if m.st.Consumed {
		return
	}
	n := m.d.Builder
	rs := m.options(n, m.st.Builder.Updates, n.Recorded.Updates, "source "+m.u.Source)
	n.Reasons = append(n.Reasons, rs...)
	for _, d := range m.seen.Drift[m.u.Addr] {
		rs = append(rs, Reason{Code: Drifted, Subject: d.Subject, Before: d.Recorded, After: d.Found})
	}
	if len(rs) > 0 {
		m.out.Action, m.out.Reasons = Update, rs
	}
}

func (m *maker) rebuild() {
	m.out.Action = Rebuild
	m.restart(len(m.out.Steps))
}

// restart says where a build begins: after the last step that has a checkpoint, if nothing before it has to run.
func (m *maker) restart(n int) {
	c := m.out
	last := n
	if m.floor >= 0 {
		last = min(last, m.floor)
	}
	begin := 0
	for i := last - 1; i >= 0; i-- {
		if m.seen.Checkpoints[c.Steps[i].Digest] {
			c.RestoreFrom = c.Steps[i].Digest
			begin = i + 1
			break
		}
	}
	c.Builder.Runs = true
	for i, s := range c.Steps {
		s.Runs = i >= begin
	}
	if begin < n {
		c.RestartAt = begin + 1
	}
	for _, ch := range c.Posts {
		for _, l := range ch {
			l.Runs = true
		}
	}
}

// compare tells why the builder or the steps differ from those recorded.
func (m *maker) compare() {
	c := m.out
	if m.st.Digest == m.d.Digest() {
		return
	}
	c.Reasons = append(c.Reasons, m.node(m.d.Builder, m.st.Builder, "source "+m.u.Source)...)
	for _, p := range match(m.d.Steps, m.st.Steps) {
		switch {
		case p.old < 0:
			n := m.d.Steps[p.new]
			n.Reasons = []Reason{{Code: StepAdded, Subject: fmt.Sprintf("step %d", p.new+1), Where: stepName(p.new, n.Component, n.Label)}}
			c.Reasons = append(c.Reasons, n.Reasons...)
		case p.new < 0:
			o := m.st.Steps[p.old]
			c.Reasons = append(c.Reasons, Reason{Code: StepRemoved, Subject: stepName(p.old, o.Component, o.Label)})
		default:
			n := m.d.Steps[p.new]
			if p.moved {
				n.Reasons = []Reason{{Code: StepMoved, Subject: stepName(p.new, n.Component, n.Label), Before: fmt.Sprint(p.old + 1), After: fmt.Sprint(p.new + 1)}}
				c.Reasons = append(c.Reasons, n.Reasons...)
				continue
			}
			c.Reasons = append(c.Reasons, m.node(n, m.st.Steps[p.old], stepName(p.new, n.Component, n.Label))...)
		}
	}
	if len(c.Reasons) == 0 { // the nodes are alike and their digests are not: something that they refer to
		if len(m.u.DependsOn) > 0 {
			c.Reasons = append(c.Reasons, Reason{Code: DependencyChanged, Subject: strings.Join(m.u.DependsOn, ", ")})
		} else {
			c.Reasons = append(c.Reasons, Reason{Code: FormatChanged})
		}
	}
}

// dependencies adds a reason for each unit that is built in this plan and whose artifact the builder or a step uses,
// and finds the first of them that has to run for it. One that only post chains use does not touch the machine.
func (m *maker) dependencies() {
	if len(m.rebuilt) == 0 {
		return
	}
	used := map[string]bool{}
	for i, n := range append([]*Node{m.d.Builder}, m.d.Steps...) {
		for _, addr := range usedUnits(n.Call) {
			if m.rebuilt[addr] {
				used[addr] = true
				if m.floor < 0 {
					m.floor = max(0, i-1)
				}
			}
		}
	}
	for _, addr := range sortedKeys(used) {
		m.out.Reasons = append(m.out.Reasons, Reason{Code: DependencyBuilt, Subject: addr})
	}
}

// usesRebuilt is a unit that is built in this plan and whose artifact a call waits for; empty for none.
func (m *maker) usesRebuilt(c *compiler.Call) string {
	if len(m.rebuilt) == 0 {
		return ""
	}
	for _, addr := range usedUnits(c) {
		if m.rebuilt[addr] {
			return addr
		}
	}
	return ""
}

// usedUnits lists the units whose artifacts a call's options wait for, sorted.
func usedUnits(c *compiler.Call) []string {
	used := map[string]bool{}
	for _, o := range c.Options {
		if o.Pending == nil || o.Field.Free {
			continue
		}
		for _, ref := range o.Pending.Refs {
			if addr, ok := unitOf(ref); ok {
				used[addr] = true
			}
		}
	}
	return sortedKeys(used)
}

func stepName(i int, component, label string) string {
	if label != "" {
		return fmt.Sprintf("step %d (%s %q)", i+1, component, label)
	}
	return fmt.Sprintf("step %d (%s)", i+1, component)
}

// node compares one node with its record and fills its diff.
func (m *maker) node(n *Node, old NodeState, where string) []Reason {
	var rs []Reason
	if n.Component != old.Component {
		rs = append(rs, Reason{Code: ComponentChanged, Subject: where, Where: where, Before: old.Component, After: n.Component})
	} else if n.Recorded.Version != old.Version {
		rs = append(rs, Reason{Code: ComponentChanged, Subject: where, Where: where, Before: old.Component + " " + old.Version, After: n.Component + " " + n.Recorded.Version})
	}
	rs = append(rs, m.options(n, old.Options, n.Recorded.Options, where)...)
	for _, path := range sortedKeys(n.Recorded.Files) {
		if b, ok := old.Files[path]; ok && b != n.Recorded.Files[path] || !ok && len(n.Options) == 0 {
			rs = append(rs, Reason{Code: FileChanged, Subject: path, Where: where})
		}
	}
	n.Reasons = rs
	return rs
}

// options compares options with those recorded, and fills the node's diff.
func (m *maker) options(n *Node, old, now map[string]string, where string) []Reason {
	var rs []Reason
	names := map[string]bool{}
	for name := range old {
		names[name] = true
	}
	for name := range now {
		names[name] = true
	}
	for _, name := range sortedKeys(names) {
		b, a := old[name], now[name]
		if a == b {
			continue
		}
		before, after := shown(b), shown(a)
		code := OptionChanged
		if before == after {
			switch {
			case m.newKey:
				code, after = KeyChanged, "(cannot be compared)"
			case strings.HasPrefix(after, laterText):
				after = "(what it is made from changed)"
			case before == secretText:
				after = "(secret changed)"
			default:
				after = "(a secret in it changed)"
			}
		}
		n.Options = append(n.Options, OptionChange{Name: name, Before: before, After: after})
		rs = append(rs, Reason{Code: code, Subject: name, Where: where, Before: before, After: after})
	}
	return rs
}

// artifact adds a reason when an artifact is not there as it was made.
func (m *maker) artifact(key string, a component.Artifact) bool {
	switch m.seen.Artifacts[key] {
	case component.Gone:
		m.out.Reasons = append(m.out.Reasons, Reason{Code: ArtifactGone, Subject: a.ID})
		return false
	case component.Changed:
		m.out.Reasons = append(m.out.Reasons, Reason{Code: ArtifactChanged, Subject: a.ID})
		return false
	}
	return true
}

// missingFiles adds a reason for local files that steps have written and that are gone, unless a post chain used them up.
func (m *maker) missingFiles() {
	used := map[string]bool{}
	for _, ch := range m.st.Posts {
		for _, l := range ch.Links {
			if l.Consumed {
				for _, f := range l.Artifact.Files {
					used[f.Path] = true
				}
			}
		}
	}
	for i, s := range m.st.Steps {
		for _, p := range s.Writes {
			if m.seen.Missing[p] && !used[p] && !used[strings.TrimPrefix(p, "./")] {
				m.out.Reasons = append(m.out.Reasons, Reason{Code: ArtifactGone, Subject: p, Where: stepName(i, s.Component, s.Label)})
				if m.floor < 0 || i < m.floor {
					m.floor = i
				}
			}
		}
	}
}

// linkKey names the artifact of a post link in Observed.
func linkKey(addr string, chain, link int) string {
	return fmt.Sprintf("%s/post[%d][%d]", addr, chain, link)
}

// LinkKey names the artifact of a post link in Observed.Artifacts; links and chains count from 0.
func LinkKey(addr string, chain, link int) string { return linkKey(addr, chain, link) }

// posts plans the chains of a unit whose artifact stays.
func (m *maker) posts() {
	c := m.out
	var reasons []Reason
	for i, links := range m.d.Posts {
		var old []LinkState
		if i < len(m.st.Posts) {
			old = m.st.Posts[i].Links
		}
		dirty := -1
		for j, n := range links {
			where := "post " + n.Component
			var rs []Reason
			switch {
			case j >= len(old):
				code := PostUnfinished
				if i >= len(m.st.Posts) {
					code = PostChanged
				}
				rs = []Reason{{Code: code, Subject: n.Component, Where: where}}
			case old[j].Digest != n.Digest:
				if rs = m.node(n, old[j].NodeState, where); len(rs) == 0 {
					rs = []Reason{{Code: PostChanged, Subject: n.Component, Where: where}}
				}
			case m.usesRebuilt(n.Call) != "":
				rs = []Reason{{Code: DependencyBuilt, Subject: m.usesRebuilt(n.Call), Where: where}}
			case j == len(links)-1 && len(old) > len(links) && old[j].Consumed:
				rs = []Reason{{Code: PostRemoved, Subject: "post " + old[j+1].Component, Where: where}}
			case !old[j].Consumed:
				switch m.seen.Artifacts[linkKey(c.Addr, i, j)] {
				case component.Gone:
					rs = []Reason{{Code: ArtifactGone, Subject: old[j].Artifact.ID, Where: where}}
				case component.Changed:
					rs = []Reason{{Code: ArtifactChanged, Subject: old[j].Artifact.ID, Where: where}}
				}
			}
			if len(rs) > 0 {
				n.Reasons = rs
				reasons = append(reasons, rs...)
				dirty = j
				break
			}
		}
		if dirty < 0 { // links that were taken off the end change nothing; what they made stays
			continue
		}
		// The chain begins again at the last link before it whose artifact is still there.
		begin := dirty
		for begin > 0 && (old[begin-1].Consumed || m.absent(i, begin-1)) {
			begin--
		}
		if begin == 0 && (m.st.Consumed || m.inputsUsed(i)) {
			c.Reasons = slices.Concat(reasons, []Reason{{Code: InputNotKept, Subject: c.Addr}})
			m.rebuild()
			return
		}
		for j := begin; j < len(links); j++ {
			links[j].Runs = true
		}
	}
	for _, ch := range m.st.Posts[min(len(m.d.Posts), len(m.st.Posts)):] {
		subject := "a post chain"
		if len(ch.Links) > 0 {
			subject = "post " + ch.Links[0].Component
		}
		reasons = append(reasons, Reason{Code: PostRemoved, Subject: subject})
	}
	if len(reasons) > 0 && c.Action == Update {
		return // the chains run on what was updated, and that says why
	}
	if len(reasons) > 0 {
		c.Action = Post
		c.Reasons = reasons
	}
}

func (m *maker) absent(chain, link int) bool {
	s := m.seen.Artifacts[linkKey(m.u.Addr, chain, link)]
	return s == component.Gone || s == component.Changed
}

// inputsUsed reports whether a chain that has to begin at its first link needs files that it used up last time.
func (m *maker) inputsUsed(chain int) bool {
	if chain >= len(m.st.Posts) {
		return false
	}
	links := m.st.Posts[chain].Links
	if len(links) == 0 || !links[0].Consumed {
		return false
	}
	made := map[string]bool{}
	for _, s := range m.st.Steps {
		for _, p := range s.Writes {
			made[strings.TrimPrefix(p, "./")] = true
		}
	}
	for _, f := range links[0].Artifact.Files {
		if made[f.Path] {
			return true // the first link handed on what a step had written, and it was deleted after use
		}
	}
	return false
}

// outputs says what becomes of each output. One that waits for an artifact stays as it is when its units do.
func outputs(in Input, changes map[string]*Change) []*OutputChange {
	var out []*OutputChange
	busy := false
	found := &compiler.Runtime{Artifacts: map[string]map[string]any{}} // of units whose artifact is there, though the state does not know it
	for addr, u := range in.State.Units {
		found.Artifacts[addr] = u.Artifact.Attrs
	}
	adopted := false
	for _, c := range changes {
		busy = busy || c.Action == Build || c.Action == Rebuild
		if c.Found != nil {
			found.Artifacts[c.Addr], adopted = c.Found.Attrs, true
		}
	}
	seen := map[string]bool{}
	for _, o := range in.Program.Outputs {
		seen[o.Name] = true
		oc := &OutputChange{Name: o.Name, Before: in.State.Outputs[o.Name].Text, After: compiler.FormatValue(o.Value, o.Type)}
		switch {
		case adopted && !busy:
			if v, ds := o.Resolve(found); !ds.HasErrors() {
				oc.After = compiler.FormatValue(v, o.Type)
			}
			if in.State.Serial == 0 { // there is no state at all: it is as found, and nothing changes
				oc.Before = oc.After
			}
		case !o.Value.IsWhollyKnown() && !busy && (oc.Before != "" || len(in.Targets) > 0):
			oc.After = oc.Before
		}
		out = append(out, oc)
	}
	for _, name := range sortedKeys(in.State.Outputs) {
		if !seen[name] {
			out = append(out, &OutputChange{Name: name, Before: in.State.Outputs[name].Text})
		}
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// HasChanges reports whether apply would do anything with a unit or an output.
func (p *Plan) HasChanges() bool {
	for _, c := range p.Changes {
		if c.Action != None {
			return true
		}
	}
	for _, o := range p.Outputs {
		if o.Before != o.After {
			return true
		}
	}
	return false
}
