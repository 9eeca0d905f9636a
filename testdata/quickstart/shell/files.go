package shell

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/interp"
)

type command func(hc interp.HandlerContext, args []string) error

var files = map[string]command{
	"cat": cat, "chmod": chmod, "cp": cp, "id": id, "ln": ln, "ls": ls, "mkdir": mkdir, "mv": mv, "rm": rm,
}

// options parts the flags (each letter by itself) from the operands, and refuses flags it does not know.
func options(args []string, known string) (flags string, operands []string, err error) {
	for i, a := range args {
		if a == "--" {
			return flags, append(operands, args[i+1:]...), nil
		}
		if len(a) < 2 || a[0] != '-' {
			operands = append(operands, a)
			continue
		}
		for _, c := range a[1:] {
			if !strings.ContainsRune(known, c) {
				return "", nil, fmt.Errorf("there is no option -%c here", c)
			}
		}
		flags += a[1:]
	}
	return flags, operands, nil
}

func in(hc interp.HandlerContext, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(hc.Dir, path)
}

// into gives the path that source gets when it is copied to target.
func into(hc interp.HandlerContext, source, target string) string {
	if info, err := os.Stat(in(hc, target)); err == nil && info.IsDir() {
		return filepath.Join(in(hc, target), filepath.Base(source))
	}
	return in(hc, target)
}

func cat(hc interp.HandlerContext, args []string) error {
	_, names, err := options(args, "u")
	if err != nil {
		return err
	}
	if len(names) == 0 {
		names = []string{"-"}
	}
	for _, name := range names {
		if name == "-" {
			if hc.Stdin != nil {
				if _, err := io.Copy(hc.Stdout, hc.Stdin); err != nil {
					return err
				}
			}
			continue
		}
		f, err := os.Open(in(hc, name))
		if err != nil {
			return err
		}
		_, err = io.Copy(hc.Stdout, f)
		f.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// chmod knows octal modes, and +x and its like for everybody.
func chmod(hc interp.HandlerContext, args []string) error {
	if len(args) < 2 {
		return errors.New("a mode and a file are needed")
	}
	for _, name := range args[1:] {
		info, err := os.Stat(in(hc, name))
		if err != nil {
			return err
		}
		mode, err := modeOf(args[0], info.Mode().Perm())
		if err != nil {
			return err
		}
		if err := os.Chmod(in(hc, name), mode); err != nil {
			return err
		}
	}
	return nil
}

func modeOf(text string, old fs.FileMode) (fs.FileMode, error) {
	if n, err := strconv.ParseUint(text, 8, 12); err == nil {
		mode := fs.FileMode(n & 0o777)
		for bit, m := range map[uint64]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
			if n&bit != 0 {
				mode |= m
			}
		}
		return mode, nil
	}
	text = strings.TrimPrefix(text, "a")
	if len(text) < 2 || text[0] != '+' && text[0] != '-' {
		return 0, fmt.Errorf("the mode %q is neither octal nor like +x", text)
	}
	var bits fs.FileMode
	for _, c := range text[1:] {
		i := strings.IndexRune("xwr", c)
		if i < 0 {
			return 0, fmt.Errorf("the mode %q is neither octal nor like +x", text)
		}
		bits |= 0o111 << i
	}
	if text[0] == '+' {
		return old | bits, nil
	}
	return old &^ bits, nil
}

func cp(hc interp.HandlerContext, args []string) error {
	flags, names, err := options(args, "aRrpf")
	if err != nil {
		return err
	}
	if len(names) < 2 {
		return errors.New("a source and a target are needed")
	}
	target := names[len(names)-1]
	for _, name := range names[:len(names)-1] {
		src, dst := in(hc, name), into(hc, name, target)
		info, err := os.Stat(src)
		if err != nil {
			return err
		}
		switch {
		case !info.IsDir():
			err = copyFile(src, dst, info.Mode().Perm())
		case strings.ContainsAny(flags, "aRr"):
			err = os.CopyFS(dst, os.DirFS(src))
		default:
			err = fmt.Errorf("%s is a folder; use cp -r", name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func copyFile(src, dst string, mode fs.FileMode) error {
	from, err := os.Open(src)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(dst, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Close())
}

func id(hc interp.HandlerContext, args []string) error {
	flags, _, err := options(args, "ugn")
	if err != nil {
		return err
	}
	switch {
	case strings.Contains(flags, "u"):
		fmt.Fprintln(hc.Stdout, os.Getuid())
	case strings.Contains(flags, "g"):
		fmt.Fprintln(hc.Stdout, os.Getgid())
	default:
		fmt.Fprintf(hc.Stdout, "uid=%d gid=%d\n", os.Getuid(), os.Getgid())
	}
	return nil
}

func ln(hc interp.HandlerContext, args []string) error {
	flags, names, err := options(args, "sf")
	if err != nil {
		return err
	}
	if len(names) != 2 {
		return errors.New("a target and a name are needed")
	}
	dst := into(hc, names[0], names[1])
	if strings.Contains(flags, "f") {
		if err := os.Remove(dst); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if strings.Contains(flags, "s") {
		return os.Symlink(names[0], dst)
	}
	return os.Link(in(hc, names[0]), dst)
}

func ls(hc interp.HandlerContext, args []string) error {
	flags, names, err := options(args, "la1")
	if err != nil {
		return err
	}
	if len(names) == 0 {
		names = []string{"."}
	}
	for _, name := range names {
		info, err := os.Lstat(in(hc, name))
		if err != nil {
			return err
		}
		list := []fs.FileInfo{info}
		if info.IsDir() {
			entries, err := os.ReadDir(in(hc, name))
			if err != nil {
				return err
			}
			list = nil
			for _, e := range entries {
				if i, err := e.Info(); err == nil && (strings.Contains(flags, "a") || e.Name()[0] != '.') {
					list = append(list, i)
				}
			}
		}
		for _, i := range list {
			if strings.Contains(flags, "l") {
				fmt.Fprintf(hc.Stdout, "%v %9d %s\n", i.Mode(), i.Size(), i.Name())
			} else {
				fmt.Fprintln(hc.Stdout, i.Name())
			}
		}
	}
	return nil
}

func mkdir(hc interp.HandlerContext, args []string) error {
	mode, exact := fs.FileMode(0o777), false
	if i := slices.Index(args, "-m"); i >= 0 && i+1 < len(args) {
		m, err := modeOf(args[i+1], 0)
		if err != nil {
			return err
		}
		mode, exact, args = m, true, slices.Delete(slices.Clone(args), i, i+2)
	}
	flags, names, err := options(args, "p")
	if err != nil {
		return err
	}
	for _, name := range names {
		if strings.Contains(flags, "p") {
			err = os.MkdirAll(in(hc, name), mode)
		} else {
			err = os.Mkdir(in(hc, name), mode)
		}
		if err == nil && exact { // whatever the umask is
			err = os.Chmod(in(hc, name), mode)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func mv(hc interp.HandlerContext, args []string) error {
	_, names, err := options(args, "f")
	if err != nil {
		return err
	}
	if len(names) < 2 {
		return errors.New("a source and a target are needed")
	}
	target := names[len(names)-1]
	for _, name := range names[:len(names)-1] {
		if err := os.Rename(in(hc, name), into(hc, name, target)); err != nil {
			return err
		}
	}
	return nil
}

func rm(hc interp.HandlerContext, args []string) error {
	flags, names, err := options(args, "rRf")
	if err != nil {
		return err
	}
	for _, name := range names {
		path := in(hc, name)
		if _, err := os.Lstat(path); err != nil {
			if strings.Contains(flags, "f") && errors.Is(err, fs.ErrNotExist) {
				continue
			}
			return err
		}
		if strings.ContainsAny(flags, "rR") {
			err = os.RemoveAll(path)
		} else {
			err = os.Remove(path)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
