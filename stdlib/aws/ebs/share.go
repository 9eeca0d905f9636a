package ebs

import (
	"context"
	"slices"
	"sort"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"imgc/stdlib/aws"
)

// launch permissions as texts: "account 123", "arn …", "everybody".
func permissionTexts(s settings) []string {
	var out []string
	for _, a := range s.Accounts {
		out = append(out, "account "+a)
	}
	out = append(out, s.Orgs...)
	if s.Public {
		out = append(out, "everybody")
	}
	sort.Strings(out)
	return out
}

func permissionText(p types.LaunchPermission) string {
	switch {
	case p.Group != "":
		return "everybody"
	case p.UserId != nil:
		return "account " + *p.UserId
	case p.OrganizationArn != nil:
		return *p.OrganizationArn
	}
	return str(p.OrganizationalUnitArn)
}

func permission(text string) types.LaunchPermission {
	switch {
	case text == "everybody":
		return types.LaunchPermission{Group: types.PermissionGroupAll}
	case strings.HasPrefix(text, "account "):
		return types.LaunchPermission{UserId: sdk.String(strings.TrimPrefix(text, "account "))}
	case strings.Contains(text, ":ou/"):
		return types.LaunchPermission{OrganizationalUnitArn: &text}
	}
	return types.LaunchPermission{OrganizationArn: &text}
}

// shared asks who may use an image.
func shared(ctx context.Context, r *aws.Region, id string) ([]string, error) {
	out, err := r.DescribeImageAttribute(ctx, &ec2.DescribeImageAttributeInput{ImageId: &id, Attribute: types.ImageAttributeNameLaunchPermission})
	if err != nil {
		return nil, err
	}
	var have []string
	for _, p := range out.LaunchPermissions {
		have = append(have, permissionText(p))
	}
	sort.Strings(have)
	return have, nil
}

func share(ctx context.Context, r *aws.Region, img types.Image, want settings, before *settings) error {
	id, wanted := str(img.ImageId), permissionTexts(want)
	var have []string
	if before != nil {
		if len(wanted) == 0 && len(permissionTexts(*before)) == 0 {
			return nil
		}
		var err error
		if have, err = shared(ctx, r, id); err != nil {
			return err
		}
	}
	change := &types.LaunchPermissionModifications{}
	snaps := &types.CreateVolumePermissionModifications{}
	for _, t := range wanted {
		if !slices.Contains(have, t) {
			change.Add = append(change.Add, permission(t))
			if a, ok := strings.CutPrefix(t, "account "); ok {
				snaps.Add = append(snaps.Add, types.CreateVolumePermission{UserId: sdk.String(a)})
			}
		}
	}
	for _, t := range have {
		if !slices.Contains(wanted, t) {
			change.Remove = append(change.Remove, permission(t))
			if a, ok := strings.CutPrefix(t, "account "); ok {
				snaps.Remove = append(snaps.Remove, types.CreateVolumePermission{UserId: sdk.String(a)})
			}
		}
	}
	if len(change.Add)+len(change.Remove) > 0 {
		if _, err := r.ModifyImageAttribute(ctx, &ec2.ModifyImageAttributeInput{ImageId: &id, LaunchPermission: change}); err != nil {
			return err
		}
	}
	if len(snaps.Add)+len(snaps.Remove) > 0 {
		for _, s := range snapshots(img) {
			if _, err := r.ModifySnapshotAttribute(ctx, &ec2.ModifySnapshotAttributeInput{SnapshotId: sdk.String(s), Attribute: types.SnapshotAttributeNameCreateVolumePermission, CreateVolumePermission: snaps}); err != nil {
				return err
			}
		}
	}
	return nil
}
