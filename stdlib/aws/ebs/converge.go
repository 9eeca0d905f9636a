package ebs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"golang.org/x/sync/errgroup"

	"imgc/stdlib/aws"
	"imgc/stdlib/component"
)

// settings are what an image is like besides its disks: all that can be changed while it exists. They are kept with the artifact, to tell
// later what somebody has changed by hand.
type settings struct {
	Name         string            `json:"name"`
	Description  string            `json:"description,omitempty"`
	Tags         map[string]string `json:"tags,omitempty"`
	SnapshotTags map[string]string `json:"snapshot_tags,omitempty"`
	Accounts     []string          `json:"accounts,omitempty"`
	Orgs         []string          `json:"organizations,omitempty"`
	Public       bool              `json:"public,omitempty"`
	Deprecate    string            `json:"deprecate,omitempty"` // to the minute, as EC2 keeps it
	Protect      bool              `json:"protect,omitempty"`
	IMDSv2       bool              `json:"imdsv2,omitempty"`
	Account      aws.Account       `json:"account"`
}

func (b *builder) settings() settings {
	s := settings{Name: b.Name, Description: b.Description, Tags: b.Tags, SnapshotTags: b.SnapshotTags, Accounts: slices.Clone(b.Accounts), Orgs: slices.Clone(b.Orgs), Public: b.Public, Protect: b.Protect, IMDSv2: b.IMDSv2, Account: b.Account}
	sort.Strings(s.Accounts)
	sort.Strings(s.Orgs)
	if b.DeprecateAt != nil {
		s.Deprecate = minute(*b.DeprecateAt)
	}
	return s
}

// minute is a time as EC2 keeps the end of an image's life; empty when it is none.
func minute(text string) string {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return ""
	}
	return t.UTC().Truncate(time.Minute).Format(time.RFC3339)
}

// converge brings about everything that belongs to the image img, which exists in the region of the build: copies, permissions, tags, and at last its name.
// before are the settings that an earlier run has brought about; nil for a new image. It can be repeated at any point.
func (b *builder) converge(ctx context.Context, env *component.Env, img types.Image, before *settings) (component.Artifact, error) {
	var none component.Artifact
	images, err := b.copies(ctx, env, img)
	if err != nil {
		return none, err
	}
	digest := map[string]string{aws.TagDigest: env.Digest}
	if slices.ContainsFunc(b.everywhere(), func(r string) bool { return str(images[r].Name) != b.Name }) {
		// It is whole, though under another name: from here on it counts, and the image that has its name may go.
		for _, name := range slices.Backward(b.everywhere()) {
			if err := b.tag(ctx, name, images[name], digest); err != nil {
				return none, err
			}
		}
		for _, name := range b.everywhere() {
			if str(images[name].Name) == b.Name {
				continue
			}
			if images[name], err = b.rename(ctx, env, name, images[name]); err != nil {
				return none, err
			}
		}
	}
	g, each := errgroup.WithContext(ctx)
	for _, name := range b.everywhere() {
		i := images[name]
		g.Go(func() error { return b.adjust(each, env, name, i, aws.TagMap(img.Tags)[aws.TagBuild], before) })
	}
	if err := g.Wait(); err != nil {
		return none, err
	}
	// The image of the build's own region comes last: where it says so, all is whole.
	for _, name := range slices.Backward(b.everywhere()) {
		if aws.TagMap(images[name].Tags)[aws.TagDigest] != env.Digest {
			if err := b.tag(ctx, name, images[name], digest); err != nil {
				return none, err
			}
		}
	}
	for _, e := range b.begun {
		if err := env.Effects.Handover(imageEffect, e); err != nil {
			return none, err
		}
	}
	b.begun = nil
	return b.artifact(images)
}

// artifact is what is kept of the images.
func (b *builder) artifact(images map[string]types.Image) (component.Artifact, error) {
	ids := map[string]any{}
	var pairs []string
	for name, i := range images {
		ids[name] = str(i.ImageId)
		pairs = append(pairs, name+":"+str(i.ImageId))
	}
	sort.Strings(pairs)
	var snaps []any
	for _, s := range snapshots(images[b.Region]) {
		snaps = append(snaps, s)
	}
	kept, err := json.Marshal(b.settings())
	if err != nil {
		return component.Artifact{}, err
	}
	return component.Artifact{Kind: "ami", ID: strings.Join(pairs, ", "), Private: kept, Attrs: map[string]any{
		"id": str(images[b.Region].ImageId), "region": b.Region, "name": b.Name, "images": ids, "snapshots": snaps, "source_ami": b.SourceAMI,
	}}, nil
}

func snapshots(i types.Image) []string {
	var out []string
	for _, d := range i.BlockDeviceMappings {
		if d.Ebs != nil && str(d.Ebs.SnapshotId) != "" {
			out = append(out, str(d.Ebs.SnapshotId))
		}
	}
	return out
}

// copies are the images by region: those that are there, and those that are made now, all at the same time.
func (b *builder) copies(ctx context.Context, env *component.Env, img types.Image) (map[string]types.Image, error) {
	images := map[string]types.Image{b.Region: img}
	making := map[string]string{}
	tags := aws.TagMap(img.Tags)
	for _, name := range b.everywhere()[1:] {
		r, err := b.cloud.Region(ctx, b.Account, name)
		if err != nil {
			return nil, err
		}
		there, err := oneImage(ctx, r, aws.Filter("tag:"+aws.TagBuild, tags[aws.TagBuild]))
		if err != nil {
			return nil, err
		}
		if there != nil {
			making[name] = str(there.ImageId)
			continue
		}
		key := b.RegionKeys[name]
		as := str(img.Name)
		env.Say("copying the image to %s", name)
		if err := b.intend(env, name, as, tags[aws.TagBuild]); err != nil {
			return nil, err
		}
		sum := sha256.Sum256([]byte(strings.Join([]string{env.RunID, str(img.ImageId), name, as, key}, "\x00")))
		in := &ec2.CopyImageInput{Name: &as, SourceImageId: img.ImageId, SourceRegion: &b.Region, ClientToken: sdk.String(hex.EncodeToString(sum[:16])), Encrypted: nil}
		if b.Description != "" {
			in.Description = &b.Description
		}
		if b.Encrypt || key != "" {
			in.Encrypted = sdk.Bool(true)
			if key != "" {
				in.KmsKeyId = &key
			}
		}
		in.TagSpecifications = append(aws.Specify(b.imageTags(env, tags[aws.TagBuild]), types.ResourceTypeImage), aws.Specify(b.snapshotTags(env, tags[aws.TagBuild]), types.ResourceTypeSnapshot)...)
		var out *ec2.CopyImageOutput
		if err := aws.Whole(ctx, func(ctx context.Context) (err error) { out, err = r.CopyImage(ctx, in); return err }); err != nil {
			return nil, aws.Explain("copying the image to "+name, err)
		}
		making[name] = str(out.ImageId)
	}
	for name, id := range making {
		r, err := b.cloud.Region(ctx, b.Account, name)
		if err != nil {
			return nil, err
		}
		if images[name], err = b.available(ctx, r, id); err != nil {
			return nil, err
		}
	}
	return images, nil
}

// intend records that an image is about to be made.
func (b *builder) intend(env *component.Env, region, name, build string) error {
	id := region + "/" + name
	data := b.data(region, "name", name, "build", build, "main", b.Region)
	if err := env.Effects.Intend(imageEffect, id, data); err != nil {
		return err
	}
	if b.imageData == nil {
		b.imageData = map[string]map[string]string{}
	}
	b.begun, b.imageData[id] = append(b.begun, id), data
	return nil
}

func (b *builder) tag(ctx context.Context, region string, i types.Image, tags map[string]string) error {
	r, err := b.cloud.Region(ctx, b.Account, region)
	if err != nil {
		return err
	}
	err = r.Eventually(ctx, func() error {
		return aws.Whole(ctx, func(ctx context.Context) error {
			_, err := r.CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{str(i.ImageId)}, Tags: aws.Tags(tags)})
			return err
		})
	})
	return aws.Explain(fmt.Sprintf("tagging %s in %s", str(i.ImageId), region), err)
}

// rename gives an image the name that it is to have, which an image that is to go still has: that one goes, and the disks of the new one are
// registered under its name. EC2 cannot rename an image.
func (b *builder) rename(ctx context.Context, env *component.Env, region string, img types.Image) (types.Image, error) {
	r, err := b.cloud.Region(ctx, b.Account, region)
	if err != nil {
		return img, err
	}
	if k := str(img.PlatformDetails); k != "" && k != "Linux/UNIX" {
		return img, fmt.Errorf("the image %s is of the platform %s, whose licence would be lost if it were registered under the name %q; give it a name of its own with ${run.digest}", str(img.ImageId), k, b.Name)
	}
	tags := aws.TagMap(img.Tags)
	holder, err := named(ctx, r, b.Name)
	if err != nil {
		return img, err
	}
	if holder != nil && aws.TagMap(holder.Tags)[aws.TagBuild] != tags[aws.TagBuild] {
		if err := b.mayReplace(env, r, holder); err != nil {
			return img, err
		}
		env.Say("removing %s in %s, whose name goes to the new image", str(holder.ImageId), region)
		if err := b.remove(ctx, env, r, *holder); err != nil {
			return img, err
		}
		holder = nil
	}
	if holder == nil {
		if err := b.intend(env, region, b.Name, tags[aws.TagBuild]); err != nil {
			return img, err
		}
		in := &ec2.RegisterImageInput{Name: &b.Name, Architecture: img.Architecture, RootDeviceName: img.RootDeviceName, EnaSupport: img.EnaSupport, SriovNetSupport: img.SriovNetSupport, VirtualizationType: sdk.String(string(img.VirtualizationType)),
			BootMode: img.BootMode, ImdsSupport: img.ImdsSupport, TpmSupport: img.TpmSupport, Description: img.Description, TagSpecifications: aws.Specify(registerTags(img.Tags, env), types.ResourceTypeImage)}
		for _, d := range img.BlockDeviceMappings {
			if d.Ebs != nil {
				e := *d.Ebs
				e.Encrypted, e.KmsKeyId = nil, nil // as the snapshot is
				in.BlockDeviceMappings = append(in.BlockDeviceMappings, types.BlockDeviceMapping{DeviceName: d.DeviceName, Ebs: &e})
			}
		}
		id, err := registered(ctx, r, in, tags[aws.TagBuild])
		if err != nil {
			return img, aws.Explain("registering the image under its name "+b.Name, err)
		}
		now, err := b.available(ctx, r, id)
		if err != nil {
			return img, err
		}
		holder = &now
	}
	if _, err := r.DeregisterImage(ctx, &ec2.DeregisterImageInput{ImageId: img.ImageId}); err != nil && !aws.IsGone(err) {
		return img, aws.Explain("taking the temporary name off the image", err)
	}
	return *holder, nil
}

func registerTags(have []types.Tag, env *component.Env) map[string]string {
	tags := aws.TagMap(have)
	tags[aws.TagDigest] = env.Digest
	return tags
}

// adjust makes one image, and its snapshots, as the settings say; build is the one that they are of. It asks and changes only what may differ.
func (b *builder) adjust(ctx context.Context, env *component.Env, region string, img types.Image, build string, before *settings) error {
	r, err := b.cloud.Region(ctx, b.Account, region)
	if err != nil {
		return err
	}
	want, id := b.settings(), str(img.ImageId)
	doing := func(what string, err error) error {
		return aws.Explain(fmt.Sprintf("%s of %s in %s", what, id, region), err)
	}
	tags := b.imageTags(env, build)
	if before != nil { // what it was built by stays
		delete(tags, aws.TagRun)
	}
	if err := b.retag(ctx, r, id, aws.TagMap(img.Tags), tags, oldTags(before, false)); err != nil {
		return doing("changing the tags", err)
	}
	if err := b.retagSnapshots(ctx, r, img, before); err != nil {
		return doing("changing the tags of the snapshots", err)
	}
	if str(img.Description) != want.Description {
		_, err := r.ModifyImageAttribute(ctx, &ec2.ModifyImageAttributeInput{ImageId: &id, Description: &types.AttributeValue{Value: &want.Description}})
		if err != nil {
			return doing("changing the description", err)
		}
	}
	if want.IMDSv2 && img.ImdsSupport != types.ImdsSupportValuesV20 {
		_, err := r.ModifyImageAttribute(ctx, &ec2.ModifyImageAttributeInput{ImageId: &id, ImdsSupport: &types.AttributeValue{Value: sdk.String("v2.0")}})
		if err != nil {
			return doing("requiring IMDSv2", err)
		}
	}
	if !want.IMDSv2 && img.ImdsSupport == types.ImdsSupportValuesV20 && before != nil && before.IMDSv2 {
		return fmt.Errorf("%s in %s requires IMDSv2, which EC2 cannot take back; build it anew with --replace %s", id, region, env.Unit)
	}
	if before == nil && (want.Public || len(want.Accounts)+len(want.Orgs) > 0) || before != nil {
		if err := share(ctx, r, img, want, before); err != nil {
			return doing("sharing", err)
		}
	}
	switch have := minute(str(img.DeprecationTime)); {
	case want.Deprecate == have:
	case want.Deprecate == "":
		if _, err := r.DisableImageDeprecation(ctx, &ec2.DisableImageDeprecationInput{ImageId: &id}); err != nil {
			return doing("taking back the deprecation", err)
		}
	default:
		at, err := time.Parse(time.RFC3339, want.Deprecate)
		if err == nil {
			_, err = r.EnableImageDeprecation(ctx, &ec2.EnableImageDeprecationInput{ImageId: &id, DeprecateAt: &at})
		}
		if err != nil {
			return doing("setting the deprecation", err)
		}
	}
	if have := protected(img); want.Protect != have {
		if want.Protect {
			_, err = r.EnableImageDeregistrationProtection(ctx, &ec2.EnableImageDeregistrationProtectionInput{ImageId: &id})
		} else {
			_, err = r.DisableImageDeregistrationProtection(ctx, &ec2.DisableImageDeregistrationProtectionInput{ImageId: &id})
		}
		if err != nil {
			return doing("changing the protection", err)
		}
	}
	return nil
}

func protected(img types.Image) bool {
	return strings.HasPrefix(str(img.DeregistrationProtection), "enabled")
}
