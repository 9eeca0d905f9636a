package aws

import (
	"context"
	"maps"
	"slices"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// The tags by which imgc knows what it has made.
const (
	TagUnit   = "imgc:unit"   // the build and source, on everything
	TagRun    = "imgc:run"    // the run, on everything
	TagBuild  = "imgc:build"  // one making of an image: on the image, its copies, and their snapshots
	TagName   = "imgc:name"   // the name that an image is to have, on images
	TagDigest = "imgc:digest" // the input digest, on images that are whole
)

// Tags are tags as the API wants them, sorted.
func Tags(m map[string]string) []types.Tag {
	var out []types.Tag
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, types.Tag{Key: sdk.String(k), Value: sdk.String(m[k])})
	}
	return out
}

// TagMap is the other way round.
func TagMap(tags []types.Tag) map[string]string {
	out := map[string]string{}
	for _, t := range tags {
		out[sdk.ToString(t.Key)] = sdk.ToString(t.Value)
	}
	return out
}

// Specify gives tags for what a creating call makes; nil without any.
func Specify(tags map[string]string, kinds ...types.ResourceType) []types.TagSpecification {
	if len(tags) == 0 {
		return nil
	}
	var out []types.TagSpecification
	for _, k := range kinds {
		out = append(out, types.TagSpecification{ResourceType: k, Tags: Tags(tags)})
	}
	return out
}

// Filter is a filter of a Describe call.
func Filter(name string, values ...string) types.Filter {
	return types.Filter{Name: sdk.String(name), Values: values}
}

// Eventually repeats f while it says that a thing does not exist, for as long as one that was just made may stay unseen.
func (r *Region) Eventually(ctx context.Context, f func() error) error {
	end := time.Now().Add(r.Settle)
	for delay := r.Settle / 200; ; delay = min(2*delay, r.Settle/8) {
		err := f()
		if err == nil || !IsGone(err) || time.Now().After(end) {
			return err
		}
		if err := Sleep(ctx, delay); err != nil {
			return err
		}
	}
}

// Whole runs a call that makes or removes something to its end, also when ctx is cancelled meanwhile: a call that is broken off may still
// be carried out, after what looks for its traces has looked. It is not begun when ctx has ended.
func Whole(ctx context.Context, f func(context.Context) error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	return f(late)
}

// Sleep waits, unless ctx ends first.
func Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
