// Package ami is the data source that finds an AMI.
//
// Start reading at Lookup.
package ami

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"imgc/stdlib/aws"
	"imgc/stdlib/component"
)

//go:embed schema.imgc
var schema string

// Options are the options of the schema.
type Options struct {
	Region       string            `imgc:"region"`
	Owners       []string          `imgc:"owners"`
	Name         *string           `imgc:"name"`
	Architecture *string           `imgc:"architecture"`
	Filters      map[string]string `imgc:"filters"`
	Latest       bool              `imgc:"latest"`
	Deprecated   bool              `imgc:"deprecated"`
	Account      aws.Account       `imgc:"account"`
}

// Component is the registry entry.
func Component(c *aws.Cloud) component.Component {
	return component.NewData("aws.ami", schema, "1", func(o *Options) component.Data { return &data{o, c} })
}

type data struct {
	*Options
	cloud *aws.Cloud
}

// Lookup finds the image.
func (d *data) Lookup(ctx context.Context) (map[string]any, error) {
	if len(d.Owners) == 0 {
		return nil, errors.New("owners is empty: anybody can give an image any name, so say whose it has to be")
	}
	r, err := d.cloud.Region(ctx, d.Account, d.Region)
	if err != nil {
		return nil, err
	}
	in := &ec2.DescribeImagesInput{Owners: d.Owners, Filters: []types.Filter{aws.Filter("state", "available")}}
	asked := []string{"owners " + strings.Join(d.Owners, ", ")}
	add := func(name, value string) {
		in.Filters = append(in.Filters, aws.Filter(name, value))
		asked = append(asked, fmt.Sprintf("%s %q", name, value))
	}
	if d.Name != nil {
		add("name", *d.Name)
	}
	if d.Architecture != nil {
		add("architecture", *d.Architecture)
	}
	for _, k := range slices.Sorted(maps.Keys(d.Filters)) {
		add(k, d.Filters[k])
	}
	if d.Deprecated {
		in.IncludeDeprecated = sdk.Bool(true)
	}
	var found []types.Image
	p := ec2.NewDescribeImagesPaginator(r.Client, in)
	for p.HasMorePages() {
		page, err := p.NextPage(ctx)
		if err != nil {
			return nil, aws.Explain("looking for images in "+d.Region, err)
		}
		found = append(found, page.Images...)
	}
	// The newest first; images of the same time by their ids, so that the choice is always the same.
	slices.SortFunc(found, func(a, b types.Image) int {
		return strings.Compare(sdk.ToString(b.CreationDate)+sdk.ToString(b.ImageId), sdk.ToString(a.CreationDate)+sdk.ToString(a.ImageId))
	})
	switch {
	case len(found) == 0:
		return nil, fmt.Errorf("there is no image in %s with %s", d.Region, strings.Join(asked, ", "))
	case len(found) > 1 && !d.Latest:
		return nil, fmt.Errorf("there are %d images in %s with %s: %s (%s), %s (%s)…; ask for one of them, or for the newest with latest = true", len(found), d.Region, strings.Join(asked, ", "),
			sdk.ToString(found[0].ImageId), sdk.ToString(found[0].Name), sdk.ToString(found[1].ImageId), sdk.ToString(found[1].Name))
	}
	i := found[0]
	tags := map[string]any{}
	for k, v := range aws.TagMap(i.Tags) {
		tags[k] = v
	}
	return map[string]any{"id": sdk.ToString(i.ImageId), "name": sdk.ToString(i.Name), "owner": sdk.ToString(i.OwnerId), "created": sdk.ToString(i.CreationDate), "architecture": string(i.Architecture), "tags": tags}, nil
}
