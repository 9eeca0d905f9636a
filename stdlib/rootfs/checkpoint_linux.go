package rootfs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"imgc/executor/machine/sandbox"
	"imgc/executor/machine/tree"
	"imgc/stdlib/component"
)

// A checkpoint is a folder step-DIGEST in the cache: the changes of one step (and of those before it that have none of
// their own) as an overlay layer, and the list of the layers below it. It appears there whole, by a rename, or not at all.

// maxIdle is how long a checkpoint that no build uses is kept.
const maxIdle = 7 * 24 * time.Hour

// root is the machine: a sandbox that begins anew, on one layer more, at each checkpoint. So processes that a step leaves
// in the background end with the step.
type root struct {
	*sandbox.Machine
	config sandbox.Config
	work   string
	layers int
}

func checkpointPath(cache, digest string) string { return filepath.Join(cache, "step-"+digest) }

// layerList is the list of the layers below a checkpoint, the topmost first. Those in the cache are named relative to it.
type layerList struct {
	Lower []string `json:"lower"`
}

// Checkpoint keeps what the root has gained since the last one, and goes on above it.
func (b *builder) Checkpoint(ctx context.Context, env *component.Env, m component.Machine, digest string) error {
	r, ok := m.(*root)
	if !ok || r == nil {
		return errors.New("keeping a checkpoint: there is no sandbox")
	}
	fail := func(err error) error { return fmt.Errorf("keeping what the step has made: %w", err) }
	if err := r.Machine.Close(); err != nil {
		return fail(err)
	}
	cache := cacheDir(env)
	var list layerList
	for _, l := range r.config.Lower {
		if rel, err := filepath.Rel(cache, l); err == nil && filepath.IsLocal(rel) {
			l = rel
		}
		list.Lower = append(list.Lower, l)
	}
	half := filepath.Join(r.work, fmt.Sprintf("layer-%d", r.layers))
	if err := os.Mkdir(half, 0o755); err != nil {
		return fail(err)
	}
	text, err := json.Marshal(list)
	if err != nil {
		return fail(err)
	}
	if err := os.WriteFile(filepath.Join(half, "layers.json"), text, 0o600); err != nil {
		return fail(err)
	}
	if err := os.Rename(r.config.Upper, filepath.Join(half, "upper")); err != nil {
		return fail(err)
	}
	top := filepath.Join(checkpointPath(cache, digest), "upper")
	if strings.HasPrefix(list.Lower[0], "work-") {
		top = filepath.Join(half, "upper") // what it stands on goes away with this run: it is a layer, and no checkpoint
	} else if err := os.Rename(half, checkpointPath(cache, digest)); err != nil {
		if _, e := os.Stat(top); e != nil {
			return fail(err)
		}
		// It is there already, from another unit of the same content: this run goes on with its own.
		top = filepath.Join(half, "upper")
	}
	r.layers++
	r.config.Lower = append([]string{top}, r.config.Lower...)
	if err := r.start(ctx); err != nil {
		return fail(err)
	}
	return nil
}

// start begins the sandbox on the layers that there are, with new folders for changes.
func (r *root) start(ctx context.Context) error {
	dir := filepath.Join(r.work, fmt.Sprintf("run-%d", r.layers))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	r.config.Upper, r.config.Work = filepath.Join(dir, "upper"), filepath.Join(dir, "work")
	m, err := sandbox.Start(ctx, r.config)
	if err != nil {
		return err
	}
	r.Machine = m
	return nil
}

// Checkpoints says which of the digests have a checkpoint whose layers are all there.
func (b *builder) Checkpoints(_ context.Context, env *component.Env, digests []string) (map[string]bool, error) {
	have := map[string]bool{}
	for _, d := range digests {
		layers, err := layersOf(cacheDir(env), d)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		have[d] = err == nil && len(layers) > 0
	}
	return have, nil
}

// layersOf lists the layers of a checkpoint, its own first. The error wraps fs.ErrNotExist when one is not there.
func layersOf(cache, digest string) ([]string, error) {
	dir := checkpointPath(cache, digest)
	text, err := os.ReadFile(filepath.Join(dir, "layers.json"))
	if err != nil {
		return nil, fmt.Errorf("reading a checkpoint: %w", err)
	}
	var list layerList
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, fmt.Errorf("the checkpoint %s is not whole (%w): remove it", dir, err)
	}
	layers := []string{filepath.Join(dir, "upper")}
	for _, l := range list.Lower {
		if !filepath.IsAbs(l) {
			l = filepath.Join(cache, l)
		}
		layers = append(layers, l)
	}
	for _, l := range layers {
		if _, err := os.Stat(l); err != nil {
			return nil, fmt.Errorf("reading a checkpoint: %w", err)
		}
	}
	return layers, nil
}

// used marks layers of the cache as used now.
func used(cache string, layers []string) {
	now := time.Now()
	for _, l := range layers {
		if rel, err := filepath.Rel(cache, l); err == nil && filepath.IsLocal(rel) {
			top, _, _ := strings.Cut(rel, string(filepath.Separator))
			_ = os.Chtimes(filepath.Join(cache, top), now, now) // it only delays its end
		}
	}
}

// dropIdle removes checkpoints that no build has used for long.
func dropIdle(cache string) error {
	entries, err := os.ReadDir(cache)
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !strings.HasPrefix(e.Name(), "step-") || time.Since(info.ModTime()) < maxIdle {
			continue
		}
		if err := tree.Remove(filepath.Join(cache, e.Name())); err != nil {
			return fmt.Errorf("removing an old checkpoint: %w", err)
		}
	}
	return nil
}
