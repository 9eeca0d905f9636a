//go:build !linux

// Package sandbox is the Machine that is a Linux sandbox; elsewhere there is none.
package sandbox

// Init does nothing where there are no sandboxes.
func Init() {}
