package ebs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"imgc/stdlib/aws"
	"imgc/stdlib/component"
)

// Undo removes what a run that was killed has left. A thing that is not seen may have been made a moment before the run was killed, so it is
// looked for until it would have to be seen. An image that is whole and of the program as it is now is kept.
func (b *builder) Undo(ctx context.Context, env *component.Env, e component.Effect) error {
	b.Account = account(e.Data) // the program may have another by now, or none
	r, err := b.cloud.Region(ctx, b.Account, e.Data["region"])
	if err != nil {
		return err
	}
	at, _ := time.Parse(time.RFC3339Nano, e.Data["at"]) // without a time there is nothing to wait for
	until := at.Add(r.Settle)
	switch e.Kind {
	case keyPairEffect:
		return undoKeyPair(ctx, r, e.ID, until)
	case groupEffect:
		return undoGroup(ctx, r, e.ID, until)
	case instanceEffect:
		id, err := search(ctx, r, until, func() (string, error) { return findInstance(ctx, r, e.ID) })
		if err != nil || id == "" {
			return err
		}
		b.instance, b.token = id, e.ID
		if _, err := r.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{id}}); err != nil && !aws.IsGone(err) {
			return aws.Explain("ending the instance "+id, err)
		}
		return b.await(ctx, r, types.InstanceStateNameTerminated)
	case snapshotsEffect:
		return dropSnapshots(ctx, r, strings.Fields(e.Data["snapshots"]))
	case imageEffect:
		whole, err := b.whole(ctx, env, e)
		if err != nil {
			return err
		}
		return b.undoImage(ctx, env, whole, r, e, until)
	}
	return fmt.Errorf("%s is nothing that aws.ebs makes", e.Kind)
}

func account(data map[string]string) aws.Account {
	a := aws.Account{Session: data["session"]}
	for name, f := range map[string]**string{"profile": &a.Profile, "role": &a.Role, "external_id": &a.ExternalID} {
		if v, ok := data[name]; ok {
			*f = &v
		}
	}
	return a
}

// search repeats a look that finds nothing until the time when what was made would have to be seen.
func search[T comparable](ctx context.Context, r *aws.Region, until time.Time, look func() (T, error)) (found T, err error) {
	var none T
	err = r.Repeat(ctx, until, func() (bool, error) {
		var err error
		found, err = look()
		return found != none, err
	})
	return found, err
}

func findInstance(ctx context.Context, r *aws.Region, token string) (string, error) {
	out, err := r.DescribeInstances(ctx, &ec2.DescribeInstancesInput{Filters: []types.Filter{aws.Filter("client-token", token)}})
	if err != nil {
		return "", aws.Explain("looking for an instance", err)
	}
	for _, res := range out.Reservations {
		for _, i := range res.Instances {
			return str(i.InstanceId), nil
		}
	}
	return "", nil
}

// tokenInstance finds an instance whose start was asked for, and of which no answer came.
func tokenInstance(ctx context.Context, r *aws.Region, token string) (string, error) {
	return search(ctx, r, time.Now().Add(r.Settle), func() (string, error) { return findInstance(ctx, r, token) })
}

func undoKeyPair(ctx context.Context, r *aws.Region, name string, until time.Time) error {
	for {
		// To delete a key pair that is not there is no error, and the call that makes it may still be under way.
		late := time.Now().After(until)
		if _, err := r.DeleteKeyPair(ctx, &ec2.DeleteKeyPairInput{KeyName: &name}); err != nil && !aws.IsGone(err) {
			return aws.Explain("removing the key pair "+name, err)
		}
		if late {
			return nil
		}
		if err := aws.Sleep(ctx, time.Until(until)+time.Millisecond); err != nil {
			return err
		}
	}
}

func undoGroup(ctx context.Context, r *aws.Region, name string, until time.Time) error {
	id, err := search(ctx, r, until, func() (string, error) { return findGroup(ctx, r, name) })
	if err != nil || id == "" {
		return err
	}
	return dropGroup(ctx, r, name, id, until)
}

// dropGroup removes a security group, once nothing uses it any more. id may be empty when the call that made it gave no answer. Until a time it
// may stay unseen, though it is there.
func dropGroup(ctx context.Context, r *aws.Region, name, id string, until time.Time) error {
	if id == "" {
		return undoGroup(ctx, r, name, time.Now().Add(r.Settle))
	}
	var used error
	err := r.Repeat(ctx, time.Now().Add(2*time.Minute), func() (bool, error) {
		_, err := r.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: &id})
		switch used = nil; {
		case err == nil:
			return true, nil
		case aws.IsGone(err):
			return time.Now().After(until), nil
		case aws.Code(err) == "DependencyViolation", aws.Code(err) == "InvalidGroup.InUse":
			used = err
			return false, nil
		}
		return false, err
	})
	if err == nil {
		err = used
	}
	return aws.Explain("removing the security group "+id, err)
}

// whole says whether the images of a build are whole, all of them, and what the program says now: the image of the build's own region is the last
// one to say so.
func (b *builder) whole(ctx context.Context, env *component.Env, e component.Effect) (bool, error) {
	r, err := b.cloud.Region(ctx, b.Account, e.Data["main"])
	if err != nil || env.Digest == "" {
		return false, err
	}
	i, err := oneImage(ctx, r, aws.Filter("tag:"+aws.TagBuild, e.Data["build"]), aws.Filter("tag:"+aws.TagDigest, env.Digest))
	return i != nil, err
}

func (b *builder) undoImage(ctx context.Context, env *component.Env, whole bool, r *aws.Region, e component.Effect, until time.Time) error {
	var img *types.Image
	_, err := search(ctx, r, until, func() (bool, error) {
		list, err := ownImages(ctx, r, aws.Filter("tag:"+aws.TagBuild, e.Data["build"]))
		if err != nil {
			return false, err
		}
		if k := slices.IndexFunc(list, func(i types.Image) bool { return str(i.Name) == e.Data["name"] }); k >= 0 {
			img = &list[k]
		}
		return img != nil, nil
	})
	if err != nil {
		return err
	}
	if img != nil {
		tags := aws.TagMap(img.Tags)
		twin := ""
		if str(img.Name) != tags[aws.TagName] { // a temporary name: the same disks may be registered under the right one
			final, err := named(ctx, r, tags[aws.TagName])
			if err != nil {
				return err
			}
			if final != nil && aws.TagMap(final.Tags)[aws.TagBuild] == e.Data["build"] {
				twin = str(final.ImageId)
			}
		}
		switch {
		case twin != "":
			if _, err := r.DeregisterImage(ctx, &ec2.DeregisterImageInput{ImageId: img.ImageId}); err != nil && !aws.IsGone(err) {
				return aws.Explain("deregistering "+str(img.ImageId), err)
			}
			return nil
		case whole:
			return component.ErrKept
		}
		if err := b.remove(ctx, env, r, *img); err != nil {
			return err
		}
	}
	return orphanSnapshots(ctx, r, e.Data["build"], until)
}

// orphanSnapshots deletes snapshots of a build that no image names: of an image that was pending, or of none.
func orphanSnapshots(ctx context.Context, r *aws.Region, build string, until time.Time) error {
	_, err := search(ctx, r, until, func() (bool, error) {
		out, err := r.DescribeSnapshots(ctx, &ec2.DescribeSnapshotsInput{OwnerIds: []string{"self"}, Filters: []types.Filter{aws.Filter("tag:"+aws.TagBuild, build)}})
		if err != nil {
			return false, aws.Explain("looking for snapshots in "+r.Name, err)
		}
		for _, s := range out.Snapshots {
			if err := dropSnapshots(ctx, r, []string{str(s.SnapshotId)}); err != nil {
				return false, err
			}
		}
		return false, nil
	})
	return err
}

// dropImages removes the images that a build has begun and that did not become whole.
func (b *builder) dropImages(ctx context.Context, env *component.Env) error {
	var errs []error
	for _, id := range slices.Backward(b.begun) {
		e := component.Effect{Kind: imageEffect, ID: id, Data: b.imageData[id]}
		err := b.Undo(ctx, env, e)
		if err == nil || errors.Is(err, component.ErrKept) {
			err = env.Effects.Settled(imageEffect, id)
		}
		errs = append(errs, err)
	}
	b.begun = nil
	return errors.Join(errs...)
}
