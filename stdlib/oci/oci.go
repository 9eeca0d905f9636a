// Package oci is the post-processor that makes an OCI archive of a root file system. Start reading at Process.
package oci

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/renameio/v2"
	"github.com/klauspost/pgzip"

	"imgc/stdlib/component"
)

//go:embed schema.imgc
var schema string

// Options are the options of the schema.
type Options struct {
	Output       string            `imgc:"output"`
	Name         *string           `imgc:"name"`
	Entrypoint   []string          `imgc:"entrypoint"`
	Cmd          []string          `imgc:"cmd"`
	Env          map[string]string `imgc:"env"`
	User         string            `imgc:"user"`
	WorkingDir   string            `imgc:"working_dir"`
	ExposedPorts []string          `imgc:"exposed_ports"`
	Volumes      []string          `imgc:"volumes"`
	Labels       map[string]string `imgc:"labels"`
	StopSignal   string            `imgc:"stop_signal"`
	Author       string            `imgc:"author"`
	Created      int64             `imgc:"created"`
	Architecture *string           `imgc:"architecture"`
	Compression  string            `imgc:"compression"`
}

// New gives the registry entry.
func New() component.Component {
	return component.NewPost("oci", schema, "1", func(o *Options) component.PostProcessor { return post{o} })
}

type post struct{ o *Options }

// Process writes the archive: one layer, compressed on all cores into a temporary file whose digest then names it.
func (p post) Process(ctx context.Context, env *component.Env, in component.Artifact) (component.Artifact, error) {
	if len(in.Files) != 1 {
		return component.Artifact{}, errors.New("making an OCI image: the input is not one tar of a root file system")
	}
	out := env.Path(p.o.Output)
	fail := func(err error) (component.Artifact, error) {
		return component.Artifact{}, fmt.Errorf("making the OCI image %s: %w", env.Rel(out), err)
	}
	layer, err := os.CreateTemp(env.TempDir, "layer-*")
	if err != nil {
		return fail(err)
	}
	defer os.Remove(layer.Name())
	defer layer.Close()
	desc, diff, err := p.layer(ctx, env, in.Files[0], layer)
	if err != nil {
		return fail(err)
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return fail(err)
	}
	f, err := renameio.NewPendingFile(out, renameio.WithPermissions(0o644))
	if err != nil {
		return fail(err)
	}
	defer func() { _ = f.Cleanup() }()
	h := sha256.New()
	digest, err := p.archive(ctx, io.MultiWriter(f, h), layer, desc, diff)
	if err == nil {
		err = f.CloseAtomicallyReplace()
	}
	if err != nil {
		return fail(err)
	}
	info, err := os.Stat(out)
	if err != nil {
		return fail(err)
	}
	path := env.Rel(out)
	return component.Artifact{Kind: "oci", ID: path, Attrs: map[string]any{"path": path, "digest": digest.String()},
		Files: []component.File{{Path: path, Size: info.Size(), SHA256: hex.EncodeToString(h.Sum(nil)), ModTime: info.ModTime()}}}, nil
}

func (p post) layer(ctx context.Context, env *component.Env, file component.File, to io.Writer) (v1.Descriptor, v1.Hash, error) {
	f, err := os.Open(env.Path(file.Path))
	if err != nil {
		return v1.Descriptor{}, v1.Hash{}, err
	}
	defer f.Close()
	plain, packed := sha256.New(), sha256.New()
	count := &counter{w: io.MultiWriter(to, packed)}
	var w io.WriteCloser = nopCloser{count}
	media := types.OCIUncompressedLayer
	if p.o.Compression == "gzip" {
		media = types.OCILayer
		z, err := pgzip.NewWriterLevel(count, gzip.DefaultCompression)
		if err != nil {
			return v1.Descriptor{}, v1.Hash{}, err
		}
		// A fixed block size: the bytes must not depend on how many cores there are.
		if err := z.SetConcurrency(1<<20, runtime.GOMAXPROCS(0)+1); err != nil {
			return v1.Descriptor{}, v1.Hash{}, err
		}
		w = z
	}
	r := component.NewReader(ctx, f, file.Size, func(n, total int64) { env.Progress("compressing the layer", n, total) })
	_, err = io.CopyBuffer(struct{ io.Writer }{io.MultiWriter(w, plain)}, r, make([]byte, 1<<20))
	if err = errors.Join(err, w.Close()); err != nil {
		return v1.Descriptor{}, v1.Hash{}, err
	}
	diff := hash(plain.Sum(nil))
	if diff.Hex != file.SHA256 {
		return v1.Descriptor{}, v1.Hash{}, fmt.Errorf("%s is not what was built: its content has changed", file.Path)
	}
	return v1.Descriptor{MediaType: media, Size: count.n, Digest: hash(packed.Sum(nil))}, diff, nil
}

func (p post) archive(ctx context.Context, w io.Writer, layer *os.File, desc v1.Descriptor, diff v1.Hash) (v1.Hash, error) {
	created := v1.Time{Time: time.Unix(p.o.Created, 0).UTC()}
	c := v1.ConfigFile{Architecture: runtime.GOARCH, OS: "linux", Author: p.o.Author, Created: created,
		RootFS:  v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{diff}},
		History: []v1.History{{Created: created, CreatedBy: "imgc"}},
		Config: v1.Config{Entrypoint: p.o.Entrypoint, Cmd: p.o.Cmd, User: p.o.User, WorkingDir: p.o.WorkingDir, Labels: p.o.Labels,
			StopSignal: p.o.StopSignal, ExposedPorts: set(p.o.ExposedPorts), Volumes: set(p.o.Volumes)}}
	if p.o.Architecture != nil {
		c.Architecture = *p.o.Architecture
	}
	for k, v := range p.o.Env {
		c.Config.Env = append(c.Config.Env, k+"="+v)
	}
	sort.Strings(c.Config.Env)
	config, err := json.Marshal(c)
	if err != nil {
		return v1.Hash{}, err
	}
	manifest, err := json.Marshal(v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1,
		Config: describe(types.OCIConfigJSON, config), Layers: []v1.Descriptor{desc}})
	if err != nil {
		return v1.Hash{}, err
	}
	md := describe(types.OCIManifestSchema1, manifest)
	md.Platform = &v1.Platform{OS: "linux", Architecture: c.Architecture}
	if p.o.Name != nil {
		md.Annotations = map[string]string{"org.opencontainers.image.ref.name": *p.o.Name}
	}
	index, err := json.Marshal(v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{md}})
	if err != nil {
		return v1.Hash{}, err
	}
	tw := tar.NewWriter(w)
	put := func(name string, content []byte) {
		if err == nil {
			err = tw.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content)), ModTime: time.Unix(0, 0)})
		}
		if err == nil {
			_, err = tw.Write(content)
		}
	}
	put("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`))
	put("index.json", index)
	put("blobs/sha256/"+md.Digest.Hex, manifest)
	put("blobs/sha256/"+describe("", config).Digest.Hex, config)
	if err == nil {
		err = tw.WriteHeader(&tar.Header{Name: "blobs/sha256/" + desc.Digest.Hex, Mode: 0o644, Size: desc.Size, ModTime: time.Unix(0, 0)})
	}
	if err == nil {
		_, err = layer.Seek(0, io.SeekStart)
	}
	if err == nil {
		_, err = io.Copy(tw, component.NewReader(ctx, layer, desc.Size, nil))
	}
	return md.Digest, errors.Join(err, tw.Close())
}

func hash(sum []byte) v1.Hash { return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum)} }

func describe(media types.MediaType, content []byte) v1.Descriptor {
	sum := sha256.Sum256(content)
	return v1.Descriptor{MediaType: media, Size: int64(len(content)), Digest: hash(sum[:])}
}

func set(names []string) map[string]struct{} {
	out := map[string]struct{}{}
	for _, n := range names {
		out[n] = struct{}{}
	}
	return out
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }
