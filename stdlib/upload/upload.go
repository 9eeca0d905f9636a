// Package upload is the provisioner that copies files and folders to the machine. How they travel is up to the machine.
//
// Start reading at Provision.
package upload

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"imgc/stdlib/component"
	"imgc/stdlib/internal/script"
)

//go:embed schema.imgc
var schema string

// Options are the provisioner's options; the schema says what they mean.
type Options struct {
	Source          *string  `imgc:"source"`
	Sources         []string `imgc:"sources"`
	GeneratedSource *string  `imgc:"generated_source"`
	Content         *string  `imgc:"content"`
	Destination     string   `imgc:"destination"`
	Mode            *int     `imgc:"mode"`
}

// Component is the registry entry.
func Component() component.Component {
	return component.NewProvisioner("upload", schema, "1", func(o *Options) component.Provisioner { return &provisioner{o} })
}

type provisioner struct{ *Options }

// Provision copies one source after the other.
func (p *provisioner) Provision(ctx context.Context, env *component.Env, m component.Machine) error {
	if m == nil {
		return errors.New("the source has no machine to upload to")
	}
	if p.Mode != nil && (*p.Mode < 0 || *p.Mode > 0o7777) {
		return fmt.Errorf("mode %#o is not a file's permissions; give one from 0o000 to 0o7777", *p.Mode)
	}
	if p.Content != nil {
		mode := fs.FileMode(0o644)
		if p.Mode != nil {
			mode = fs.FileMode(*p.Mode)
		}
		if err := m.WriteFile(ctx, p.Destination, strings.NewReader(*p.Content), mode); err != nil {
			return fmt.Errorf("writing %s on the machine: %w", p.Destination, err)
		}
		return nil
	}
	sources := p.Sources
	switch {
	case p.Source != nil:
		sources = []string{*p.Source}
	case p.GeneratedSource != nil:
		sources = []string{*p.GeneratedSource}
	}
	for _, src := range sources {
		if err := p.upload(ctx, env, m, src, len(sources) > 1); err != nil {
			return err
		}
	}
	return nil
}

func (p *provisioner) upload(ctx context.Context, env *component.Env, m component.Machine, src string, several bool) error {
	local := env.Path(src)
	info, err := os.Stat(local)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("uploading %s: it does not exist; the path is taken from the program's folder", src)
	case err != nil:
		return fmt.Errorf("uploading %s: %w", src, err)
	case info.IsDir() && p.Mode != nil:
		return fmt.Errorf("uploading %s: it is a folder, and mode is for files; folders keep the modes they have", src)
	}
	if info.IsDir() && strings.HasSuffix(src, "/") {
		local += "/"
	}
	dst := p.Destination
	if several && !strings.HasSuffix(dst, "/") {
		dst += "/" // several sources need a folder to go into
	}
	progress := func(done, total int64) { env.Progress("uploading "+src, done, total) }
	if err := m.Upload(ctx, local, dst, component.Transfer{Progress: progress}); err != nil {
		return fmt.Errorf("uploading %s to %s: %w", src, dst, err)
	}
	if p.Mode == nil {
		return nil
	}
	// The destination is the file itself, or a folder that it went into.
	var stderr, stdout script.Tail
	name := script.Quote(filepath.Base(local))
	cmd := fmt.Sprintf(`d=%s; if [ -d "$d" ]; then d="${d%%/}"/%s; fi; chmod %04o "$d"`, script.Quote(dst), name, *p.Mode)
	code, err := m.Run(ctx, component.Command{Shell: cmd, Stdout: &stdout, Stderr: &stderr})
	if err != nil {
		return fmt.Errorf("setting the mode of %s on the machine: %w", dst, err)
	}
	if code != 0 {
		return fmt.Errorf("setting the mode of %s on the machine: %s", dst, strings.Join(stderr.Lines(), "; "))
	}
	return nil
}
