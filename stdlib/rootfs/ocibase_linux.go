package rootfs

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"imgc/executor/machine/sandbox"
)

// isLayout reports whether a folder is an OCI layout.
func isLayout(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "oci-layout"))
	return err == nil
}

// isArchive reports whether a tar is an OCI archive: such a tar begins with a part of the layout, and no root does.
func isArchive(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	r, err := decompress(f)
	if err != nil {
		return false, nil // what is wrong with it is told when it is unpacked
	}
	h, err := tar.NewReader(r).Next()
	if err != nil {
		return false, nil
	}
	name := strings.TrimSuffix(strings.TrimPrefix(h.Name, "./"), "/")
	return name == "oci-layout" || name == "index.json" || name == "blobs" || strings.HasPrefix(name, "blobs/"), nil
}

// unpackArchive unpacks an OCI archive into a folder, as the layout that it holds.
func unpackArchive(r io.Reader, dir string) error {
	if err := sandbox.Unpack(r, dir, ".", false); err != nil {
		return err
	}
	if !isLayout(dir) {
		return errors.New("it holds no oci-layout")
	}
	return nil
}

// layoutImage finds the image in a layout for this host's platform.
func layoutImage(dir string) (v1.Image, error) {
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return nil, err
	}
	images, err := imagesOf(index, 0)
	if err != nil {
		return nil, err
	}
	switch len(images) {
	case 0:
		return nil, fmt.Errorf("it holds no image for linux/%s", runtime.GOARCH)
	case 1:
		return images[0], nil
	}
	return nil, fmt.Errorf("it holds %d images for linux/%s: keep one, for example with skopeo copy", len(images), runtime.GOARCH)
}

// imagesOf lists the images of an index that this host can run, those of the indexes in it included.
func imagesOf(index v1.ImageIndex, depth int) ([]v1.Image, error) {
	if depth > 4 {
		return nil, errors.New("its indexes are nested too deep")
	}
	m, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	var out []v1.Image
	for _, d := range m.Manifests {
		if p := d.Platform; p != nil && p.Architecture != "" && (p.Architecture != runtime.GOARCH || p.OS != "linux") {
			continue
		}
		switch {
		case d.MediaType.IsIndex():
			inner, err := index.ImageIndex(d.Digest)
			if err != nil {
				return nil, err
			}
			images, err := imagesOf(inner, depth+1)
			if err != nil {
				return nil, err
			}
			out = append(out, images...)
		case d.MediaType.IsImage():
			img, err := index.Image(d.Digest)
			if err != nil {
				return nil, err
			}
			out = append(out, img)
		}
	}
	return out, nil
}

// unpackImage unpacks the root of an image, all of its layers on one another.
func unpackImage(img v1.Image, dir string) error {
	r := mutate.Extract(img)
	defer r.Close()
	if err := sandbox.Unpack(r, dir, ".", true); err != nil {
		return err
	}
	// The end of the stream carries the check of the last layer's digest.
	if _, err := io.Copy(io.Discard, r); err != nil && !errors.Is(err, fs.ErrClosed) {
		return err
	}
	return nil
}
