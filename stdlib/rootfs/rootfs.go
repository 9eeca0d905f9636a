// Package rootfs is the builder of root file systems: a base, unpacked once into a cache, with a sandbox
// over it whose root becomes a tar. It knows no package manager: what is installed is the steps' business.
//
// Start reading at Start in build_linux.go, then checkpoint_linux.go.
package rootfs

import (
	_ "embed"

	"imgc/stdlib/component"
)

//go:embed schema.imgc
var schema string

// Options are the options of the schema.
type Options struct {
	Base     *string `imgc:"base"`
	Network  string  `imgc:"network"`
	Hostname string  `imgc:"hostname"`
	Epoch    int64   `imgc:"epoch"`
	Output   *string `imgc:"output"`
}

// New gives the registry entry.
func New() component.Component { return component.NewBuilder("rootfs", schema, "2", newBuilder) }
