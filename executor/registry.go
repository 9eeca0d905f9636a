package executor

import (
	"context"
	"fmt"

	"github.com/zclconf/go-cty/cty"

	"imgc/compiler"
	"imgc/executor/redact"
	"imgc/stdlib/component"
)

// Registry finds components by kind and name.
type Registry struct {
	byName map[[2]string]component.Component
}

// NewRegistry lists components.
func NewRegistry(cs []component.Component) *Registry {
	r := &Registry{byName: map[[2]string]component.Component{}}
	for _, c := range cs {
		r.byName[[2]string{string(c.Kind), c.Name}] = c
	}
	return r
}

// Version is the version of a component, for digests.
func (r *Registry) Version(kind, name string) string { return r.byName[[2]string{kind, name}].Version }

// instance makes a component with the options of a call.
func (r *Registry) instance(call *compiler.Call, rt *compiler.Runtime, secrets *redact.Redactor) (any, error) {
	v, ds := call.Resolve(rt)
	if ds.HasErrors() {
		return nil, ds
	}
	secrets.Add(compiler.SecretTexts(v)) // before anything can print what was made of a secret
	c, ok := r.byName[[2]string{call.Schema.Kind, call.Schema.Name}]
	if !ok {
		return nil, fmt.Errorf("%s %s is not part of this imgc", call.Schema.Kind, call.Schema.Name)
	}
	o := c.Options()
	if err := component.Decode(v, o); err != nil {
		return nil, fmt.Errorf("%s: %w", call.Schema.Name, err)
	}
	return make1(c, o), nil
}

// Lookup looks data up; the options are a call's, resolved.
func (r *Registry) Lookup(ctx context.Context, s *compiler.Schema, options cty.Value) (map[string]any, error) {
	c, ok := r.byName[[2]string{s.Kind, s.Name}]
	if !ok || c.Data == nil {
		return nil, fmt.Errorf("%s %s is not part of this imgc", s.Kind, s.Name)
	}
	o := c.Options()
	if err := component.Decode(options, o); err != nil {
		return nil, err
	}
	return c.Data(o).Lookup(ctx)
}

// blank makes a component with no options, to look at or remove what it once made.
func (r *Registry) blank(kind, name string) (any, bool) {
	c, ok := r.byName[[2]string{kind, name}]
	if !ok {
		return nil, false
	}
	return make1(c, c.Options()), true
}

func make1(c component.Component, o any) any {
	switch c.Kind {
	case component.KindBuilder:
		return c.Builder(o)
	case component.KindProvisioner:
		return c.Provisioner(o)
	}
	return c.Post(o)
}
