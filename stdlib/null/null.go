// Package null is the builder of a machine that exists already. It makes nothing but a private folder there, and removes it.
//
// Start reading at Start.
package null

import (
	"context"
	_ "embed"
	"errors"

	"imgc/executor/machine/local"
	"imgc/stdlib/component"
	"imgc/stdlib/ssh"
)

//go:embed schema.imgc
var schema string

// Options are the builder's options; the schema says what they mean.
type Options struct {
	SSH   *ssh.Options `imgc:"ssh"`
	Local *bool        `imgc:"local"`
}

// New is the registry entry.
func New() component.Component {
	return component.NewBuilder("null", schema, "1", func(o *Options) component.Builder { return &builder{o} })
}

type builder struct{ *Options }

// Start reaches the machine.
func (b *builder) Start(ctx context.Context, env *component.Env) (component.Machine, error) {
	switch {
	case b.SSH != nil:
		env.Say("connecting to %s", b.SSH.Host)
		return ssh.Open(ctx, env, *b.SSH)
	case b.Local != nil && *b.Local:
		m, err := local.New(env.TempDir)
		if err != nil {
			return nil, err
		}
		return m, nil
	}
	return nil, errors.New("there is no machine: give ssh, or local = true for this computer")
}

// Finish gives an artifact of nothing: what the steps did stays on the machine.
func (b *builder) Finish(_ context.Context, _ *component.Env, m component.Machine) (component.Artifact, error) {
	id := "this computer"
	if host := m.Info().Host; host != "" {
		id = host
	}
	return component.Artifact{Kind: "none", ID: id}, nil
}

// Stop removes the private folder and leaves the machine.
func (b *builder) Stop(_ context.Context, env *component.Env, m component.Machine) error {
	if l, ok := m.(*local.Machine); ok {
		return l.Close()
	}
	return ssh.Close(env, m)
}

// Undo removes the private folder that a run which was killed left on the machine.
func (b *builder) Undo(ctx context.Context, env *component.Env, e component.Effect) error {
	return ssh.Undo(ctx, env, e, b.SSH)
}
