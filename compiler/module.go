package compiler

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"imgc/lang"
)

// module is one scope: the declarations of a folder, or of a file that use names.
type module struct {
	path   string // of the folder or file, relative to the program's folder; "" for the program itself
	dir    string // the folder its relative paths begin from, relative to the program's; "" for the program itself
	prefix string // what the names of its params and units begin with: "" or "base."

	names   map[string]*symbol // params, lets, data and, in a used module, outputs
	types   map[string]*typeDecl
	funcs   map[string]*funcDecl
	recipes map[string]*recipeDecl
	sources map[string]*sourceDecl
	builds  map[string]*buildDecl
	uses    map[string]*useDecl
	bad     map[string]bool // names of declarations that are malformed: what uses them is not reported too

	order     []*symbol
	funcList  []*funcDecl
	buildList []*buildDecl
	outputs   []*lang.Decl
	asserts   []*lang.Decl
	tests     []*lang.Decl
}

type useDecl struct {
	name string
	decl *lang.Decl
	pos  lang.Span
	mod  *module // nil when it could not be read
	used bool
}

type typeDecl struct {
	m     *module
	decl  *lang.Decl
	node  *lang.TypeDecl
	state int // 0 not begun, 1 under way, 2 done
	typ   *Type
	used  bool
}

func newModule() *module {
	return &module{names: map[string]*symbol{}, types: map[string]*typeDecl{}, funcs: map[string]*funcDecl{}, recipes: map[string]*recipeDecl{},
		sources: map[string]*sourceDecl{}, builds: map[string]*buildDecl{}, uses: map[string]*useDecl{}, bad: map[string]bool{}}
}

// rebase makes of a path written in the module one that begins at the program's folder.
func (m *module) rebase(p string) string {
	if m.dir == "" || p == "" || path.IsAbs(p) || strings.HasPrefix(p, "~") {
		return p
	}
	return path.Join(m.dir, p)
}

// read gives the module of some files its declarations, and reads those it uses.
func (c *compilation) read(m *module, files []*lang.File, via []string) {
	type declared struct {
		d  *lang.Decl
		id lang.Ident
	}
	tables := map[string]map[string]declared{}
	declare := func(table string, d *lang.Decl, id lang.Ident) bool {
		if id.Name == "" {
			return false
		}
		if table == "value" && (id.Name == "run" || id.Name == "plan") {
			c.ds.add(lang.Diagnostic{Code: "E0202", Message: id.Name + " is a name of imgc's own", Range: d.Range(id.Pos), Help: "choose another name"})
			return false
		}
		if tables[table] == nil {
			tables[table] = map[string]declared{}
		}
		if old, ok := tables[table][id.Name]; ok {
			c.duplicate(d, id, old.d, old.id)
			return false
		}
		tables[table][id.Name] = declared{d, id}
		return true
	}
	symbolOf := func(d *lang.Decl, id lang.Ident) *symbol {
		s := &symbol{m: m, name: id.Name, id: id, decl: d}
		m.names[s.name] = s
		m.order = append(m.order, s)
		return s
	}
	for _, f := range files {
		for _, d := range f.Decls {
			switch n := d.Node.(type) {
			case *lang.Param:
				if declare("value", d, n.Name) {
					symbolOf(d, n.Name).param = n
				}
			case *lang.Let:
				if declare("value", d, n.Name) {
					s := symbolOf(d, n.Name)
					s.let, s.value, s.typ = true, n.Value, n.Type
				}
			case *lang.Data:
				if declare("value", d, n.Name) {
					symbolOf(d, n.Name).data = n
				}
			case *lang.TypeDecl:
				if declare("type", d, n.Name) {
					m.types[n.Name.Name] = &typeDecl{m: m, decl: d, node: n}
				}
			case *lang.Func:
				if declare("func", d, n.Name) {
					f := &funcDecl{m: m, name: n.Name.Name, decl: d, node: n}
					m.funcs[f.name] = f
					m.funcList = append(m.funcList, f)
				}
			case *lang.Recipe:
				if declare("recipe", d, n.Name) {
					m.recipes[n.Name.Name] = &recipeDecl{m: m, name: n.Name.Name, decl: d, node: n}
				}
			case *lang.Source:
				if declare("source", d, n.Name) {
					m.sources[n.Name.Name] = &sourceDecl{m: m, name: n.Name.Name, decl: d, node: n}
				}
			case *lang.Build:
				if declare("value", d, n.Name) {
					b := &buildDecl{m: m, name: n.Name.Name, decl: d, node: n}
					m.builds[b.name] = b
					m.buildList = append(m.buildList, b)
				}
			case *lang.Output:
				if declare("output", d, n.Name) {
					m.outputs = append(m.outputs, d)
				}
			case *lang.Assert:
				m.asserts = append(m.asserts, d)
			case *lang.Test:
				m.tests = append(m.tests, d)
			case *lang.BadDecl:
				m.bad[n.Name] = true
			case *lang.Use:
				c.use(m, files, d, n, via, declare)
			}
		}
	}
	if m.path != "" { // other modules read its outputs as they read its lets
		for _, d := range m.outputs {
			n := d.Node.(*lang.Output)
			if _, taken := m.names[n.Name.Name]; !taken {
				m.names[n.Name.Name] = &symbol{m: m, name: n.Name.Name, id: n.Name, decl: d, let: true, value: n.Value, used: true}
			}
		}
	}
	for _, b := range m.buildList {
		b.findSources(c)
	}
}

// use reads the module that a use declaration names, once however often it is used.
func (c *compilation) use(m *module, files []*lang.File, d *lang.Decl, n *lang.Use, via []string, declare func(string, *lang.Decl, lang.Ident) bool) {
	text, plain := plainLiteral(n.Path)
	if !plain || text == "" {
		c.ds.add(lang.Diagnostic{Code: "E0207", Message: "the path of use has to be known at once", Range: at(d, n.Path), Help: `write it without ${…}: use "lib"`})
		return
	}
	where := usePath(m.dir, text)
	id := lang.Ident{Name: moduleName(text), Pos: n.Path.Pos}
	if n.As != nil {
		id = *n.As
	}
	if !isName(id.Name) {
		c.ds.add(lang.Diagnostic{Code: "E0207", Message: fmt.Sprintf("%q gives no name to call the module by", text), Range: at(d, n.Path), Help: fmt.Sprintf("say one: use %q as lib", text)})
		return
	}
	if !declare("value", d, id) {
		return
	}
	u := &useDecl{name: id.Name, decl: d, pos: id.Pos}
	m.uses[id.Name] = u
	if i := slices.Index(via, where); i >= 0 {
		circle := append(slices.Clone(via[i:]), where)
		for i, p := range circle {
			if p == "" {
				circle[i] = "."
			}
		}
		c.ds.add(lang.Diagnostic{Code: "E0208", Message: "modules use each other in a circle: " + strings.Join(circle, " → "), Range: at(d, n.Path), Help: "move what both need into a third module"})
		return
	}
	if slices.ContainsFunc(files, func(f *lang.File) bool { return path.Clean(f.Name) == where }) {
		c.ds.add(lang.Diagnostic{Code: "E0207", Message: fmt.Sprintf("%s is a part of this module already", text), Range: at(d, n.Path), Help: "all .imgc files of a folder are one module: use its names as they are, or move the file into a folder of its own"})
		return
	}
	if mod, ok := c.modules[where]; ok {
		u.mod = mod
		return
	}
	used, ok := c.cfg.Used[where]
	if !ok || used.Err != nil {
		why := "it is not there"
		if ok {
			why = used.Err.Error()
		}
		c.ds.add(lang.Diagnostic{Code: "E0207", Message: fmt.Sprintf("the module %q cannot be used: %s", text, why), Range: at(d, n.Path), Help: "the path is of a .imgc file or of a folder of them, relative to the file that says use"})
		return
	}
	mod := newModule()
	mod.path, mod.dir, mod.prefix = where, moduleDir(where), m.prefix+id.Name+"."
	c.modules[where] = mod
	u.mod = mod
	for _, f := range used.Files {
		c.ds.list = append(c.ds.list, f.Diagnostics()...)
	}
	c.read(mod, used.Files, append(slices.Clone(via), where))
	c.moduleList = append(c.moduleList, mod)
}

// usePath is the path of a module relative to the program's folder.
func usePath(dir, text string) string {
	if path.IsAbs(text) {
		return path.Clean(text)
	}
	return path.Join(dir, text)
}

// moduleDir is the folder of a module, "" for the program's own.
func moduleDir(where string) string {
	if strings.HasSuffix(where, ".imgc") {
		where = path.Dir(where)
	}
	if where == "." {
		return ""
	}
	return where
}

// moduleName is the name of a module that is used without "as": the last part of its path.
func moduleName(text string) string {
	return strings.ReplaceAll(strings.TrimSuffix(path.Base(path.Clean(text)), ".imgc"), "-", "_")
}

// member checks that a name of another module may be seen from here. It reports where it may not.
func (c *compilation) member(d *lang.Decl, id lang.Ident, there bool, u *useDecl, names []string) bool {
	c.touch(&u.used)
	switch {
	case u.mod == nil || id.Name == "":
		return false // reported
	case there && strings.HasPrefix(id.Name, "_"):
		c.ds.add(lang.Diagnostic{Code: "E0209", Message: fmt.Sprintf("%s.%s is private", u.name, id.Name), Range: d.Range(id.Pos), Help: "names that begin with _ belong to their module alone; rename it there to share it"})
		return false
	case !there:
		names = slices.DeleteFunc(names, func(n string) bool { return strings.HasPrefix(n, "_") })
		slices.Sort(names)
		c.ds.add(lang.Diagnostic{Code: "E0201", Message: fmt.Sprintf("module %s has no %s", u.name, id.Name), Range: d.Range(id.Pos), Help: didYouMean(id.Name, names, "it has "+orNothing(names))})
		return false
	}
	return true
}

func orNothing(names []string) string {
	if len(names) == 0 {
		return "nothing of that kind"
	}
	return strings.Join(names, ", ")
}

// find looks a declaration up by its name, which may be that of another module: lib.name. It reports nothing when the name has
// one part and is not there.
func find[T any](c *compilation, m *module, d *lang.Decl, name lang.Dotted, table func(*module) map[string]T) (T, bool) {
	var none T
	if len(name.Parts) == 1 {
		x, ok := table(m)[name.Parts[0].Name]
		return x, ok
	}
	u, ok := m.uses[name.Parts[0].Name]
	if !ok || len(name.Parts) != 2 {
		return none, false
	}
	id := name.Parts[1]
	var x T
	there := false
	var names []string
	if u.mod != nil {
		x, there = table(u.mod)[id.Name]
		names = sortedKeys(table(u.mod))
	}
	if !c.member(d, id, there, u, names) {
		return none, false
	}
	return x, true
}

// qualified reports whether a dotted name begins with the name of a used module, so that what find did not find has been reported.
func (m *module) qualified(name lang.Dotted) bool {
	if len(name.Parts) < 2 {
		return false
	}
	_, ok := m.uses[name.Parts[0].Name]
	return ok
}

// typeNamed finds a declared type. It is nil where there is none, and known says whether that needs no report.
func (c *compilation) typeNamed(m *module, d *lang.Decl, name lang.Dotted) (t *Type, known bool) {
	td, ok := find(c, m, d, name, func(m *module) map[string]*typeDecl { return m.types })
	if !ok {
		if component, is := strings.CutSuffix(name.String(), ".artifact"); is && c.cfg.Schemas != nil {
			for _, kind := range []string{"builder", "post"} {
				if s := c.cfg.Schemas.Lookup(kind, component); s != nil && s.artifactType() != nil {
					return s.artifactType(), true
				}
			}
		}
		return c.shared[name.String()], c.shared[name.String()] != nil || m.qualified(name)
	}
	c.touch(&td.used)
	switch td.state {
	case 1:
		c.ds.add(lang.Diagnostic{Code: "E0203", Message: fmt.Sprintf("type %s is made of itself", td.node.Name.Name), Range: td.decl.Range(td.node.Name.Pos), Help: "a type cannot contain itself; remove the circle"})
		return nil, true
	case 0:
		td.state = 1
		if t := c.typeIn(td.m, td.decl, td.node.Type); t != nil {
			named := *t
			named.Name = td.node.Name.Name
			td.typ = &named
		}
		td.state = 2
	}
	return td.typ, true
}
