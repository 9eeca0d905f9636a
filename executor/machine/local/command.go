package local

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// grace is how long a cancelled command has to end by itself.
const grace = 3 * time.Second

// Run runs a command in a process group of its own and waits for it. When ctx ends, the group is asked to end and
// killed after the grace. It is killed at once when imgc is: a small watcher waits for the end of a pipe that only
// imgc holds open.
func Run(ctx context.Context, cmd *exec.Cmd) (exitCode int, err error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// A process that left the group may hold the output open: do not wait for it for ever.
	cmd.WaitDelay = 2 * time.Second
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	group := -cmd.Process.Pid
	stopWatching, err := watch(group)
	if err != nil {
		err = errors.Join(fmt.Errorf("starting the watcher of the command: %w", err), syscall.Kill(group, syscall.SIGKILL))
		return 0, errors.Join(err, cmd.Wait())
	}
	ended := make(chan struct{})
	killed := make(chan struct{})
	go func() {
		defer close(killed)
		select {
		case <-ctx.Done():
			_ = syscall.Kill(group, syscall.SIGTERM) // it fails only when nothing is left
			select {
			case <-ended:
			case <-time.After(grace):
				_ = syscall.Kill(group, syscall.SIGKILL)
			}
		case <-ended:
		}
	}()
	err = cmd.Wait()
	close(ended)
	<-killed
	// What the command left running in the background ends with it.
	_ = syscall.Kill(group, syscall.SIGKILL)
	stopWatching()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.Exited():
		return exit.ExitCode(), nil
	case errors.Is(err, exec.ErrWaitDelay):
		return 0, nil
	}
	return 0, err
}

// watch starts a process outside the group that kills the group when imgc is gone.
func watch(group int) (stop func(), err error) {
	watcher := exec.Command("/bin/sh", "-c", "read -r _; kill -KILL "+strconv.Itoa(group)) //nolint:noctx // stop ends it
	watcher.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	pipe, err := watcher.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := watcher.Start(); err != nil {
		return nil, err
	}
	return func() {
		_ = watcher.Process.Kill() // before the pipe closes, so that it never acts on a group that is gone
		_ = watcher.Wait()
		_ = pipe.Close()
	}, nil
}
