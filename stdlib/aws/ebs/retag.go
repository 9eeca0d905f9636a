package ebs

import (
	"context"
	"maps"
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"imgc/stdlib/aws"
)

func oldTags(s *settings, ofSnapshots bool) map[string]string {
	if s == nil {
		return nil
	}
	out := maps.Clone(s.Tags)
	if ofSnapshots {
		if out == nil {
			out = map[string]string{}
		}
		maps.Copy(out, s.SnapshotTags)
	}
	return out
}

// retag brings about tags on one resource: those that are wanted, and none of those that were wanted before. Others are somebody else's.
func (b *builder) retag(ctx context.Context, r *aws.Region, id string, have, want, before map[string]string) error {
	set, drop := map[string]string{}, []types.Tag{}
	for k, v := range want {
		if old, ok := have[k]; !ok || old != v {
			set[k] = v
		}
	}
	for _, k := range slices.Sorted(maps.Keys(before)) {
		if _, wanted := want[k]; !wanted {
			if _, ok := have[k]; ok {
				drop = append(drop, types.Tag{Key: sdk.String(k)})
			}
		}
	}
	if len(set) > 0 {
		if err := r.Eventually(ctx, func() error {
			_, err := r.CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{id}, Tags: aws.Tags(set)})
			return err
		}); err != nil {
			return err
		}
	}
	if len(drop) > 0 {
		if _, err := r.DeleteTags(ctx, &ec2.DeleteTagsInput{Resources: []string{id}, Tags: drop}); err != nil {
			return err
		}
	}
	return nil
}

// retagSnapshots does so for snapshots. Those of a new image were given their tags when they were made.
func (b *builder) retagSnapshots(ctx context.Context, r *aws.Region, img types.Image, before *settings) error {
	ids := snapshots(img)
	if before == nil || len(ids) == 0 {
		return nil
	}
	want := maps.Clone(b.Tags)
	if want == nil {
		want = map[string]string{}
	}
	maps.Copy(want, b.SnapshotTags)
	out, err := r.DescribeSnapshots(ctx, &ec2.DescribeSnapshotsInput{SnapshotIds: ids})
	if err != nil {
		return err
	}
	for _, s := range out.Snapshots {
		if err := b.retag(ctx, r, str(s.SnapshotId), aws.TagMap(s.Tags), want, oldTags(before, true)); err != nil {
			return err
		}
	}
	return nil
}
