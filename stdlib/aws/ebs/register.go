package ebs

import (
	"context"
	"fmt"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"imgc/stdlib/aws"
	"imgc/stdlib/component"
)

// register makes the image of snapshots of the disks that the steps have filled, and not of the one that the instance runs on. What it is about to make is
// recorded by then: the snapshots carry the build's tag, by which they are found when it does not come to an end.
func (b *builder) register(ctx context.Context, env *component.Env, r *aws.Region, name string) (string, error) {
	inst, err := r.Instances.Until(ctx, b.instance, func(_ types.Instance, seen bool) (bool, error) { return seen, nil })
	if err != nil {
		return "", aws.Explain("looking at the disks of "+b.instance, err)
	}
	volumes := map[string]string{}
	for _, d := range inst.BlockDeviceMappings {
		if d.Ebs != nil {
			volumes[str(d.DeviceName)] = str(d.Ebs.VolumeId)
		}
	}
	root := str(b.source.RootDeviceName)
	in := &ec2.RegisterImageInput{Name: &name, Architecture: b.source.Architecture, RootDeviceName: &root, EnaSupport: b.source.EnaSupport, SriovNetSupport: b.source.SriovNetSupport, VirtualizationType: sdk.String("hvm"),
		TagSpecifications: aws.Specify(b.imageTags(env, build(env)), types.ResourceTypeImage)}
	if b.ENA != nil {
		in.EnaSupport = b.ENA
	}
	if b.BootMode != nil {
		in.BootMode = types.BootModeValues(*b.BootMode)
	}
	if b.Description != "" {
		in.Description = &b.Description
	}
	if b.IMDSv2 {
		in.ImdsSupport = types.ImdsSupportValuesV20
	}
	for _, v := range b.Volumes {
		if !v.InImage {
			continue
		}
		env.Say("making a snapshot of %s", v.Device)
		id, err := b.snapshot(ctx, env, r, volumes[v.Device])
		if err != nil {
			return "", fmt.Errorf("the disk %s: %w", v.Device, err)
		}
		device := v.Device
		if device == *b.RootFrom {
			device = root
		}
		e := &types.EbsBlockDevice{SnapshotId: &id, DeleteOnTermination: sdk.Bool(true), VolumeType: types.VolumeType(v.Type)}
		in.BlockDeviceMappings = append(in.BlockDeviceMappings, types.BlockDeviceMapping{DeviceName: &device, Ebs: e})
	}
	id, err := registered(ctx, r, in, build(env))
	return id, aws.Explain("registering the image", err)
}

// registered registers an image of a build.
func registered(ctx context.Context, r *aws.Region, in *ec2.RegisterImageInput, build string) (string, error) {
	id := ""
	err := r.Eventually(ctx, func() error {
		return aws.Whole(ctx, func(ctx context.Context) error {
			out, err := r.RegisterImage(ctx, in)
			if err == nil {
				id = str(out.ImageId)
			}
			return err
		})
	})
	if err != nil {
		return made(ctx, r, str(in.Name), build, err)
	}
	return id, nil
}

// snapshot makes a snapshot of a disk, and waits until it is whole.
func (b *builder) snapshot(ctx context.Context, env *component.Env, r *aws.Region, volume string) (string, error) {
	var id string
	err := aws.Whole(ctx, func(ctx context.Context) error {
		out, err := r.CreateSnapshot(ctx, &ec2.CreateSnapshotInput{VolumeId: &volume, TagSpecifications: aws.Specify(b.snapshotTags(env, build(env)), types.ResourceTypeSnapshot)})
		if err == nil {
			id = str(out.SnapshotId)
		}
		return err
	})
	if err != nil {
		return "", aws.Explain("making a snapshot of "+volume, err)
	}
	err = aws.Within(ctx, b.ImageTimeout, "the snapshot "+id, func(ctx context.Context) error {
		_, err := r.Snapshots.Until(ctx, id, func(s types.Snapshot, seen bool) (bool, error) {
			if seen && s.State == types.SnapshotStateError {
				return false, fmt.Errorf("the snapshot %s did not become whole: %s", id, str(s.StateMessage))
			}
			return seen && s.State == types.SnapshotStateCompleted, nil
		})
		return err
	})
	return id, aws.Explain("waiting for the snapshot "+id, err)
}
