package ebs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"imgc/stdlib/aws"
	"imgc/stdlib/component"
)

// recorded are the settings and the images that an artifact tells of.
func recorded(a component.Artifact) (settings, map[string]string, error) {
	var s settings
	if err := json.Unmarshal(a.Private, &s); err != nil {
		return s, nil, fmt.Errorf("the record of %s cannot be read: %w", a.ID, err)
	}
	ids := map[string]string{}
	all, _ := a.Attrs["images"].(map[string]any)
	for region, id := range all {
		ids[region], _ = id.(string)
	}
	return s, ids, nil
}

// Find looks for the image of this very input, which another imgc may have made: it carries the digest as a tag.
func (b *builder) Find(ctx context.Context, env *component.Env) (component.Artifact, bool, error) {
	var none component.Artifact
	if err := b.valid(); err != nil {
		return none, false, nil //nolint:nilerr // the build says what is wrong
	}
	r, err := b.region(ctx)
	if err != nil {
		return none, false, err
	}
	img, err := b.whose(ctx, env, r)
	if err != nil || img == nil {
		return none, false, err
	}
	images := map[string]types.Image{b.Region: *img}
	for _, name := range b.everywhere()[1:] {
		there, err := b.cloud.Region(ctx, b.Account, name)
		if err != nil {
			return none, false, err
		}
		i, err := oneImage(ctx, there, aws.Filter("tag:"+aws.TagBuild, aws.TagMap(img.Tags)[aws.TagBuild]), aws.Filter("state", "available"))
		if err != nil {
			return none, false, err
		}
		if i != nil {
			images[name] = *i
		}
	}
	a, err := b.artifact(images)
	return a, err == nil, err
}

// whose is the whole image of this very input in the build's region, under its own name if there are two; nil when there is none.
func (b *builder) whose(ctx context.Context, env *component.Env, r *aws.Region) (*types.Image, error) {
	list, err := ownImages(ctx, r, aws.Filter("tag:"+aws.TagDigest, env.Digest), aws.Filter("tag:"+aws.TagUnit, env.Unit), aws.Filter("state", "available"))
	if err != nil || len(list) == 0 {
		return nil, err
	}
	img := list[0]
	for _, i := range list[1:] {
		if str(i.Name) == b.Name || str(img.Name) != b.Name && str(i.CreationDate) > str(img.CreationDate) {
			img = i
		}
	}
	return &img, nil
}

// Probe says whether the image is still there.
func (b *builder) Probe(ctx context.Context, _ *component.Env, a component.Artifact) (component.Status, error) {
	s, ids, err := recorded(a)
	if err != nil {
		return "", err
	}
	region, _ := a.Attrs["region"].(string)
	r, err := b.cloud.Region(ctx, s.Account, region)
	if err != nil {
		return "", err
	}
	i, err := oneImage(ctx, r, aws.Filter("image-id", ids[region]))
	switch {
	case err != nil:
		return "", err
	case i == nil || i.State != types.ImageStateAvailable && i.State != types.ImageStateDisabled:
		return component.Gone, nil
	}
	return component.Present, nil
}

// Drift tells how the images differ from what was recorded, in what can be changed in place.
func (b *builder) Drift(ctx context.Context, _ *component.Env, a component.Artifact) ([]component.Drift, error) {
	s, ids, err := recorded(a)
	if err != nil {
		return nil, err
	}
	var out []component.Drift
	for _, region := range slices.Sorted(maps.Keys(ids)) {
		r, err := b.cloud.Region(ctx, s.Account, region)
		if err != nil {
			return nil, err
		}
		i, err := oneImage(ctx, r, aws.Filter("image-id", ids[region]))
		if err != nil {
			return nil, err
		}
		differs := func(what, before, after string) {
			if before != after {
				out = append(out, component.Drift{Subject: fmt.Sprintf("%s of %s in %s", what, ids[region], region), Recorded: before, Found: after})
			}
		}
		if i == nil {
			differs("the copy", "there", "gone")
			continue
		}
		tags := aws.TagMap(i.Tags)
		for _, k := range slices.Sorted(maps.Keys(s.Tags)) {
			have, ok := tags[k]
			if !ok {
				have = "(none)"
			}
			differs("the tag "+k, s.Tags[k], have)
		}
		differs("the name", s.Name, str(i.Name))
		differs("the description", s.Description, str(i.Description))
		differs("the deprecation", s.Deprecate, minute(str(i.DeprecationTime)))
		differs("the protection", fmt.Sprint(s.Protect), fmt.Sprint(protected(*i)))
		if wanted := permissionTexts(s); len(wanted) > 0 {
			have, err := shared(ctx, r, ids[region])
			if err != nil {
				return nil, aws.Explain("asking who may use "+ids[region], err)
			}
			differs("the sharing", strings.Join(wanted, ", "), strings.Join(have, ", "))
		}
	}
	return out, nil
}

// Update changes the image that exists to what the options say now.
func (b *builder) Update(ctx context.Context, env *component.Env, a component.Artifact) (component.Artifact, error) {
	var none component.Artifact
	if err := b.valid(); err != nil {
		return none, err
	}
	before, ids, err := recorded(a)
	if err != nil {
		return none, err
	}
	r, err := b.region(ctx)
	if err != nil {
		return none, err
	}
	img, err := oneImage(ctx, r, aws.Filter("image-id", ids[b.Region]))
	if err == nil && img == nil {
		// A run that was killed may have left it under two names, of which one has gone since the plan was made.
		img, err = b.whose(ctx, env, r)
	}
	if err == nil && img == nil {
		err = fmt.Errorf("the image %s is no longer in %s; make a new plan", ids[b.Region], b.Region)
	}
	if err != nil {
		return none, err
	}
	for _, region := range slices.Sorted(maps.Keys(ids)) {
		if slices.Contains(b.everywhere(), region) {
			continue
		}
		there, err := b.cloud.Region(ctx, b.Account, region)
		if err != nil {
			return none, err
		}
		env.Say("removing the copy %s in %s", ids[region], region)
		if err := b.removeByID(ctx, env, there, ids[region]); err != nil {
			return none, err
		}
	}
	return b.converge(ctx, env, *img, &before)
}

// Replaces says whether the image that was made before goes once this one is whole.
func (b *builder) Replaces() bool { return b.Replace }

// Delete removes the images and their snapshots, in every region.
func (b *builder) Delete(ctx context.Context, env *component.Env, a component.Artifact) error {
	s, ids, err := recorded(a)
	if err != nil {
		return err
	}
	b.Account = s.Account // whose they are
	var errs []error
	for _, region := range slices.Sorted(maps.Keys(ids)) {
		r, err := b.cloud.Region(ctx, s.Account, region)
		if err == nil {
			env.Say("removing the image %s in %s", ids[region], region)
			err = b.removeByID(ctx, env, r, ids[region])
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (b *builder) removeByID(ctx context.Context, env *component.Env, r *aws.Region, id string) error {
	i, err := oneImage(ctx, r, aws.Filter("image-id", id))
	if err != nil || i == nil {
		return err
	}
	return b.remove(ctx, env, r, *i)
}

// remove deregisters an image and deletes its snapshots. Nothing names them any more once it is deregistered, so they are recorded before.
func (b *builder) remove(ctx context.Context, env *component.Env, r *aws.Region, i types.Image) error {
	id, snaps := str(i.ImageId), snapshots(i)
	if err := env.Effects.Intend(snapshotsEffect, r.Name+"/"+id, b.data(r.Name, "snapshots", strings.Join(snaps, " "))); err != nil {
		return err
	}
	if protected(i) {
		if _, err := r.DisableImageDeregistrationProtection(ctx, &ec2.DisableImageDeregistrationProtectionInput{ImageId: &id}); err != nil && !aws.IsGone(err) {
			return aws.Explain("lifting the protection of "+id, err)
		}
	}
	if _, err := r.DeregisterImage(ctx, &ec2.DeregisterImageInput{ImageId: &id}); err != nil && !aws.IsGone(err) {
		return aws.Explain("deregistering "+id, err)
	}
	if err := dropSnapshots(ctx, r, snaps); err != nil {
		return err
	}
	return env.Effects.Settled(snapshotsEffect, r.Name+"/"+id)
}

// dropSnapshots deletes snapshots, but for those that an image has.
func dropSnapshots(ctx context.Context, r *aws.Region, ids []string) error {
	for _, id := range ids {
		var used error
		err := r.Repeat(ctx, time.Now().Add(r.Settle), func() (bool, error) {
			_, err := r.DeleteSnapshot(ctx, &ec2.DeleteSnapshotInput{SnapshotId: sdk.String(id)})
			switch used = nil; {
			case err == nil, aws.IsGone(err):
				return true, nil
			case aws.Code(err) != "InvalidSnapshot.InUse":
				return false, err
			}
			i, look := oneImage(ctx, r, aws.Filter("block-device-mapping.snapshot-id", id))
			if look == nil && i == nil {
				used = err // by an image that was there a moment ago
			}
			return i != nil, look
		})
		if err == nil {
			err = used
		}
		if err != nil {
			return aws.Explain("deleting the snapshot "+id, err)
		}
	}
	return nil
}
