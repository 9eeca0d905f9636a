package ebs

import (
	"context"
	"fmt"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"imgc/stdlib/aws"
	"imgc/stdlib/component"
)

// Finish stops the instance and makes the image of it, with all that belongs to it. The instance ends as soon as it is not needed.
func (b *builder) Finish(ctx context.Context, env *component.Env, m component.Machine) (component.Artifact, error) {
	var none component.Artifact
	r, err := b.region(ctx)
	if err != nil {
		return none, err
	}
	if err := b.stop(ctx, env, r); err != nil {
		return none, err
	}
	name := b.Name
	if b.tempName {
		name = tempName(b.Name, env.Digest)
	}
	img, err := b.image(ctx, env, r, name)
	if err != nil {
		return none, err
	}
	if err := b.giveBack(ctx, env); err != nil {
		return none, err
	}
	return b.converge(ctx, env, img, nil)
}

// tempName is the name of an image while the image that is to go still has its own.
func tempName(name, digest string) string {
	suffix := " (imgc " + digest[:min(12, len(digest))] + ")"
	return strings.TrimRight(name[:min(len(name), 128-len(suffix))], " ") + suffix
}

func (b *builder) stop(ctx context.Context, env *component.Env, r *aws.Region) error {
	if b.spot {
		return nil // a spot instance cannot be stopped: the image is made of it as it restarts
	}
	env.Say("stopping the instance")
	if _, err := r.StopInstances(ctx, &ec2.StopInstancesInput{InstanceIds: []string{b.instance}}); err != nil {
		return aws.Explain("stopping the instance "+b.instance, err)
	}
	err := b.await(ctx, r, types.InstanceStateNameStopped)
	if err != nil {
		return err
	}
	if b.ENA != nil {
		_, err := r.ModifyInstanceAttribute(ctx, &ec2.ModifyInstanceAttributeInput{InstanceId: &b.instance, EnaSupport: &types.AttributeBooleanValue{Value: b.ENA}})
		if err != nil {
			return aws.Explain("marking the instance for enhanced networking", err)
		}
	}
	return nil
}

// await waits until the instance is stopped, or terminated.
func (b *builder) await(ctx context.Context, r *aws.Region, state types.InstanceStateName) error {
	err := aws.Within(ctx, b.StopTimeout(), fmt.Sprintf("the instance %s to be %s", b.instance, state), func(ctx context.Context) error {
		_, err := r.Instances.Until(ctx, b.instance, func(i types.Instance, seen bool) (bool, error) {
			switch {
			case !seen:
				return state == types.InstanceStateNameTerminated, nil
			case i.State.Name == state:
				return true, nil
			case i.State.Name == types.InstanceStateNameTerminated, i.State.Name == types.InstanceStateNameShuttingDown && state != types.InstanceStateNameTerminated:
				return false, fmt.Errorf("the instance %s is %s: somebody, or a step, has ended it", b.instance, i.State.Name)
			}
			return false, nil
		})
		return err
	})
	return aws.Explain(fmt.Sprintf("waiting for the instance %s to be %s", b.instance, state), err)
}

// build names one making of an image.
func build(env *component.Env) string { return short(env) }

// imageTags are the tags of an image that is not whole yet.
func (b *builder) imageTags(env *component.Env, build string) map[string]string {
	tags := map[string]string{}
	for k, v := range b.Tags {
		tags[k] = v
	}
	tags[aws.TagUnit], tags[aws.TagRun], tags[aws.TagBuild], tags[aws.TagName] = env.Unit, env.RunID, build, b.Name
	return tags
}

func (b *builder) snapshotTags(env *component.Env, build string) map[string]string {
	tags := b.imageTags(env, build)
	delete(tags, aws.TagName)
	for k, v := range b.SnapshotTags {
		tags[k] = v
	}
	return tags
}

// image makes the image and waits until it is there.
func (b *builder) image(ctx context.Context, env *component.Env, r *aws.Region, name string) (types.Image, error) {
	var none types.Image
	env.Say("making the image %s", name)
	if err := b.intend(env, r.Name, name, build(env)); err != nil {
		return none, err
	}
	if b.RootFrom != nil {
		id, err := b.register(ctx, env, r, name)
		if err != nil {
			return none, err
		}
		return b.available(ctx, r, id)
	}
	in := &ec2.CreateImageInput{InstanceId: &b.instance, Name: &name, BlockDeviceMappings: b.left()}
	if b.Description != "" {
		in.Description = &b.Description
	}
	in.TagSpecifications = append(aws.Specify(b.imageTags(env, build(env)), types.ResourceTypeImage), aws.Specify(b.snapshotTags(env, build(env)), types.ResourceTypeSnapshot)...)
	var out *ec2.CreateImageOutput
	plain := false
	err := aws.Whole(ctx, func(ctx context.Context) (err error) {
		out, err = r.CreateImage(ctx, in, func(o *ec2.Options) { o.RetryMaxAttempts = 4 })
		if plain = err != nil && aws.Broken(err); plain {
			// EC2 servers other than Amazon's break on tags of snapshots here: those come later then.
			in.TagSpecifications = in.TagSpecifications[:1]
		}
		if err != nil && (plain || aws.Throttled(err)) {
			out, err = r.CreateImage(ctx, in)
		}
		return err
	})
	var id string
	if err == nil {
		id = str(out.ImageId)
	} else if id, err = made(ctx, r, name, build(env), err); err != nil {
		return none, aws.Explain("making the image", err)
	}
	img, err := b.available(ctx, r, id)
	if err != nil || !plain {
		return img, err
	}
	_, err = r.CreateTags(ctx, &ec2.CreateTagsInput{Resources: snapshots(img), Tags: aws.Tags(b.snapshotTags(env, build(env)))})
	return img, aws.Explain("tagging the snapshots of "+id, err)
}

// made is the image that a call has made though it failed with err: its answer was lost, it was repeated, and then the name was taken. It is that only
// when it is of this very build.
func made(ctx context.Context, r *aws.Region, name, build string, err error) (string, error) {
	if aws.Code(err) != "InvalidAMIName.Duplicate" {
		return "", err
	}
	held, look := named(ctx, r, name)
	if look != nil {
		return "", look
	}
	if held == nil || aws.TagMap(held.Tags)[aws.TagBuild] != build {
		return "", err
	}
	return str(held.ImageId), nil
}

// left are the disks that are not to be part of the image.
func (b *builder) left() []types.BlockDeviceMapping {
	var out []types.BlockDeviceMapping
	for _, v := range b.Volumes {
		if !v.InImage {
			out = append(out, types.BlockDeviceMapping{DeviceName: sdk.String(v.Device), NoDevice: sdk.String("")})
		}
	}
	return out
}

// available waits until an image can be used.
func (b *builder) available(ctx context.Context, r *aws.Region, id string) (types.Image, error) {
	var img types.Image
	limit := b.ImageTimeout
	err := aws.Within(ctx, limit, fmt.Sprintf("the image %s in %s", id, r.Name), func(ctx context.Context) error {
		var err error
		missing := time.Now().Add(10 * r.Settle)
		img, err = r.Images.Until(ctx, id, func(i types.Image, seen bool) (bool, error) {
			if !seen {
				if time.Now().After(missing) {
					return false, fmt.Errorf("the image %s was asked for in %s and is not there: somebody may have deregistered it", id, r.Name)
				}
				return false, nil
			}
			missing = time.Now().Add(10 * r.Settle)
			switch i.State {
			case types.ImageStateAvailable:
				return true, nil
			case types.ImageStatePending, types.ImageStateTransient:
				return false, nil
			}
			why := ""
			if i.StateReason != nil {
				why = ": " + str(i.StateReason.Message)
			}
			return false, fmt.Errorf("the image %s in %s did not become whole, it is %s%s", id, r.Name, i.State, why)
		})
		return err
	})
	return img, aws.Explain("waiting for the image "+id, err)
}

// giveBack ends the instance and removes its key pair and security group. What could not be removed stays in the journal.
func (b *builder) giveBack(ctx context.Context, env *component.Env) error {
	if b.token == "" && b.named == "" && b.keyPair == "" {
		return nil
	}
	r, err := b.region(ctx)
	if err != nil {
		return err
	}
	if b.token != "" {
		if b.instance == "" { // the call was made, and its answer did not come
			if b.instance, err = tokenInstance(ctx, r, b.token); err != nil {
				return err
			}
		}
		if b.instance != "" {
			err := r.Eventually(ctx, func() error {
				_, err := r.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{b.instance}})
				return err
			})
			if err != nil && !aws.IsGone(err) {
				return aws.Explain("ending the instance "+b.instance, err)
			}
			if err := b.await(ctx, r, types.InstanceStateNameTerminated); err != nil {
				return err
			}
		}
		if err := env.Effects.Settled(instanceEffect, b.token); err != nil {
			return err
		}
		b.instance, b.token = "", ""
	}
	if b.named != "" {
		if err := dropGroup(ctx, r, b.named, b.group, b.grouped.Add(r.Settle)); err != nil {
			return err
		}
		if err := env.Effects.Settled(groupEffect, b.named); err != nil {
			return err
		}
		b.group, b.named = "", ""
	}
	if b.keyPair != "" {
		if _, err := r.DeleteKeyPair(ctx, &ec2.DeleteKeyPairInput{KeyName: &b.keyPair}); err != nil && !aws.IsGone(err) {
			return aws.Explain("removing the key pair "+b.keyPair, err)
		}
		if err := env.Effects.Settled(keyPairEffect, b.keyPair); err != nil {
			return err
		}
		b.keyPair = ""
	}
	return nil
}
