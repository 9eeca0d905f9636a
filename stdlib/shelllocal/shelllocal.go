// Package shelllocal is the provisioner and the post-processor shell_local: commands on the host that imgc
// runs on. What runs on the machine is package shell.
//
// Start reading at runner.run; command.go sees to it that nothing outlives imgc.
package shelllocal

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"imgc/executor/machine/local"
	"imgc/stdlib/component"
	"imgc/stdlib/internal/script"
)

//go:embed schema.imgc
var schema string

// Options are the options of both; the schema says what they mean.
type Options struct {
	Inline         []string          `imgc:"inline"`
	Script         *string           `imgc:"script"`
	Scripts        []string          `imgc:"scripts"`
	Inputs         []string          `imgc:"inputs"`
	Outputs        []string          `imgc:"outputs"`
	Args           []string          `imgc:"args"`
	Env            map[string]string `imgc:"env"`
	Interpreter    []string          `imgc:"interpreter"`
	WorkingDir     *string           `imgc:"working_dir"`
	ValidExitCodes []int             `imgc:"valid_exit_codes"`
	OnlyOn         []string          `imgc:"only_on"`
}

// Provisioner is the registry entry of the step.
func Provisioner() component.Component {
	return component.NewProvisioner("shell_local", schema, "1", func(o *Options) component.Provisioner { return provisioner{runner{o}} })
}

// Post is the registry entry of the chain link.
func Post() component.Component {
	return component.NewPost("shell_local", schema, "1", func(o *Options) component.PostProcessor { return post{runner{o}} })
}

type runner struct{ *Options }

type provisioner struct{ runner }

// Provision runs the scripts; the machine has nothing to do with it.
func (p provisioner) Provision(ctx context.Context, env *component.Env, _ component.Machine) error {
	return p.run(ctx, env, nil, "")
}

type post struct{ runner }

// Process runs the scripts and gives the artifact it was given.
func (p post) Process(ctx context.Context, env *component.Env, in component.Artifact) (component.Artifact, error) {
	var files strings.Builder
	for _, f := range in.Files {
		files.WriteString(env.Path(f.Path) + "\n")
	}
	vars := map[string]string{
		"IMGC_ARTIFACT_FILES": strings.TrimSuffix(files.String(), "\n"),
		"IMGC_ARTIFACT_ID":    in.ID,
	}
	return in, p.run(ctx, env, vars, files.String())
}

func (r runner) run(ctx context.Context, env *component.Env, vars map[string]string, stdin string) error {
	if len(r.OnlyOn) > 0 && !slices.Contains(r.OnlyOn, runtime.GOOS) {
		env.Say("skipped: this host runs %s, and the step is only for %s", runtime.GOOS, strings.Join(r.OnlyOn, ", "))
		return nil
	}
	scripts, err := r.scripts(env)
	if err != nil {
		return err
	}
	for _, s := range scripts {
		if err := r.runOne(ctx, env, s, vars, stdin); err != nil {
			return err
		}
	}
	for _, out := range r.Outputs {
		if _, err := os.Lstat(env.Path(out)); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("the commands ended well but did not make %s, which outputs names", out)
		}
	}
	return nil
}

func (r runner) scripts(env *component.Env) ([]script.Script, error) {
	if r.Inline != nil {
		s, err := script.FromInline(r.Inline, r.Interpreter)
		return []script.Script{s}, err
	}
	files := r.Scripts
	if r.Script != nil {
		files = []string{*r.Script}
	}
	var out []script.Script
	for _, file := range files {
		s, err := script.FromFile(env.Path(file), file, false, r.Interpreter)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

func (r runner) runOne(ctx context.Context, env *component.Env, s script.Script, vars map[string]string, stdin string) error {
	folder, err := os.MkdirTemp(env.TempDir, "script-")
	if err != nil {
		return fmt.Errorf("making a place for %s: %w", s.Name, err)
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "imgc-script.sh")
	if err := os.WriteFile(path, s.Content, 0o700); err != nil {
		return fmt.Errorf("putting %s at %s: %w", s.Name, path, err)
	}
	argv := slices.Concat(s.Argv, []string{path}, r.Args)
	cmd := exec.Command(argv[0], argv[1:]...) //nolint:noctx // run kills the whole group when ctx ends
	all := script.Variables(env.Build, env.Source, env.Builder)
	maps.Copy(all, vars)
	maps.Copy(all, r.Env)
	cmd.Env = os.Environ()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		cmd.Env = append(cmd.Env, name+"="+all[name])
	}
	cmd.Dir = env.Dir
	if r.WorkingDir != nil {
		cmd.Dir = env.Path(*r.WorkingDir)
	}
	var stdout, stderr script.Tail
	cmd.Stdin = strings.NewReader(stdin)
	cmd.Stdout = io.MultiWriter(env.Stdout, &stdout)
	cmd.Stderr = io.MultiWriter(env.Stderr, &stderr)
	code, err := local.Run(ctx, cmd)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return fmt.Errorf("running %s on this host: %w", s.Name, err)
	case !slices.Contains(r.ValidExitCodes, code):
		return script.ExitError(s.Name, code, r.ValidExitCodes, &stderr, &stdout)
	}
	return nil
}
