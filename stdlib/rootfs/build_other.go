//go:build !linux

package rootfs

import (
	"context"
	"errors"

	"imgc/stdlib/component"
)

var errLinux = errors.New("rootfs needs the namespaces and the overlay file system of Linux: run imgc on a Linux host, or in a virtual machine with Linux")

// builder says that there is no sandbox here: a step is never run on the host itself.
type builder struct{}

func newBuilder(*Options) component.Builder { return builder{} }

func (builder) Start(context.Context, *component.Env) (component.Machine, error) {
	return nil, errLinux
}

func (builder) Finish(context.Context, *component.Env, component.Machine) (component.Artifact, error) {
	return component.Artifact{}, errLinux
}

func (builder) Stop(context.Context, *component.Env, component.Machine) error { return nil }
