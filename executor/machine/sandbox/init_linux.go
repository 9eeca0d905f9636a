package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

const (
	initName = "imgc-sandbox-init"
	tempDir  = "/dev/imgc"
)

// Init has to be called first thing in main, and in TestMain of tests that start sandboxes: the sandbox
// starts the running program again, and in that child Init takes over and does not return.
func Init() {
	if os.Args[0] == initName {
		os.Exit(agentMain())
	}
}

// setup is what the parent tells the agent to make of its fresh namespaces.
type setup struct {
	Lower       []string
	Upper, Work string
	Hostname    string
	Resolv      []byte
	User        bool // in a user namespace
}

// enter makes the root of the sandbox and moves into it. It returns a descriptor of the bare root, without
// what is mounted on it.
func enter(s setup) (int, error) {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return -1, fmt.Errorf("making the mounts private was refused: %w", err)
	}
	if err := unix.Sethostname([]byte(s.Hostname)); err != nil {
		return -1, fmt.Errorf("setting the host name: %w", err)
	}
	root := filepath.Join(filepath.Dir(s.Upper), "root")
	if err := mountOverlay(s, root); err != nil {
		return -1, fmt.Errorf("mounting an overlayfs was refused: %w; load it with modprobe overlay, and keep .imgc on a file system that can carry one (ext4, xfs, btrfs)", err)
	}
	bare, err := unix.OpenTree(unix.AT_FDCWD, root, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("cloning the root mount: %w", err)
	}
	for _, d := range []string{"proc", "sys", "dev"} {
		p := filepath.Join(root, d)
		info, err := os.Lstat(p)
		if errors.Is(err, fs.ErrNotExist) {
			err = os.Mkdir(p, 0o755)
		} else if err == nil && !info.IsDir() {
			err = fmt.Errorf("/%s of the image is not a folder", d)
		}
		if err != nil {
			return -1, err
		}
	}
	if err := mountDev(root); err != nil {
		return -1, err
	}
	if err := mountResolv(root, s.Resolv); err != nil {
		return -1, err
	}
	if err := unix.Mount("proc", root+"/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return -1, fmt.Errorf("mounting a fresh /proc was refused (is this a container with a masked /proc?): %w", err)
	}
	for _, d := range []string{"sys", "irq", "bus", "fs", "sysrq-trigger"} {
		p := root + "/proc/" + d
		if _, err := os.Stat(p); err != nil {
			continue
		}
		if err := bind(p, p, unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC); err != nil {
			return -1, err
		}
	}
	for _, d := range []string{"kcore", "keys", "timer_list"} {
		if _, err := os.Stat(root + "/proc/" + d); err == nil {
			if err := bind("/dev/null", root+"/proc/"+d, 0); err != nil {
				return -1, err
			}
		}
	}
	// A user namespace on the host's network may not see sysfs; hardly any step needs it.
	_ = unix.Mount("sysfs", root+"/sys", "sysfs", unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")

	if err := unix.Chdir(root); err != nil {
		return -1, err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return -1, fmt.Errorf("pivot_root was refused: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return -1, fmt.Errorf("leaving the host's root: %w", err)
	}
	return bare, unix.Chdir("/")
}

func mountOverlay(s setup, at string) error {
	fd, err := unix.Fsopen("overlay", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for _, l := range s.Lower {
		if err := unix.FsconfigSetString(fd, "lowerdir+", l); err != nil {
			return fmt.Errorf("adding a layer (Linux 6.5 is needed): %w", err)
		}
	}
	if err := unix.FsconfigSetString(fd, "upperdir", s.Upper); err != nil {
		return err
	}
	if err := unix.FsconfigSetString(fd, "workdir", s.Work); err != nil {
		return err
	}
	if s.User {
		if err := unix.FsconfigSetFlag(fd, "userxattr"); err != nil {
			return err
		}
	}
	if err := unix.FsconfigCreate(fd); err != nil {
		return err
	}
	// nodev: a step may make device nodes for the image, but not reach the host's disks through them.
	mfd, err := unix.Fsmount(fd, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NODEV)
	if err != nil {
		return err
	}
	defer unix.Close(mfd)
	return unix.MoveMount(mfd, "", unix.AT_FDCWD, at, unix.MOVE_MOUNT_F_EMPTY_PATH)
}

func bind(from, to string, flags uintptr) error {
	if err := unix.Mount(from, to, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("binding %s was refused: %w", from, err)
	}
	if flags == 0 {
		return nil
	}
	if err := unix.Mount("", to, "", unix.MS_BIND|unix.MS_REMOUNT|flags, ""); err != nil {
		return fmt.Errorf("protecting %s was refused: %w", from, err)
	}
	return nil
}

func mountDev(root string) error {
	dev := root + "/dev"
	if err := unix.Mount("tmpfs", dev, "tmpfs", unix.MS_NOSUID, "mode=755"); err != nil {
		return fmt.Errorf("mounting /dev was refused: %w", err)
	}
	for _, n := range []string{"null", "zero", "full", "random", "urandom", "tty"} {
		if err := os.WriteFile(dev+"/"+n, nil, 0o666); err != nil {
			return err
		}
		if err := bind("/dev/"+n, dev+"/"+n, 0); err != nil {
			return err
		}
	}
	for name, mode := range map[string]os.FileMode{"pts": 0o755, "shm": 0o777 | os.ModeSticky, "imgc": 0o700} {
		if err := os.Mkdir(dev+"/"+name, 0o700); err != nil {
			return err
		}
		if err := os.Chmod(dev+"/"+name, mode); err != nil {
			return err
		}
	}
	if err := unix.Mount("devpts", dev+"/pts", "devpts", unix.MS_NOSUID|unix.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620"); err != nil {
		return fmt.Errorf("mounting /dev/pts was refused: %w", err)
	}
	for name, to := range map[string]string{"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"} {
		if err := os.Symlink(to, dev+"/"+name); err != nil {
			return err
		}
	}
	return nil
}

// mountResolv lays the host's resolv.conf over the image's, where the image has an /etc. A link is left
// alone: following it could lead out of the image.
func mountResolv(root string, content []byte) error {
	etc, err := os.Lstat(root + "/etc")
	if content == nil || err != nil || !etc.IsDir() {
		return nil //nolint:nilerr // an image without /etc has no place for it
	}
	target := root + "/etc/resolv.conf"
	info, err := os.Lstat(target)
	if errors.Is(err, fs.ErrNotExist) {
		err = os.WriteFile(target, nil, 0o644)
	} else if err == nil && !info.Mode().IsRegular() {
		return nil
	}
	if err != nil {
		return err
	}
	from := root + "/dev/.resolv.conf"
	if err := os.WriteFile(from, content, 0o644); err != nil {
		return err
	}
	return bind(from, target, unix.MS_RDONLY)
}

// What building root file systems needs; everything else of root's powers is dropped.
var kept = []uintptr{unix.CAP_CHOWN, unix.CAP_DAC_OVERRIDE, unix.CAP_DAC_READ_SEARCH, unix.CAP_FOWNER, unix.CAP_FSETID, unix.CAP_KILL,
	unix.CAP_SETGID, unix.CAP_SETUID, unix.CAP_SETPCAP, unix.CAP_NET_BIND_SERVICE, unix.CAP_SYS_CHROOT, unix.CAP_MKNOD, unix.CAP_AUDIT_WRITE, unix.CAP_SETFCAP}

// dropPowers takes from the calling thread what its children must not have after an exec. The thread has
// to be locked, and to end afterwards.
func dropPowers() error {
	keep := map[uintptr]bool{}
	for _, c := range kept {
		keep[c] = true
	}
	for c := uintptr(0); c <= 63; c++ {
		if keep[c] {
			continue
		}
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err != nil && err != unix.EINVAL {
			return fmt.Errorf("dropping a capability: %w", err)
		}
	}
	return nil
}
