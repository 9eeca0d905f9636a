package aws

import (
	"maps"
	"slices"

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
