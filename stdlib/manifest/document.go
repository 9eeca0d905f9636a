package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// document is the manifest file. Entries stay as they were read: an entry of another build, or of Packer,
// is not changed by reading and writing it.
type document struct {
	Builds  []json.RawMessage `json:"builds"`
	LastRun string            `json:"last_run_uuid"`
}

// entry is one build. Packer's fields come first, in Packer's order.
type entry struct {
	Name        string            `json:"name"` // of the source
	BuilderType string            `json:"builder_type"`
	BuildTime   int64             `json:"build_time,omitempty"` // seconds since 1970
	Files       []entryFile       `json:"files"`
	ArtifactID  string            `json:"artifact_id"`
	RunUUID     string            `json:"packer_run_uuid"`
	CustomData  map[string]string `json:"custom_data"`
	Build       string            `json:"build"` // the unit: "web.vm"
	InputDigest string            `json:"input_digest"`
}

type entryFile struct {
	Name string `json:"name"`
	Size int64  `json:"size"` // bytes
}

// read gives nil when there is no file. name is the path for people.
func read(path, name string) (*document, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the manifest %s: %w", name, err)
	}
	refuse := func(why error) error {
		return fmt.Errorf("%s exists and is not a manifest (%w); it was left as it is: remove it, or choose another output", name, why)
	}
	var doc *document
	if err := json.Unmarshal(content, &doc); err != nil {
		return nil, refuse(err)
	}
	if doc == nil || doc.Builds == nil {
		return nil, refuse(errors.New(`it has no "builds"`))
	}
	for _, raw := range doc.Builds {
		if !bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) {
			return nil, refuse(errors.New("an entry of its builds is not an object"))
		}
	}
	return doc, nil
}

func identify(raw json.RawMessage) (e struct {
	Build       string `json:"build"`
	InputDigest string `json:"input_digest"`
}) {
	if err := json.Unmarshal(raw, &e); err != nil {
		e.Build, e.InputDigest = "", "" // not an entry of ours
	}
	return e
}

// put adds an entry, in the place of the one for the same build when there is one.
func (d *document) put(e entry) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		return fmt.Errorf("writing the manifest's entry: %w", err)
	}
	raw := json.RawMessage(bytes.TrimSpace(buf.Bytes()))
	for i, old := range d.Builds {
		if identify(old).Build == e.Build {
			d.Builds[i] = raw
			return nil
		}
	}
	d.Builds = append(d.Builds, raw)
	return nil
}

func (d *document) remove(build string) {
	kept := d.Builds[:0]
	for _, raw := range d.Builds {
		if identify(raw).Build != build {
			kept = append(kept, raw)
		}
	}
	d.Builds = kept
}

func (d *document) write(w io.Writer) error {
	var compact, out bytes.Buffer
	enc := json.NewEncoder(&compact)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(d); err != nil {
		return err
	}
	if err := json.Indent(&out, bytes.TrimSpace(compact.Bytes()), "", "  "); err != nil {
		return err
	}
	_, err := out.WriteTo(w)
	return err
}
