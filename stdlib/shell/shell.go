// Package shell is the provisioner that runs commands and scripts on the machine. What runs them on this host instead is
// package shelllocal.
//
// Start reading at Provision.
package shell

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"time"

	"imgc/stdlib/component"
	"imgc/stdlib/internal/script"
)

//go:embed schema.imgc
var schema string

// Options are the provisioner's options; the schema says what they mean.
type Options struct {
	Inline           []string          `imgc:"inline"`
	Script           *string           `imgc:"script"`
	Scripts          []string          `imgc:"scripts"`
	Inputs           []string          `imgc:"inputs"`
	Args             []string          `imgc:"args"`
	Env              map[string]string `imgc:"env"`
	Interpreter      []string          `imgc:"interpreter"`
	Wrapper          []string          `imgc:"wrapper"`
	WorkingDir       *string           `imgc:"working_dir"`
	Binary           bool              `imgc:"binary"`
	ValidExitCodes   []int             `imgc:"valid_exit_codes"`
	ExpectDisconnect bool              `imgc:"expect_disconnect"`
	StartRetry       time.Duration     `imgc:"start_retry"`
	PauseAfter       time.Duration     `imgc:"pause_after"`
	RemotePath       *string           `imgc:"remote_path"`
	RemoteFolder     *string           `imgc:"remote_folder"`
	KeepScript       bool              `imgc:"keep_script"`
}

// Component is the registry entry.
func Component() component.Component {
	return component.NewProvisioner("shell", schema, "1", func(o *Options) component.Provisioner { return &provisioner{o} })
}

type provisioner struct{ *Options }

// Provision runs the scripts one after another.
func (p *provisioner) Provision(ctx context.Context, env *component.Env, m component.Machine) error {
	if m == nil {
		return errors.New("the source has no machine to run the script on; use shell_local to run it on this host")
	}
	scripts, err := p.scripts(env)
	if err != nil {
		return err
	}
	for i, s := range scripts {
		if len(scripts) > 1 {
			env.Say("running %s (%d of %d)", s.Name, i+1, len(scripts))
		}
		if err := p.run(ctx, env, m, s, i); err != nil {
			return err
		}
	}
	return sleep(ctx, p.PauseAfter)
}

func (p *provisioner) scripts(env *component.Env) ([]script.Script, error) {
	if p.Inline != nil {
		s, err := script.FromInline(p.Inline, p.Interpreter)
		return []script.Script{s}, err
	}
	files := p.Scripts
	if p.Script != nil {
		files = []string{*p.Script}
	}
	var out []script.Script
	for _, file := range files {
		s, err := script.FromFile(env.Path(file), file, p.Binary, p.Interpreter)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// remote is where script i lies on the machine.
func (p *provisioner) remote(m component.Machine, i int) string {
	if p.RemotePath != nil {
		return *p.RemotePath
	}
	folder := m.TempDir()
	if p.RemoteFolder != nil {
		folder = *p.RemoteFolder
	}
	return path.Join(folder, fmt.Sprintf("imgc-script-%d.sh", i+1))
}

func (p *provisioner) run(ctx context.Context, env *component.Env, m component.Machine, s script.Script, i int) error {
	var stdout, stderr script.Tail
	cmd := component.Command{
		Env:    script.Variables(env.Build, env.Source, env.Builder),
		Stdout: io.MultiWriter(env.Stdout, &stdout),
		Stderr: io.MultiWriter(env.Stderr, &stderr),
	}
	maps.Copy(cmd.Env, p.Env)
	if p.WorkingDir != nil {
		cmd.Dir = *p.WorkingDir
	}
	var remote string
	deadline := time.Now().Add(p.StartRetry)

	start := func() (int, error) {
		// The temporary folder may be another one after a restart.
		remote = p.remote(m, i)
		if err := m.WriteFile(ctx, remote, bytes.NewReader(s.Content), 0o700); err != nil {
			return 0, fmt.Errorf("putting it at %s: %w", remote, err)
		}
		cmd.Shell = script.Quote(slices.Concat(p.Wrapper, s.Argv, []string{remote}, p.Args)...)
		return m.Run(ctx, cmd)
	}
	code, err := start()
	for wait := time.Second; err != nil; wait = min(2*wait, 15*time.Second) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if errors.Is(err, component.ErrDisconnected) && remoteStarted(cmd) {
			return p.disconnected(ctx, env, m, s, deadline, err)
		}
		if time.Now().Add(wait).After(deadline) {
			return fmt.Errorf("starting %s on the machine: %w; if the machine needs longer to answer, raise start_retry (now %s)", s.Name, err, p.StartRetry)
		}
		env.Say("%s did not start (%v); trying again in %s", s.Name, err, wait)
		if err := sleep(ctx, wait); err != nil {
			return err
		}
		cmd.Shell = ""
		if err = p.reconnect(ctx, m, deadline); err == nil {
			code, err = start()
		}
	}
	if !p.KeepScript {
		if err := m.Remove(ctx, remote); err != nil && !p.ExpectDisconnect {
			return fmt.Errorf("removing %s from the machine after it ran: %w; set keep_script to leave it", remote, err)
		}
	}
	if !slices.Contains(p.ValidExitCodes, code) {
		return script.ExitError(s.Name, code, p.ValidExitCodes, &stderr, &stdout)
	}
	return nil
}

// remoteStarted tells a connection that was lost while the script ran from one that was lost before.
func remoteStarted(cmd component.Command) bool { return cmd.Shell != "" }

func (p *provisioner) disconnected(ctx context.Context, env *component.Env, m component.Machine, s script.Script, deadline time.Time, cause error) error {
	if !p.ExpectDisconnect {
		return fmt.Errorf("running %s: %w; if the script restarts the machine or its network, set expect_disconnect = true", s.Name, cause)
	}
	// The time to come back counts from now, however long the script ran.
	if later := time.Now().Add(p.StartRetry); later.After(deadline) {
		deadline = later
	}
	env.Say("the machine disconnected, as expected; waiting for it")
	if err := p.reconnect(ctx, m, deadline); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("waiting for the machine after %s: %w; if it needs longer, raise start_retry (now %s)", s.Name, err, p.StartRetry)
	}
	return nil
}

func (p *provisioner) reconnect(ctx context.Context, m component.Machine, deadline time.Time) error {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	return m.Reconnect(ctx)
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
