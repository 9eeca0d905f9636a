package rehearsal

import (
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"imgc/executor/machine/tree"
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

func describeVolumes(rq *request) ([]any, error) {
	found, next, err := list(rq, listing[*volume]{all: rq.c.data.Volumes, ids: "VolumeId", find: rq.volume, field: (*volume).field})
	if err != nil {
		return nil, err
	}
	var out []el
	for _, v := range found {
		out = append(out, node("item", v.xml()...))
	}
	return []any{items("volumeSet", out), next}, nil
}

func (v *volume) field(name string) ([]string, bool) {
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
	if err := rq.creating(tags, rq.making("volume", tags["volume"])); err != nil {
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
		if err := tree.Remove(filepath.Join(c.opts.Dir, "disks", v.ID)); err != nil {
			return fmt.Errorf("removing a volume: %w", err)
		}
	}
	return c.dropLayers(v.Layers)
}
