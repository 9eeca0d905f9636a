// Package download is the provisioner that copies files and folders of the machine to this host.
//
// Start reading at Provision.
package download

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"imgc/stdlib/component"
)

//go:embed schema.imgc
var schema string

// Options are the provisioner's options; the schema says what they mean.
type Options struct {
	Source      *string  `imgc:"source"`
	Sources     []string `imgc:"sources"`
	Destination string   `imgc:"destination"`
}

// Component is the registry entry.
func Component() component.Component {
	return component.NewProvisioner("download", schema, "1", func(o *Options) component.Provisioner { return &provisioner{o} })
}

type provisioner struct{ *Options }

// Provision copies one source after the other.
func (p *provisioner) Provision(ctx context.Context, env *component.Env, m component.Machine) error {
	if m == nil {
		return errors.New("the source has no machine to download from")
	}
	sources, dst := p.Sources, env.Path(p.Destination)
	if p.Source != nil {
		sources = []string{*p.Source}
	}
	folder := filepath.Dir(dst)
	if strings.HasSuffix(p.Destination, "/") || len(sources) > 1 {
		folder = dst
		dst += "/"
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("making the folder for %s: %w", p.Destination, err)
	}
	for _, src := range sources {
		progress := func(done, total int64) { env.Progress("downloading "+src, done, total) }
		if err := m.Download(ctx, src, dst, component.Transfer{Progress: progress}); err != nil {
			return fmt.Errorf("downloading %s to %s: %w", src, p.Destination, err)
		}
	}
	return nil
}
