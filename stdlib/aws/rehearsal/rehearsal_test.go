package rehearsal_test

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"imgc/stdlib/aws/rehearsal"
)

const ubuntu = "ami-0885b1f6bd170450c"

func start(t testing.TB, o rehearsal.Options) (*rehearsal.Cloud, *ec2.Client) {
	t.Helper()
	if o.Pace == 0 {
		o.Pace = time.Millisecond
	}
	c, err := rehearsal.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c, ec2.New(ec2.Options{Region: "us-east-1", BaseEndpoint: sdk.String(c.Endpoint()), RetryMaxAttempts: 1, Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "x", "")})
}

// TestErrors holds that what EC2 refuses is refused, with EC2's codes.
func TestErrors(t *testing.T) {
	_, c := start(t, rehearsal.Options{})
	ctx := t.Context()
	run := func(change func(*ec2.RunInstancesInput)) error {
		in := &ec2.RunInstancesInput{ImageId: sdk.String(ubuntu), InstanceType: "t3a.nano", MinCount: sdk.Int32(1), MaxCount: sdk.Int32(1)}
		change(in)
		_, err := c.RunInstances(ctx, in)
		return err
	}
	for want, f := range map[string]func() error{
		"InvalidAMIID.NotFound": func() error {
			return run(func(i *ec2.RunInstancesInput) { i.ImageId = sdk.String("ami-00000000000000000") })
		},
		"InvalidAMIID.Malformed": func() error { return run(func(i *ec2.RunInstancesInput) { i.ImageId = sdk.String("ubuntu") }) },
		"InvalidParameterValue":  func() error { return run(func(i *ec2.RunInstancesInput) { i.InstanceType = "huge" }) },
		"InvalidKeyPair.NotFound": func() error {
			return run(func(i *ec2.RunInstancesInput) { i.KeyName = sdk.String("nobody's") })
		},
		"InvalidBlockDeviceMapping": func() error {
			return run(func(i *ec2.RunInstancesInput) {
				i.BlockDeviceMappings = []types.BlockDeviceMapping{{DeviceName: sdk.String("/dev/sda1"), Ebs: &types.EbsBlockDevice{VolumeSize: sdk.Int32(1)}}}
			})
		},
		"DryRunOperation": func() error { return run(func(i *ec2.RunInstancesInput) { i.DryRun = sdk.Bool(true) }) },
		"InvalidParameterDependency": func() error {
			return run(func(i *ec2.RunInstancesInput) {
				i.BlockDeviceMappings = []types.BlockDeviceMapping{{DeviceName: sdk.String("/dev/sda1"), Ebs: &types.EbsBlockDevice{KmsKeyId: sdk.String("k")}}}
			})
		},
		"InvalidInstanceID.NotFound": func() error {
			_, err := c.StopInstances(ctx, &ec2.StopInstancesInput{InstanceIds: []string{"i-0123"}})
			return err
		},
		"AuthFailure": func() error {
			_, err := c.DeregisterImage(ctx, &ec2.DeregisterImageInput{ImageId: sdk.String(ubuntu)})
			return err
		},
		"InvalidGroup.Duplicate": func() error {
			in := &ec2.CreateSecurityGroupInput{GroupName: sdk.String("g"), Description: sdk.String("d")}
			if _, err := c.CreateSecurityGroup(ctx, in); err != nil {
				return err
			}
			_, err := c.CreateSecurityGroup(ctx, in)
			return err
		},
		"InvalidAction": func() error {
			_, err := c.DescribeFleets(ctx, &ec2.DescribeFleetsInput{})
			return err
		},
	} {
		var api smithy.APIError
		if err := f(); !errors.As(err, &api) || api.ErrorCode() != want {
			t.Errorf("want %s, got %v", want, err)
		}
	}
}

// TestImages makes an image as a client does, and looks at what comes of it: states, names, tags, filters, a copy, a client token that is repeated.
func TestImages(t *testing.T) {
	cloud, c := start(t, rehearsal.Options{Lag: 20 * time.Millisecond})
	ctx := t.Context()
	made, err := c.RunInstances(ctx, &ec2.RunInstancesInput{ImageId: sdk.String(ubuntu), InstanceType: "t3a.nano", MinCount: sdk.Int32(1), MaxCount: sdk.Int32(1), ClientToken: sdk.String("t")})
	if err != nil {
		t.Fatal(err)
	}
	id := made.Instances[0].InstanceId
	if again, err := c.RunInstances(ctx, &ec2.RunInstancesInput{ImageId: sdk.String(ubuntu), InstanceType: "t3a.nano", MinCount: sdk.Int32(1), MaxCount: sdk.Int32(1), ClientToken: sdk.String("t")}); err != nil || *again.Instances[0].InstanceId != *id {
		t.Errorf("a repeated client token made another instance: %v", err)
	}
	if found, err := c.DescribeInstances(ctx, &ec2.DescribeInstancesInput{}); err != nil || len(found.Reservations) != 0 {
		t.Errorf("an instance is seen at once though reads lag behind: %v", err)
	}
	time.Sleep(40 * time.Millisecond)
	image, err := c.CreateImage(ctx, &ec2.CreateImageInput{InstanceId: id, Name: sdk.String("one"), TagSpecifications: []types.TagSpecification{{ResourceType: "image", Tags: []types.Tag{{Key: sdk.String("a"), Value: sdk.String("b")}}}}})
	if err != nil {
		t.Fatal(err)
	}
	var api smithy.APIError
	if _, err := c.CreateImage(ctx, &ec2.CreateImageInput{InstanceId: id, Name: sdk.String("one")}); !errors.As(err, &api) || api.ErrorCode() != "InvalidAMIName.Duplicate" {
		t.Errorf("a name is given twice: %v", err)
	}
	time.Sleep(40 * time.Millisecond)
	found, err := c.DescribeImages(ctx, &ec2.DescribeImagesInput{Owners: []string{"self"}, Filters: []types.Filter{{Name: sdk.String("tag:a"), Values: []string{"b"}}, {Name: sdk.String("name"), Values: []string{"o?e"}}}})
	if err != nil || len(found.Images) != 1 {
		t.Fatalf("%v %+v", err, found)
	}
	i := found.Images[0]
	if diff := cmp.Diff([]any{*image.ImageId, types.ImageStateAvailable, "one", rehearsal.Account, "/dev/sda1", 1}, []any{*i.ImageId, i.State, *i.Name, *i.OwnerId, *i.RootDeviceName, len(i.BlockDeviceMappings)}); diff != "" {
		t.Error(diff)
	}
	west := ec2.New(ec2.Options{Region: "us-west-2", BaseEndpoint: sdk.String(cloud.Endpoint()), Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "x", "")})
	if _, err := west.CopyImage(ctx, &ec2.CopyImageInput{Name: sdk.String("one"), SourceImageId: image.ImageId, SourceRegion: sdk.String("us-east-1"), CopyImageTags: sdk.Bool(true), Encrypted: sdk.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(40 * time.Millisecond)
	copies, err := west.DescribeImages(ctx, &ec2.DescribeImagesInput{Owners: []string{"self"}})
	if err != nil || len(copies.Images) != 1 || len(copies.Images[0].Tags) != 1 || !*copies.Images[0].BlockDeviceMappings[0].Ebs.Encrypted {
		t.Errorf("%v %+v", err, copies)
	}
	// A page at a time gives what one call gives.
	p := ec2.NewDescribeImagesPaginator(c, &ec2.DescribeImagesInput{MaxResults: sdk.Int32(5)})
	all := 0
	for p.HasMorePages() {
		page, err := p.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		all += len(page.Images)
	}
	if whole, err := c.DescribeImages(ctx, &ec2.DescribeImagesInput{}); err != nil || len(whole.Images) != all || all < 6 {
		t.Errorf("%d images by pages, %v", all, err)
	}
}

// FuzzQuery holds that no request breaks the server, and that every answer is XML.
func FuzzQuery(f *testing.F) {
	cloud, _ := start(f, rehearsal.Options{})
	f.Add("Action=DescribeImages&Owner.1=self&Filter.1.Name=name&Filter.1.Value.1=a*")
	f.Add("Action=RunInstances&ImageId=" + ubuntu + "&MinCount=1&MaxCount=1&InstanceType=t3.nano&BlockDeviceMapping.1.DeviceName=/dev/sda1&BlockDeviceMapping.1.Ebs.VolumeSize=9")
	f.Add("Action=CreateTags&ResourceId.1=ami-1&Tag.1.Key=a&Tag.1.Value=b")
	f.Add("Action=CopyImage&SourceRegion=us-east-1&SourceImageId=" + ubuntu + "&Name=abc")
	f.Add("Action=DescribeImages&MaxResults=-1&NextToken=page-999999999999999999999&Filter.1.Name=tag:")
	f.Fuzz(func(t *testing.T, body string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, cloud.Endpoint(), strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIA/20261124/us-east-1/ec2/aws4_request, SignedHeaders=host, Signature=0")
		res, err := http.DefaultTransport.(*http.Transport).RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		dec := xml.NewDecoder(res.Body)
		for {
			if _, err := dec.Token(); errors.Is(err, io.EOF) {
				return
			} else if err != nil {
				t.Fatalf("%q is answered with what is no XML: %v", body, err)
			}
		}
	})
}

// FuzzPolicy holds that no policy breaks its reader.
func FuzzPolicy(f *testing.F) {
	f.Add([]byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:*","Resource":["*"],"Condition":{"StringLike":{"aws:RequestTag/x":"y*"}}}]}`))
	f.Add([]byte(`{"Statement":[{"Effect":"Deny","Action":[1],"Resource":null}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := rehearsal.ParsePolicy(text)
		if (p == nil) == (err == nil) {
			t.Errorf("%q: neither a policy nor an error", text)
		}
	})
}
