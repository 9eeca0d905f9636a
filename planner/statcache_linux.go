package planner

import (
	"io/fs"
	"syscall"
)

// statOf is the identity of a file's content as the file system has it.
func statOf(info fs.FileInfo) (fileStat, bool) {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fileStat{}, false
	}
	return fileStat{Size: s.Size, Mode: s.Mode, MTime: s.Mtim.Nano(), CTime: s.Ctim.Nano(), Inode: s.Ino, Dev: uint64(s.Dev)}, true //nolint:unconvert // it is 32 bits wide on some architectures
}
