package rehearsal

import (
	"fmt"
	"slices"
	"strings"
)

func createImage(rq *request) ([]any, error) {
	inst, err := rq.instance(rq.str("InstanceId"))
	if err != nil {
		return nil, err
	}
	tags, err := rq.specified("image", "snapshot")
	if err != nil {
		return nil, err
	}
	if err := rq.creating(tags, rq.on("instance", inst.base), rq.making("image", tags["image"]), rq.making("snapshot", tags["snapshot"])); err != nil {
		return nil, err
	}
	if inst.State != running && inst.State != stopped {
		return nil, failure("IncorrectState", "The instance '%s' is not in a state from which an image can be made: %s", inst.ID, inst.State)
	}
	if inst.State == running && rq.is("NoReboot") {
		return nil, failure("Unsupported", "The rehearsal cannot make an image of a running instance without a restart.")
	}
	if err := rq.nameFree(rq.str("Name")); err != nil {
		return nil, err
	}
	i := &image{base: rq.c.base(rq.region, "ami", rq.now, tags["image"]), Owner: Account, Name: rq.str("Name"), Description: rq.str("Description"), Architecture: "x86_64",
		State: pending, Ready: rq.now.Add(rq.c.opts.Pace), RootDevice: inst.RootDevice, Instance: inst.ID, ENA: inst.ENA, SRIOV: inst.SRIOV, IMDS: inst.IMDS, Source: inst.Image, SourceRegion: rq.region}
	layers, err := rq.c.freeze(inst)
	if err != nil {
		return nil, err
	}
	for _, v := range rq.c.attached(inst.ID) {
		s := &snapshot{base: rq.c.base(rq.region, "snap", rq.now, tags["snapshot"]), State: pending, Ready: i.Ready, Volume: v.ID, Size: v.Size, Encrypted: v.Encrypted, KMS: v.KMS, Owner: Account,
			Description: fmt.Sprintf("Created by CreateImage(%s) for %s", inst.ID, i.ID)}
		if v.Device == inst.RootDevice {
			s.Layers = layers
		}
		rq.c.data.Snapshots[s.ID] = s
		i.Devices = append(i.Devices, device{Name: v.Device, Snapshot: s.ID, Size: v.Size, Type: v.Type, Iops: v.Iops, Throughput: v.Throughput, Encrypted: v.Encrypted, KMS: v.KMS, Delete: v.Delete})
	}
	if i.Devices, err = rq.devices(rq.params, i.Devices); err != nil {
		return nil, err
	}
	rq.c.data.Images[i.ID] = i
	return []any{node("imageId", i.ID)}, nil
}

func copyImage(rq *request) ([]any, error) {
	made, remember := rq.once(rq.str("ClientToken"))
	if made != "" {
		return []any{node("imageId", made)}, nil
	}
	tags, err := rq.specified("image", "snapshot")
	if err != nil {
		return nil, err
	}
	from := rq.str("SourceRegion")
	if !slices.Contains(regions, from) {
		return nil, failure("InvalidParameterValue", "Invalid source region %s", from)
	}
	there := *rq
	there.region = from
	src, err := there.image(rq.str("SourceImageId"))
	if err != nil {
		return nil, err
	}
	if err := rq.creating(tags, target{arn: there.arn("image", src.ID), tags: src.Tags}, rq.making("image", tags["image"]), rq.making("snapshot", tags["snapshot"])); err != nil {
		return nil, err
	}
	if src.State != available {
		return nil, failure("InvalidAMIID.Unavailable", "The image ID '%s' is not available", src.ID)
	}
	if err := rq.nameFree(rq.str("Name")); err != nil {
		return nil, err
	}
	all := map[string]string{}
	if rq.is("CopyImageTags") {
		for k, v := range src.Tags {
			all[k] = v
		}
	}
	for k, v := range tags["image"] {
		all[k] = v
	}
	i := *src
	i.base = rq.c.base(rq.region, "ami", rq.now, all)
	i.Owner, i.Name, i.State, i.Ready, i.Source, i.SourceRegion, i.Instance = Account, rq.str("Name"), pending, rq.now.Add(2*rq.c.opts.Pace), src.ID, from, ""
	i.Launch, i.Deprecation, i.Protection = nil, "", ""
	i.Description = rq.str("Description")
	i.Devices = slices.Clone(src.Devices)
	for k := range i.Devices {
		d := &i.Devices[k]
		old := rq.c.data.Snapshots[d.Snapshot]
		if old == nil {
			continue
		}
		s := &snapshot{base: rq.c.base(rq.region, "snap", rq.now, tags["snapshot"]), State: pending, Ready: i.Ready, Volume: "vol-ffffffff", Size: old.Size, Encrypted: old.Encrypted, KMS: old.KMS, Layers: old.Layers, Owner: Account,
			Description: fmt.Sprintf("Copied for DestinationAmi %s from SourceAmi %s for SourceSnapshot %s", i.ID, src.ID, old.ID)}
		if rq.is("Encrypted") || old.Encrypted {
			s.Encrypted, s.KMS = true, or(rq.str("KmsKeyId"), rq.ebsKey())
		} else if rq.str("KmsKeyId") != "" {
			return nil, failure("InvalidParameterDependency", "The parameter KmsKeyId requires the parameter Encrypted to be set.")
		}
		rq.c.data.Snapshots[s.ID] = s
		d.Snapshot, d.Encrypted, d.KMS = s.ID, s.Encrypted, s.KMS
	}
	rq.c.data.Images[i.ID] = &i
	remember(i.ID)
	return []any{node("imageId", i.ID)}, nil
}

func registerImage(rq *request) ([]any, error) {
	tags, err := rq.specified("image", "snapshot")
	if err != nil {
		return nil, err
	}
	if err := rq.creating(tags, rq.making("image", tags["image"])); err != nil {
		return nil, err
	}
	if err := rq.nameFree(rq.str("Name")); err != nil {
		return nil, err
	}
	i := &image{base: rq.c.base(rq.region, "ami", rq.now, tags["image"]), Owner: Account, Name: rq.str("Name"), Description: rq.str("Description"), Architecture: or(rq.str("Architecture"), "i386"),
		State: available, RootDevice: or(rq.str("RootDeviceName"), "/dev/sda1"), ENA: rq.is("EnaSupport"), SRIOV: rq.str("SriovNetSupport"), IMDS: rq.str("ImdsSupport"), BootMode: rq.str("BootMode"), TPM: rq.str("TpmSupport")}
	if i.Devices, err = rq.devices(rq.params, nil); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(i.Devices, func(d device) bool { return d.Name == i.RootDevice && d.Snapshot != "" }) {
		return nil, failure("InvalidBlockDeviceMapping", "The root device %s must have a snapshot", i.RootDevice)
	}
	for _, d := range i.Devices {
		if s := rq.c.data.Snapshots[d.Snapshot]; s != nil && s.State != completed {
			return nil, failure("InvalidSnapshot.NotFound", "Snapshot %s is not completed", s.ID)
		}
	}
	rq.c.data.Images[i.ID] = i
	return []any{node("imageId", i.ID)}, nil
}

func deregisterImage(rq *request) ([]any, error) {
	i, err := rq.ownImage()
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(i.Protection, "enabled") {
		return nil, failure("OperationNotPermitted", "Image %s is protected from deregistration", i.ID)
	}
	delete(rq.c.data.Images, i.ID)
	return ok, nil
}
