package rehearsal

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"imgc/executor/machine/tree"
)

// programs are what the disk of a public image holds, as far as this computer has them: a shell, and what scripts of builds use most.
var programs = strings.Fields(`sh bash awk basename cat chmod chown cmp cp cut date dd df dirname du echo env expr false find grep gunzip gzip head hostname id install kill
	ln ls md5sum mkdir mkfifo mktemp mv nohup od printf ps pwd readlink realpath rm rmdir sed seq setsid sha256sum sha512sum sleep sort stat sync tail tar tee test
	timeout touch tr true tty uname uniq wc which xargs xz zstd`)

// rootLayer is the folder that holds what public images hold, made when it is not there yet: the folder that was given, or this
// computer's own shell and file commands with the libraries they need.
func (c *Cloud) rootLayer() (string, error) {
	if info, err := os.Stat(c.opts.Root); c.opts.Root != "" && (err != nil || !info.IsDir()) {
		return "", errors.Join(fmt.Errorf("the root of rehearsed images, %s, is not a folder", c.opts.Root), err)
	} else if c.opts.Root != "" {
		return filepath.Abs(c.opts.Root)
	}
	done := filepath.Join(c.opts.Dir, "root")
	if _, err := os.Stat(done); err == nil {
		return done, nil
	}
	half, err := os.MkdirTemp(c.opts.Dir, "root-")
	if err != nil {
		return "", err
	}
	if err := makeRoot(half); err != nil {
		return "", errors.Join(fmt.Errorf("making the disk of rehearsed images: %w", err), tree.Remove(half))
	}
	if err := os.Rename(half, done); err != nil {
		_ = tree.Remove(half)
		if _, e := os.Stat(done); e != nil { // another machine was not faster
			return "", err
		}
	}
	return done, nil
}

func makeRoot(dir string) error {
	if err := os.Chmod(dir, 0o755); err != nil { // it becomes the root that everybody has to enter
		return err
	}
	for name, mode := range map[string]fs.FileMode{"usr/bin": 0o755, "usr/sbin": 0o755, "usr/local/bin": 0o755, "etc": 0o755, "root": 0o700, "home/ubuntu": 0o755, "var/tmp": 0o777 | fs.ModeSticky,
		"var/lib": 0o755, "var/log": 0o755, "opt": 0o755, "srv": 0o755, "tmp": 0o777 | fs.ModeSticky, "run": 0o755} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			return err
		}
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			return err
		}
	}
	for _, l := range [][2]string{{"usr/bin", "bin"}, {"usr/sbin", "sbin"}} {
		if err := os.Symlink(l[0], filepath.Join(dir, l[1])); err != nil {
			return err
		}
	}
	for name, text := range map[string]string{
		"etc/passwd":     "root:x:0:0:root:/root:/bin/sh\nubuntu:x:1000:1000:Ubuntu:/home/ubuntu:/bin/sh\n",
		"etc/group":      "root:x:0:\nubuntu:x:1000:\n",
		"etc/hosts":      "127.0.0.1 localhost\n",
		"etc/os-release": "PRETTY_NAME=\"imgc rehearsal\"\nNAME=\"imgc rehearsal\"\nID=imgc-rehearsal\n",
		// Every command runs as root here; scripts say sudo all the same.
		"usr/bin/sudo": "#!/bin/sh\nwhile :; do case $1 in -*) shift;; *=*) export \"$1\"; shift;; *) break;; esac; done\nexec \"$@\"\n",
	} {
		mode := fs.FileMode(0o644)
		if strings.HasPrefix(text, "#!") {
			mode = 0o755
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), mode); err != nil {
			return err
		}
	}
	copied := map[string]bool{}
	for _, p := range programs {
		path, err := exec.LookPath(p)
		if err != nil {
			if p == "sh" {
				return err
			}
			continue
		}
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return err
		}
		if err := copyOut(path, filepath.Join(dir, "usr/bin", p)); err != nil {
			return err
		}
		if err := libraries(dir, path, copied); err != nil {
			return fmt.Errorf("finding what %s needs: %w", p, err)
		}
	}
	return nil
}

// libraries copies the loader and the shared libraries of a program to where it looks for them.
func libraries(dir, path string, copied map[string]bool) error {
	f, err := elf.Open(path)
	if err != nil {
		return nil // a script, which needs nothing
	}
	defer f.Close()
	var needed []string
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			text, err := io.ReadAll(p.Open())
			if err != nil {
				return err
			}
			needed = append(needed, strings.TrimRight(string(text), "\x00"))
		}
	}
	names, err := f.ImportedLibraries()
	if err != nil {
		return err
	}
	own, _ := f.DynString(elf.DT_RUNPATH) // hardly any has one
	triplet := map[string]string{"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}[runtime.GOARCH]
	places := slices.Concat(own, []string{"/lib/" + triplet, "/usr/lib/" + triplet, "/lib64", "/usr/lib64", "/lib", "/usr/lib"})
	for _, n := range names {
		k := slices.IndexFunc(places, func(p string) bool { _, err := os.Stat(filepath.Join(p, n)); return err == nil })
		if k < 0 {
			return fmt.Errorf("the library %s is not found", n)
		}
		needed = append(needed, filepath.Join(places[k], n))
	}
	for _, lib := range needed {
		if copied[lib] {
			continue
		}
		copied[lib] = true
		real, err := filepath.EvalSymlinks(lib)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(lib)), 0o755); err != nil {
			return err
		}
		if err := copyOut(real, filepath.Join(dir, lib)); err != nil {
			return err
		}
		if err := libraries(dir, real, copied); err != nil {
			return err
		}
	}
	return nil
}

func copyOut(from, to string) error {
	if err := os.Link(from, to); err == nil {
		return nil // the layer is only read
	}
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	return errors.Join(err, w.Close())
}
