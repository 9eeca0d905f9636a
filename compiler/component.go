package compiler

import (
	"fmt"
	"strings"

	"imgc/lang"
)

// component finds the schema of a component that is used as a kind, or reports why it cannot.
func (c *compilation) component(d *lang.Decl, kind string, name lang.Dotted) *Schema {
	if c.cfg.Schemas == nil {
		return nil
	}
	n := name.String()
	if s := c.cfg.Schemas.Lookup(kind, n); s != nil {
		return s
	}
	for _, other := range []string{"builder", "provisioner", "post", "data"} {
		if c.cfg.Schemas.Lookup(other, n) != nil {
			c.ds.add(lang.Diagnostic{Code: "E0205", Message: fmt.Sprintf("%s is %s, not %s", n, kindPhrase(other), kindPhrase(kind)), Range: d.Range(name.Pos), Help: "it is used with " + kindKeyword(other)})
			return nil
		}
	}
	names := c.cfg.Schemas.Names(kind)
	c.ds.add(lang.Diagnostic{Code: "E0205", Message: fmt.Sprintf("there is no %s %s", kindPhrase(kind)[2:], n), Range: d.Range(name.Pos), Help: didYouMean(n, names, "there are "+strings.Join(names, ", "))})
	return nil
}

// provisioner finds what provision names when it is no recipe.
func (c *compilation) provisioner(m *module, d *lang.Decl, name lang.Dotted) *Schema {
	if c.cfg.Schemas == nil {
		return nil
	}
	n := name.String()
	if m.bad[n] {
		return nil
	}
	if s := c.cfg.Schemas.Lookup("provisioner", n); s != nil || c.cfg.Schemas.Lookup("builder", n) != nil || c.cfg.Schemas.Lookup("post", n) != nil {
		return c.component(d, "provisioner", name)
	}
	names := append(c.cfg.Schemas.Names("provisioner"), sortedKeys(m.recipes)...)
	c.ds.add(lang.Diagnostic{Code: "E0205", Message: fmt.Sprintf("there is no provisioner or recipe %s", n), Range: d.Range(name.Pos), Help: didYouMean(n, names, "there are "+strings.Join(names, ", "))})
	return nil
}

func kindPhrase(kind string) string {
	switch kind {
	case "post":
		return "a post-processor"
	case "data":
		return "a data source"
	}
	return "a " + kind
}

func kindKeyword(kind string) string {
	switch kind {
	case "builder":
		return "source NAME = …"
	case "post":
		return "post, in a build"
	case "data":
		return "data NAME = …"
	}
	return "provision, in a build"
}
