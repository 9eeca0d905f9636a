package component

import (
	"encoding/json"
	"time"
)

// Artifact is what a builder or a post-processor made. It is plain data: it is kept in the state file.
type Artifact struct {
	// Kind is the artifact's kind as its schema names it: "files", "rootfs", "oci", "none".
	Kind string `json:"kind"`
	// ID names the artifact for people: a path, an image id.
	ID string `json:"id"`
	// Files are the local files it consists of, sorted by path; none for a remote artifact.
	Files []File `json:"files,omitempty"`
	// Attrs are the fields of the schema's artifact block: strings, float64, bool, []any, map[string]any,
	// as encoding/json has them.
	Attrs map[string]any `json:"attrs,omitempty"`
	// Private is what the component itself needs to look at the artifact later, and to change it. It holds no secret.
	Private json.RawMessage `json:"private,omitempty"`
}

// File is one local file of an artifact.
type File struct {
	Path    string    `json:"path"` // relative to the program's folder where it lies below it
	Size    int64     `json:"size"` // bytes
	SHA256  string    `json:"sha256"`
	ModTime time.Time `json:"mod_time"`
}
