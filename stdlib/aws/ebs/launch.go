package ebs

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"imgc/stdlib/aws"
	"imgc/stdlib/component"
)

// The kinds of effects.
const (
	keyPairEffect   = "key pair"
	groupEffect     = "security group"
	instanceEffect  = "instance"
	imageEffect     = "image"
	snapshotsEffect = "snapshots of an image"
)

// data is what undoing needs: where, and since when.
func (b *builder) data(region string, more ...string) map[string]string {
	d := map[string]string{"region": region, "at": time.Now().UTC().Format(time.RFC3339Nano)}
	for name, v := range map[string]*string{"profile": b.Account.Profile, "role": b.Account.Role, "external_id": b.Account.ExternalID, "session": &b.Account.Session} {
		if v != nil {
			d[name] = *v
		}
	}
	for i := 0; i+1 < len(more); i += 2 {
		d[more[i]] = more[i+1]
	}
	return d
}

// short names a run's unit so that no other has that name.
func short(env *component.Env) string {
	sum := sha256.Sum256([]byte(env.RunID + "\x00" + env.Unit))
	return "imgc-" + hex.EncodeToString(sum[:10])
}

// check asks AWS what can be asked for nothing: whether the source is there, and whether the names are free.
func (b *builder) check(ctx context.Context, env *component.Env, r *aws.Region) (types.Image, error) {
	var none types.Image
	if err := b.valid(); err != nil {
		return none, err
	}
	if len(b.Regions) > 0 {
		out, err := r.DescribeRegions(ctx, &ec2.DescribeRegionsInput{})
		if err != nil {
			return none, aws.Explain("listing the regions", err)
		}
		var have []string
		for _, x := range out.Regions {
			have = append(have, str(x.RegionName))
		}
		for _, name := range b.Regions {
			if !slices.Contains(have, name) {
				return none, fmt.Errorf("regions has %s, which the account has not enabled; it has %s", name, strings.Join(have, ", "))
			}
		}
	}
	out, err := r.DescribeImages(ctx, &ec2.DescribeImagesInput{ImageIds: []string{b.SourceAMI}, IncludeDeprecated: sdk.Bool(true)})
	if err != nil {
		return none, aws.Explain(fmt.Sprintf("looking at the source_ami %s in %s", b.SourceAMI, b.Region), err)
	}
	if len(out.Images) != 1 {
		return none, fmt.Errorf("there is no image %s in %s that this account may use; data aws.ami finds one by name", b.SourceAMI, b.Region)
	}
	src := out.Images[0]
	switch {
	case src.State != types.ImageStateAvailable:
		return none, fmt.Errorf("the source_ami %s is %s", b.SourceAMI, src.State)
	case src.RootDeviceType != types.DeviceTypeEbs && src.RootDeviceType != "":
		return none, fmt.Errorf("the source_ami %s has no EBS root device; choose another image", b.SourceAMI)
	}
	if b.Subnet != nil {
		out, err := r.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: []string{*b.Subnet}})
		if err == nil && len(out.Subnets) == 0 {
			err = errors.New("it is not there")
		}
		if err != nil {
			return none, aws.Explain(fmt.Sprintf("looking at the subnet %s", *b.Subnet), err)
		}
		b.vpc = out.Subnets[0].VpcId
	}
	for _, name := range b.everywhere() {
		there, err := b.cloud.Region(ctx, b.Account, name)
		if err != nil {
			return none, err
		}
		holder, err := named(ctx, there, b.Name)
		if err != nil {
			return none, err
		}
		if holder == nil {
			continue
		}
		if err := b.mayReplace(env, there, holder); err != nil {
			return none, err
		}
		b.tempName = true
	}
	return src, nil
}

// mayReplace says whether an image that holds the name may go.
func (b *builder) mayReplace(env *component.Env, r *aws.Region, holder *types.Image) error {
	id, tags := str(holder.ImageId), aws.TagMap(holder.Tags)
	switch {
	case tags[aws.TagUnit] != env.Unit:
		return fmt.Errorf("the name %q is taken in %s by %s, which %s has not made; choose another ami_name, such as \"%s-${run.digest}\"", b.Name, r.Name, id, env.Unit, b.Name)
	case !b.Replace:
		return fmt.Errorf("the name %q is taken in %s by %s, which %s made before; let it go with replace = true, or keep both with ami_name = \"%s-${run.digest}\"", b.Name, r.Name, id, env.Unit, b.Name)
	}
	return nil
}

// everywhere is the region of the build and those of the copies.
func (b *builder) everywhere() []string {
	out := []string{b.Region}
	for _, r := range b.Regions {
		if r != b.Region && !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	return out
}

// named finds the account's image of a name; nil when there is none.
func named(ctx context.Context, r *aws.Region, name string) (*types.Image, error) {
	return oneImage(ctx, r, aws.Filter("name", strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`).Replace(name)))
}

func oneImage(ctx context.Context, r *aws.Region, filters ...types.Filter) (*types.Image, error) {
	list, err := ownImages(ctx, r, filters...)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return &list[0], nil
}

func ownImages(ctx context.Context, r *aws.Region, filters ...types.Filter) ([]types.Image, error) {
	out, err := r.DescribeImages(ctx, &ec2.DescribeImagesInput{Owners: []string{"self"}, Filters: filters, IncludeDeprecated: sdk.Bool(true)})
	if err != nil {
		return nil, aws.Explain("looking for images in "+r.Name, err)
	}
	return out.Images, nil
}

// launch is the start of an instance.
type launch struct {
	*builder
	r    *aws.Region
	env  *component.Env
	key  string // private key, PEM
	pins []string
}

func (l *launch) temporary() map[string]string {
	tags := maps.Clone(l.RunTags)
	if tags == nil {
		tags = map[string]string{}
	}
	if tags["Name"] == "" {
		tags["Name"] = "imgc " + l.env.Unit
	}
	tags[aws.TagUnit], tags[aws.TagRun] = l.env.Unit, l.env.RunID
	return tags
}

func (l *launch) start(ctx context.Context) (component.Machine, error) {
	if err := l.makeKey(ctx); err != nil {
		return nil, err
	}
	if err := l.makeGroup(ctx); err != nil {
		return nil, err
	}
	inst, err := l.run(ctx)
	if err != nil {
		return nil, err
	}
	return l.connect(ctx, inst)
}

func (l *launch) makeKey(ctx context.Context) error {
	if l.SSH.KeyPair != nil {
		return nil
	}
	name := short(l.env)
	if err := l.env.Effects.Intend(keyPairEffect, name, l.data(l.Region)); err != nil {
		return err
	}
	l.keyPair = name
	in := &ec2.CreateKeyPairInput{KeyName: &name, KeyType: types.KeyTypeEd25519, TagSpecifications: aws.Specify(l.temporary(), types.ResourceTypeKeyPair)}
	var out *ec2.CreateKeyPairOutput
	err := aws.Whole(ctx, func(ctx context.Context) (err error) {
		out, err = l.r.CreateKeyPair(ctx, in)
		if aws.Code(err) == "InvalidKeyPair.Duplicate" { // an answer was lost, and with it the private key
			if _, err = l.r.DeleteKeyPair(ctx, &ec2.DeleteKeyPairInput{KeyName: &name}); err == nil {
				out, err = l.r.CreateKeyPair(ctx, in)
			}
		}
		return err
	})
	if err != nil {
		return aws.Explain("making a temporary key pair in "+l.Region, err)
	}
	l.key = str(out.KeyMaterial)
	return nil
}

func (l *launch) makeGroup(ctx context.Context) error {
	if len(l.Groups) > 0 {
		return nil
	}
	cidrs := l.AccessFrom
	if len(cidrs) == 0 {
		addr, err := l.cloud.Address(ctx)
		if err != nil {
			return err
		}
		bits := "/32"
		if strings.Contains(addr, ":") {
			bits = "/128"
		}
		cidrs = []string{addr + bits}
	}
	name := short(l.env)
	if err := l.env.Effects.Intend(groupEffect, name, l.data(l.Region)); err != nil {
		return err
	}
	l.named, l.grouped = name, time.Now()
	in := &ec2.CreateSecurityGroupInput{GroupName: &name, VpcId: l.vpc, Description: sdk.String("imgc, temporary, for " + printable(l.env.Unit)), TagSpecifications: aws.Specify(l.temporary(), types.ResourceTypeSecurityGroup)}
	var out *ec2.CreateSecurityGroupOutput
	err := aws.Whole(ctx, func(ctx context.Context) (err error) { out, err = l.r.CreateSecurityGroup(ctx, in); return err })
	switch {
	case aws.Code(err) == "InvalidGroup.Duplicate": // an answer was lost
		if l.group, err = findGroup(ctx, l.r, name); err != nil {
			return err
		}
	case err != nil:
		return aws.Explain("making a temporary security group in "+l.Region, err)
	default:
		l.group = str(out.GroupId)
	}
	perm := types.IpPermission{IpProtocol: sdk.String("tcp"), FromPort: sdk.Int32(int32(l.SSH.Port)), ToPort: sdk.Int32(int32(l.SSH.Port))} //nolint:gosec // the machine checks ports
	for _, c := range cidrs {
		if strings.Contains(c, ":") {
			perm.Ipv6Ranges = append(perm.Ipv6Ranges, types.Ipv6Range{CidrIpv6: sdk.String(c)})
		} else {
			perm.IpRanges = append(perm.IpRanges, types.IpRange{CidrIp: sdk.String(c)})
		}
	}
	err = l.r.Eventually(ctx, func() error {
		_, err := l.r.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &l.group, IpPermissions: []types.IpPermission{perm}})
		return err
	})
	if err != nil && aws.Code(err) != "InvalidPermission.Duplicate" {
		return aws.Explain(fmt.Sprintf("opening port %d of the security group to %s", l.SSH.Port, strings.Join(cidrs, ", ")), err)
	}
	return nil
}

// printable is text as the description of a security group may have it.
func printable(s string) string {
	return regexp.MustCompile(`[^A-Za-z0-9 ._\-:/()#,@\[\]+=&;{}!$*]`).ReplaceAllString(s, "_")
}

func findGroup(ctx context.Context, r *aws.Region, name string) (string, error) {
	out, err := r.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{aws.Filter("group-name", name)}})
	if err != nil {
		return "", aws.Explain("looking for the security group "+name, err)
	}
	if len(out.SecurityGroups) == 0 {
		return "", nil
	}
	return str(out.SecurityGroups[0].GroupId), nil
}

// run starts the instance and waits until it runs.
func (l *launch) run(ctx context.Context) (types.Instance, error) {
	var none types.Instance
	userData, err := l.userData()
	if err != nil {
		return none, err
	}
	tags := l.temporary()
	in := &ec2.RunInstancesInput{
		ClientToken: sdk.String(short(l.env)), ImageId: &l.SourceAMI, InstanceType: types.InstanceType(l.InstanceType), MinCount: sdk.Int32(1), MaxCount: sdk.Int32(1),
		BlockDeviceMappings: l.devices(), InstanceInitiatedShutdownBehavior: types.ShutdownBehaviorStop,
		MetadataOptions:   &types.InstanceMetadataOptionsRequest{HttpEndpoint: types.InstanceMetadataEndpointStateEnabled, HttpTokens: types.HttpTokensState(l.Metadata.Tokens), HttpPutResponseHopLimit: sdk.Int32(int32(l.Metadata.HopLimit))}, //nolint:gosec // EC2 checks it
		TagSpecifications: aws.Specify(tags, types.ResourceTypeInstance, types.ResourceTypeVolume, types.ResourceTypeNetworkInterface),
	}
	if l.Metadata.Tags {
		in.MetadataOptions.InstanceMetadataTags = types.InstanceMetadataTagsStateEnabled
	}
	if userData != nil {
		in.UserData = sdk.String(base64.StdEncoding.EncodeToString(userData))
	}
	if in.KeyName = l.SSH.KeyPair; l.keyPair != "" {
		in.KeyName = &l.keyPair
	}
	groups := l.Groups
	if l.group != "" {
		groups = []string{l.group}
	}
	if l.PublicIP != nil {
		in.NetworkInterfaces = []types.InstanceNetworkInterfaceSpecification{{DeviceIndex: sdk.Int32(0), AssociatePublicIpAddress: l.PublicIP, SubnetId: l.Subnet, Groups: groups, DeleteOnTermination: sdk.Bool(true)}}
	} else {
		in.SubnetId, in.SecurityGroupIds = l.Subnet, groups
	}
	if l.Zone != nil {
		in.Placement = &types.Placement{AvailabilityZone: l.Zone}
	}
	if l.Profile != nil {
		in.IamInstanceProfile = &types.IamInstanceProfileSpecification{Name: l.Profile}
		if strings.HasPrefix(*l.Profile, "arn:") {
			in.IamInstanceProfile = &types.IamInstanceProfileSpecification{Arn: l.Profile}
		}
	}
	if l.Capacity != nil {
		t := &types.CapacityReservationTarget{CapacityReservationId: l.Capacity}
		if strings.HasPrefix(*l.Capacity, "arn:") {
			t = &types.CapacityReservationTarget{CapacityReservationResourceGroupArn: l.Capacity}
		}
		in.CapacityReservationSpecification = &types.CapacityReservationSpecification{CapacityReservationTarget: t}
	}
	if l.SpotPrice != nil {
		l.spot = true
		o := &types.SpotMarketOptions{SpotInstanceType: types.SpotInstanceTypeOneTime}
		if *l.SpotPrice != "auto" {
			o.MaxPrice = l.SpotPrice
		}
		in.InstanceMarketOptions = &types.InstanceMarketOptionsRequest{MarketType: types.MarketTypeSpot, SpotOptions: o}
	}
	l.env.Say("starting a %s from %s in %s", l.InstanceType, l.SourceAMI, l.Region)
	if err := l.env.Effects.Intend(instanceEffect, str(in.ClientToken), l.data(l.Region)); err != nil {
		return none, err
	}
	l.token = str(in.ClientToken)
	var out *ec2.RunInstancesOutput
	err = l.r.Eventually(ctx, func() error {
		return aws.Whole(ctx, func(ctx context.Context) (err error) { out, err = l.r.RunInstances(ctx, in); return err })
	})
	if err != nil {
		return none, aws.Explain("starting an instance", err)
	}
	l.instance = str(out.Instances[0].InstanceId)
	var inst types.Instance
	err = aws.Within(ctx, l.InstanceTimeout, fmt.Sprintf("the start of the instance %s", l.instance), func(ctx context.Context) error {
		inst, err = l.r.Instances.Until(ctx, l.instance, func(i types.Instance, seen bool) (bool, error) {
			if !seen {
				return false, nil
			}
			switch i.State.Name {
			case types.InstanceStateNameRunning:
				return true, nil
			case types.InstanceStateNamePending:
				return false, nil
			}
			why := ""
			if i.StateReason != nil {
				why = ": " + str(i.StateReason.Message)
			}
			return false, fmt.Errorf("the instance %s did not start, it is %s%s", l.instance, i.State.Name, why)
		})
		return err
	})
	if err != nil {
		return none, aws.Explain("waiting for the instance "+l.instance, err)
	}
	return inst, nil
}
