package rehearsal

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

func (rq *request) snapshot(id string) (*snapshot, error) {
	rq.c.published(rq.region)
	s := rq.c.data.Snapshots[id]
	if s == nil || !rq.visible(s.base) {
		return nil, failure("InvalidSnapshot.NotFound", "The snapshot '%s' does not exist.", id)
	}
	return s, nil
}

// ownSnapshot is the caller's snapshot that a call is about, which has to be allowed to it.
func (rq *request) ownSnapshot() (*snapshot, error) {
	s, err := rq.snapshot(rq.str("SnapshotId"))
	if err == nil && s.Owner != Account {
		err = failure("AuthFailure", "Not authorized for snapshot:%s", s.ID)
	}
	if err == nil {
		err = rq.allow(rq.on("snapshot", s.base))
	}
	return s, err
}

func describeSnapshots(rq *request) ([]any, error) {
	own := slices.Contains(rq.list("Owner"), "self")
	found, next, err := list(rq, listing[*snapshot]{all: rq.c.data.Snapshots, ids: "SnapshotId", find: rq.snapshot, field: (*snapshot).field, skip: func(s *snapshot) bool { return own && s.Owner != Account }})
	if err != nil {
		return nil, err
	}
	var out []el
	for _, s := range found {
		out = append(out, node("item", s.xml()...))
	}
	return []any{items("snapshotSet", out), next}, nil
}

func (s *snapshot) field(name string) ([]string, bool) {
	switch name {
	case "snapshot-id":
		return []string{s.ID}, true
	case "status":
		return []string{s.State}, true
	case "volume-id":
		return []string{s.Volume}, true
	case "owner-id":
		return []string{s.Owner}, true
	case "description":
		return []string{s.Description}, true
	}
	return nil, false
}

func (s *snapshot) xml() []any {
	progress := "100%"
	if s.State == pending {
		progress = ""
	}
	return []any{node("snapshotId", s.ID), node("volumeId", s.Volume), node("status", s.State), node("startTime", s.Created), node("progress", progress), node("ownerId", s.Owner),
		node("volumeSize", s.Size), node("description", s.Description), node("encrypted", s.Encrypted), node("kmsKeyId", s.KMS), tagSet(s.Tags)}
}

func createSnapshot(rq *request) ([]any, error) {
	v, err := rq.volume(rq.str("VolumeId"))
	if err != nil {
		return nil, err
	}
	tags, err := rq.specified("snapshot")
	if err != nil {
		return nil, err
	}
	if err := rq.creating(tags, rq.on("volume", v.base), rq.making("snapshot", tags["snapshot"])); err != nil {
		return nil, err
	}
	s := &snapshot{base: rq.c.base(rq.region, "snap", rq.now, tags["snapshot"]), State: pending, Ready: rq.now.Add(rq.c.opts.Pace), Volume: v.ID, Size: v.Size, Encrypted: v.Encrypted, KMS: v.KMS, Owner: Account, Description: rq.str("Description")}
	if i := rq.c.data.Instances[v.Instance]; i != nil && i.RootDevice == v.Device {
		if i.State == running {
			return nil, failure("Unsupported", "The rehearsal can make a snapshot of a root volume only while its instance is stopped.")
		}
		if s.Layers, err = rq.c.freeze(i); err != nil {
			return nil, err
		}
	}
	rq.c.data.Snapshots[s.ID] = s
	return s.xml(), nil
}

func deleteSnapshot(rq *request) ([]any, error) {
	s, err := rq.ownSnapshot()
	if err != nil {
		return nil, err
	}
	for _, i := range rq.c.data.Images {
		if slices.ContainsFunc(i.Devices, func(d device) bool { return d.Snapshot == s.ID }) {
			return nil, failure("InvalidSnapshot.InUse", "The snapshot %s is currently in use by %s", s.ID, i.ID)
		}
	}
	delete(rq.c.data.Snapshots, s.ID)
	return ok, rq.c.dropLayers(s.Layers)
}

// dropLayers removes the folders that no snapshot and no volume needs any more.
func (c *Cloud) dropLayers(layers []string) error {
	used := map[string]bool{"root": true}
	for _, s := range c.data.Snapshots {
		for _, l := range s.Layers {
			used[l] = true
		}
	}
	for _, v := range c.data.Volumes {
		for _, l := range v.Layers {
			used[l] = true
		}
	}
	for _, l := range layers {
		if !used[l] && c.opts.Machines {
			if err := os.RemoveAll(filepath.Join(c.opts.Dir, "layers", l)); err != nil {
				return fmt.Errorf("removing what a snapshot held: %w", err)
			}
		}
	}
	return nil
}

func describeSnapshotAttribute(rq *request) ([]any, error) {
	s, err := rq.snapshot(rq.str("SnapshotId"))
	if err != nil {
		return nil, err
	}
	if err := rq.allow(rq.on("snapshot", s.base)); err != nil {
		return nil, err
	}
	return []any{node("snapshotId", s.ID), permissions("createVolumePermission", s.Permissions)}, nil
}

func modifySnapshotAttribute(rq *request) ([]any, error) {
	s, err := rq.ownSnapshot()
	if err != nil {
		return nil, err
	}
	s.Permissions = rq.changed(s.Permissions, "CreateVolumePermission")
	return ok, nil
}
