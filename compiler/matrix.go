package compiler

import (
	"fmt"

	"github.com/zclconf/go-cty/cty"

	"imgc/lang"
)

// variant is one build of a matrix, or the only one there is.
type variant struct {
	key   string
	scope scope
}

// address is what the addresses of the build's units begin with: web, or web["amd64"] for one of a matrix.
func (b *buildDecl) address(keyed bool, key string) string {
	if !keyed {
		return b.m.prefix + b.name
	}
	return b.m.prefix + b.name + "[" + quote(key) + "]"
}

// keys are those of the builds of a matrix.
func (b *buildDecl) keys(c *compilation) []string {
	b.expand(c)
	var keys []string
	for _, v := range b.variants {
		keys = append(keys, v.key)
	}
	return keys
}

// open reports whether the keys of a matrix are not known: only a check without values leaves them so.
func (b *buildDecl) open(c *compilation) bool {
	b.expand(c)
	return b.unknown
}

// expand finds the builds that a build stands for: one for each element of what its for goes over.
func (b *buildDecl) expand(c *compilation) {
	if b.state != 0 {
		if b.state == 1 {
			b.broken = true
			c.ds.add(lang.Diagnostic{Code: "E0203", Message: fmt.Sprintf("the builds of %s are made of themselves", b.name), Range: b.decl.Range(b.node.For.Pos), Help: "go over a list that does not depend on this build"})
		}
		return
	}
	b.state = 1
	defer func() { b.state = 2 }()
	in := scope{m: b.m, decl: b.decl}
	f := b.node.For
	if f == nil {
		b.variants = []variant{{scope: in}}
		return
	}
	was := c.noEval
	c.noEval = false
	defer func() { c.noEval = was }()
	ev := c.evaluator(in, nil)
	place := ev.at(f.In)
	items, key, value, known, secret, ok := ev.rounds(lang.ForHead{Key: f.Key, Value: f.Value, In: f.In})
	switch {
	case !ok:
		b.broken = true
	case secret:
		b.broken = true
		ev.refuseSecret(f.In, "it would be part of the builds' names")
	case len(ev.use.refs) > 0:
		b.broken = true
		ref := sortedKeys(ev.use.refs)[0]
		ev.fail(lang.Diagnostic{Code: "E0401", Message: fmt.Sprintf("the builds have to be known before apply, and %s is known only then", ref), Range: place, Related: []lang.Label{{Range: ev.use.refs[ref], Text: "known after apply"}}, Help: "go over a literal, a param or data"})
	}
	bind := func(k, v result) scope {
		s := in
		s.locals = map[string]*binding{f.Value.Name: {result: v, text: f.Value.Name}}
		if f.Key != nil {
			s.locals[f.Key.Name] = &binding{result: k, text: f.Key.Name}
		}
		return s
	}
	if b.broken || !known {
		b.unknown = true
		if !ok {
			key, value = tAny, tAny
		}
		b.variants = []variant{{key: "…", scope: bind(result{key, cty.DynamicVal}, result{value, cty.DynamicVal})}}
		return
	}
	seen := map[string]bool{}
	for _, item := range items {
		k, v := result{key, item.key}, result{value, item.value}
		raw, hidden := strip(item.value)
		name := ""
		switch {
		case hidden:
			b.broken = true
			ev.refuseSecret(f.In, "it would be part of the builds' names")
			continue
		case key.Kind == String:
			name = item.key.AsString()
		case value.Kind != Any && !scalar(value) || value.Optional || raw.IsNull() || raw.Type() != cty.String && raw.Type() != cty.Number && raw.Type() != cty.Bool:
			b.broken = true
			ev.fail(lang.Diagnostic{Code: "E0610", Message: fmt.Sprintf("%s gives no name to a build", article(value)), Range: place, Help: "go over a map, whose keys become the names: { small = { … }, large = { … } }"})
			continue
		default:
			name = plainText(raw, value)
		}
		if seen[name] {
			b.broken = true
			ev.fail(lang.Diagnostic{Code: "E0610", Message: fmt.Sprintf("there are two builds %s[%q]", b.name, name), Range: place, Help: "make the elements different, with distinct(…) for example"})
			continue
		}
		seen[name] = true
		b.variants = append(b.variants, variant{name, bind(k, v)})
	}
	if len(b.variants) == 0 && !b.broken {
		c.ds.add(lang.Diagnostic{Severity: lang.Warning, Code: "W0202", Message: fmt.Sprintf("build %s builds nothing", b.name), Range: place, Help: "the list is empty"})
	}
}
