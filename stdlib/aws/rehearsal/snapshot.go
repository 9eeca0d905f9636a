package rehearsal

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

type volume struct {
	base
	State      string    `json:"state"`
	Zone       string    `json:"zone"`
	Size       int       `json:"size"`
	Type       string    `json:"type"`
	Iops       int       `json:"iops,omitempty"`
	Throughput int       `json:"throughput,omitempty"`
	Encrypted  bool      `json:"encrypted,omitempty"`
	KMS        string    `json:"kms,omitempty"`
	Snapshot   string    `json:"snapshot,omitempty"`
	Instance   string    `json:"instance,omitempty"` // that it is attached to
	Device     string    `json:"device,omitempty"`
	Delete     bool      `json:"delete,omitempty"` // when the instance is terminated
	Ready      time.Time `json:"ready"`
	Layers     []string  `json:"layers,omitempty"` // what it holds below its own changes
}

func (rq *request) snapshot(id string) (*snapshot, error) {
	rq.c.published(rq.region)
	s := rq.c.data.Snapshots[id]
	if s == nil || !rq.visible(s.base) {
		return nil, failure("InvalidSnapshot.NotFound", "The snapshot '%s' does not exist.", id)
	}
	return s, nil
}

func (rq *request) volume(id string) (*volume, error) {
	v := rq.c.data.Volumes[id]
	if v == nil || !rq.visible(v.base) {
		return nil, failure("InvalidVolume.NotFound", "The volume '%s' does not exist.", id)
	}
	return v, nil
}

// attached are the volumes of an instance, its root first.
func (c *Cloud) attached(instance string) []*volume {
	var out []*volume
	for _, v := range sorted(c.data.Volumes) {
		if v.Instance == instance {
			out = append(out, v)
		}
	}
	root := ""
	if i := c.data.Instances[instance]; i != nil {
		root = i.RootDevice
	}
	slices.SortStableFunc(out, func(a, b *volume) int {
		switch {
		case a.Device == root && b.Device != root:
			return -1
		case b.Device == root && a.Device != root:
			return 1
		}
		return 0
	})
	return out
}

func describeSnapshots(rq *request) ([]any, error) {
	if err := rq.allow(); err != nil {
		return nil, err
	}
	ids, filters, owners := rq.list("SnapshotId"), rq.filters(), rq.list("Owner")
	for _, id := range ids {
		if _, err := rq.snapshot(id); err != nil {
			return nil, err
		}
	}
	var found []*snapshot
	for _, s := range sorted(rq.c.data.Snapshots) {
		if !rq.visible(s.base) || len(ids) > 0 && !slices.Contains(ids, s.ID) || slices.Contains(owners, "self") && s.Owner != Account {
			continue
		}
		ok, err := passes(filters, s.Tags, func(name string) ([]string, bool) {
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
		})
		if err != nil {
			return nil, err
		}
		if ok {
			found = append(found, s)
		}
	}
	found, next, err := page(rq.params, found)
	if err != nil {
		return nil, err
	}
	var out []el
	for _, s := range found {
		out = append(out, node("item", s.xml()...))
	}
	return []any{items("snapshotSet", out), next}, nil
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
	if err := rq.allow(rq.on("volume", v.base), rq.making("snapshot", tags["snapshot"])); err != nil {
		return nil, err
	}
	if err := rq.tagging(rq.arn("snapshot", "*"), tags["snapshot"]); err != nil {
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
	s, err := rq.snapshot(rq.str("SnapshotId"))
	if err != nil {
		return nil, err
	}
	if s.Owner != Account {
		return nil, failure("AuthFailure", "Not authorized for snapshot:%s", s.ID)
	}
	if err := rq.allow(rq.on("snapshot", s.base)); err != nil {
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
	s, err := rq.snapshot(rq.str("SnapshotId"))
	if err != nil {
		return nil, err
	}
	if s.Owner != Account {
		return nil, failure("AuthFailure", "Not authorized for snapshot:%s", s.ID)
	}
	if err := rq.allow(rq.on("snapshot", s.base)); err != nil {
		return nil, err
	}
	s.Permissions = rq.changed(s.Permissions, "CreateVolumePermission")
	return ok, nil
}

func describeVolumes(rq *request) ([]any, error) {
	if err := rq.allow(); err != nil {
		return nil, err
	}
	ids, filters := rq.list("VolumeId"), rq.filters()
	for _, id := range ids {
		if _, err := rq.volume(id); err != nil {
			return nil, err
		}
	}
	var found []*volume
	for _, v := range sorted(rq.c.data.Volumes) {
		if !rq.visible(v.base) || len(ids) > 0 && !slices.Contains(ids, v.ID) {
			continue
		}
		ok, err := passes(filters, v.Tags, func(name string) ([]string, bool) {
			switch name {
			case "volume-id":
				return []string{v.ID}, true
			case "status":
				return []string{v.State}, true
			case "attachment.instance-id":
				return []string{v.Instance}, true
			case "snapshot-id":
				return []string{v.Snapshot}, true
			}
			return nil, false
		})
		if err != nil {
			return nil, err
		}
		if ok {
			found = append(found, v)
		}
	}
	found, next, err := page(rq.params, found)
	if err != nil {
		return nil, err
	}
	var out []el
	for _, v := range found {
		out = append(out, node("item", v.xml()...))
	}
	return []any{items("volumeSet", out), next}, nil
}

func (v *volume) xml() []any {
	var at []el
	if v.Instance != "" {
		at = append(at, node("item", node("volumeId", v.ID), node("instanceId", v.Instance), node("device", v.Device), node("status", "attached"), node("deleteOnTermination", v.Delete)))
	}
	out := []any{node("volumeId", v.ID), node("size", v.Size), node("snapshotId", v.Snapshot), node("availabilityZone", v.Zone), node("status", v.State), node("createTime", v.Created),
		node("volumeType", v.Type), node("encrypted", v.Encrypted), node("kmsKeyId", v.KMS), items("attachmentSet", at), tagSet(v.Tags)}
	if v.Iops > 0 {
		out = append(out, node("iops", v.Iops))
	}
	if v.Throughput > 0 {
		out = append(out, node("throughput", v.Throughput))
	}
	return out
}

func createVolume(rq *request) ([]any, error) {
	made, remember := rq.once(rq.str("ClientToken"))
	if v := rq.c.data.Volumes[made]; v != nil {
		return v.xml(), nil
	}
	tags, err := rq.specified("volume")
	if err != nil {
		return nil, err
	}
	if err := rq.allow(rq.making("volume", tags["volume"])); err != nil {
		return nil, err
	}
	if err := rq.tagging(rq.arn("volume", "*"), tags["volume"]); err != nil {
		return nil, err
	}
	d := device{Type: or(rq.str("VolumeType"), "gp2")}
	if d.Size, err = rq.number("Size"); err != nil {
		return nil, err
	}
	v := &volume{base: rq.c.base(rq.region, "vol", rq.now, tags["volume"]), State: available, Zone: rq.str("AvailabilityZone"), Size: d.Size, Type: d.Type, Encrypted: rq.is("Encrypted"), KMS: rq.str("KmsKeyId")}
	if s := rq.str("SnapshotId"); s != "" {
		snap, err := rq.snapshot(s)
		if err != nil {
			return nil, err
		}
		v.Snapshot, v.Size, v.Layers = s, max(v.Size, snap.Size), snap.Layers
		v.Encrypted = v.Encrypted || snap.Encrypted
	}
	if v.Size == 0 || v.Zone == "" {
		return nil, failure("MissingParameter", "The request must contain the parameter size or snapshotId, and availabilityZone")
	}
	if v.Iops, err = rq.number("Iops"); err != nil {
		return nil, err
	}
	if v.Throughput, err = rq.number("Throughput"); err != nil {
		return nil, err
	}
	rq.c.data.Volumes[v.ID] = v
	remember(v.ID)
	return v.xml(), nil
}

func attachVolume(rq *request) ([]any, error) {
	v, err := rq.volume(rq.str("VolumeId"))
	if err != nil {
		return nil, err
	}
	i, err := rq.instance(rq.str("InstanceId"))
	if err != nil {
		return nil, err
	}
	if err := rq.allow(rq.on("volume", v.base), rq.on("instance", i.base)); err != nil {
		return nil, err
	}
	switch {
	case v.Instance != "":
		return nil, failure("VolumeInUse", "%s is already attached to an instance", v.ID)
	case v.Zone != i.Zone:
		return nil, failure("InvalidVolume.ZoneMismatch", "The volume '%s' is not in the same availability zone as instance '%s'", v.ID, i.ID)
	}
	v.Instance, v.Device, v.State, v.Delete = i.ID, rq.str("Device"), "in-use", false
	return []any{node("volumeId", v.ID), node("instanceId", i.ID), node("device", v.Device), node("status", "attached")}, nil
}

func detachVolume(rq *request) ([]any, error) {
	v, err := rq.volume(rq.str("VolumeId"))
	if err != nil {
		return nil, err
	}
	i := rq.c.data.Instances[v.Instance]
	if i == nil {
		return nil, failure("IncorrectState", "Volume '%s' is in the 'available' state.", v.ID)
	}
	if err := rq.allow(rq.on("volume", v.base), rq.on("instance", i.base)); err != nil {
		return nil, err
	}
	v.Instance, v.Device, v.State = "", "", available
	return []any{node("volumeId", v.ID), node("instanceId", i.ID), node("status", "detached")}, nil
}

func deleteVolume(rq *request) ([]any, error) {
	v, err := rq.volume(rq.str("VolumeId"))
	if err != nil {
		return nil, err
	}
	if err := rq.allow(rq.on("volume", v.base)); err != nil {
		return nil, err
	}
	if v.Instance != "" {
		return nil, failure("VolumeInUse", "Volume %s is currently attached to %s", v.ID, v.Instance)
	}
	return ok, rq.c.removeVolume(v)
}

func (c *Cloud) removeVolume(v *volume) error {
	delete(c.data.Volumes, v.ID)
	if c.opts.Machines {
		if err := removeTree(filepath.Join(c.opts.Dir, "disks", v.ID)); err != nil {
			return fmt.Errorf("removing a volume: %w", err)
		}
	}
	return c.dropLayers(v.Layers)
}
