//go:build !linux

package planner

import "io/fs"

// statOf knows no change time that a program cannot set, so nothing is remembered.
func statOf(fs.FileInfo) (fileStat, bool) { return fileStat{}, false }
