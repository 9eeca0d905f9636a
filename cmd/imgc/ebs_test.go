//go:build linux

package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"imgc/stdlib/aws/rehearsal"
)

// by gives a client with which somebody else changes what imgc has made.
func (c *crash) by(region string) *ec2.Client {
	return ec2.New(ec2.Options{Region: region, BaseEndpoint: sdk.String(c.cloud.Endpoint()), Credentials: credentials.NewStaticCredentialsProvider("AKIAOTHER", "x", "")})
}

func (c *crash) image(region string) rehearsal.Item {
	c.t.Helper()
	for _, i := range c.cloud.Inventory() {
		if i.Kind == "image" && i.Region == region {
			return i
		}
	}
	c.t.Fatalf("there is no image in %s", region)
	return rehearsal.Item{}
}

// TestDriftOfAnAMI lets somebody change and remove images: the plan tells what and why, and apply puts it right, in place where that is possible.
func TestDriftOfAnAMI(t *testing.T) {
	args := []string{"-p", "marker=one"}
	for _, d := range []struct {
		name   string
		change func(t *testing.T, c *crash)
		tells  []string
		builds bool
	}{
		{"a tag is changed", func(t *testing.T, c *crash) {
			_, err := c.by("eu-west-1").CreateTags(t.Context(), &ec2.CreateTagsInput{Resources: []string{c.image("eu-west-1").ID}, Tags: []types.Tag{{Key: sdk.String("Note"), Value: sdk.String("by hand")}}})
			fatal(t, err)
		}, []string{"b.s is updated in place", "the tag Note of ami-", "in eu-west-1 was changed by others: first → by hand"}, false},
		{"a tag is removed", func(t *testing.T, c *crash) {
			_, err := c.by("us-east-1").DeleteTags(t.Context(), &ec2.DeleteTagsInput{Resources: []string{c.image("us-east-1").ID}, Tags: []types.Tag{{Key: sdk.String("Note")}}})
			fatal(t, err)
		}, []string{"was changed by others: first → (none)"}, false},
		{"the copy is deregistered", func(t *testing.T, c *crash) {
			id := c.image("eu-west-1").ID
			_, err := c.by("eu-west-1").DeregisterImage(t.Context(), &ec2.DeregisterImageInput{ImageId: &id})
			fatal(t, err)
			for _, i := range c.cloud.Inventory() {
				if i.Kind == "snapshot" && i.Region == "eu-west-1" {
					_, err := c.by("eu-west-1").DeleteSnapshot(t.Context(), &ec2.DeleteSnapshotInput{SnapshotId: &i.ID})
					fatal(t, err)
				}
			}
		}, []string{"the copy of ami-", "in eu-west-1 was changed by others: there → gone"}, false},
		{"the image is deregistered", func(t *testing.T, c *crash) {
			for _, region := range []string{"us-east-1", "eu-west-1"} {
				id := c.image(region).ID
				_, err := c.by(region).DeregisterImage(t.Context(), &ec2.DeregisterImageInput{ImageId: &id})
				fatal(t, err)
			}
			for _, i := range c.cloud.Inventory() {
				if i.Kind == "snapshot" {
					_, err := c.by(i.Region).DeleteSnapshot(t.Context(), &ec2.DeleteSnapshotInput{SnapshotId: &i.ID})
					fatal(t, err)
				}
			}
		}, []string{"b.s will be built again", "is gone"}, true},
	} {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			c := newCrash(t, condition{})
			c.must(args)
			if code, out := c.run(0, "", append([]string{"plan", "--detailed-exitcode"}, args...)...); code != 0 {
				t.Fatalf("the plan after apply is not empty: %d\n%s", code, out)
			}
			d.change(t, c)
			code, out := c.run(0, "", append([]string{"plan", "--detailed-exitcode"}, args...)...)
			if code != 2 {
				t.Errorf("plan: exit code %d", code)
			}
			for _, text := range d.tells {
				if !strings.Contains(out, text) {
					t.Errorf("the plan does not say %q:\n%s", text, out)
				}
			}
			code, out = c.run(0, "", append([]string{"apply"}, args...)...)
			if code != 0 {
				t.Fatalf("apply: %d\n%s", code, out)
			}
			if built := strings.Contains(out, "starting a "); built != d.builds {
				t.Errorf("it was built anew: %v\n%s", built, out)
			}
			if wrong := c.right("one", "first"); wrong != "" {
				t.Errorf("%s\n%s", wrong, out)
			}
			if code, out := c.run(0, "", append([]string{"plan", "--detailed-exitcode"}, args...)...); code != 0 {
				t.Errorf("the plan after it is not empty: %d\n%s", code, out)
			}
		})
	}
}

// onlyAfterACrash are calls that are made only to put in order what a run that was killed has left, or to lift what stands in the way of that.
var onlyAfterACrash = []string{"ec2:DescribeSecurityGroups", "ec2:DescribeSnapshots", "ec2:DisableImageDeregistrationProtection", "ec2:DeregisterImage", "ec2:DeleteSnapshot", "ec2:CreateTags"}

// TestDeclaredCallsOfAnAMI holds what the schema says is called against the calls that are really made: builds and changes with every option that
// calls something of its own.
func TestDeclaredCallsOfAnAMI(t *testing.T) {
	const head = "param port: int\nsource s = aws.ebs {\n  region = \"us-east-1\"\n  source_ami = \"ami-0885b1f6bd170450c\"\n  ami_name = \"x-${run.digest}\"\n  access_from = [\"127.0.0.0/8\"]\n"
	const tail = "\n}\nbuild b { from s }\n"
	called, declared := map[string]bool{}, map[string]bool{}
	for name, options := range map[string][2]string{ // of a first build, and what is changed in place
		"plain": {`ssh = { port = port }`, ``},
		"copies": {`ssh = { port = port, host_key = "console" }; regions = ["eu-west-1", "us-west-2"]; region_keys = { "eu-west-1" = "arn:aws:kms:eu-west-1:123456789012:key/k" }; encrypt = true`,
			`tags = { Note = "b" }`},
		"shared": {`ssh = { port = port }; require_imdsv2 = false`,
			`share_accounts = ["111122223333"]; share_organizations = ["arn:aws:organizations::123456789012:organization/o-abc"]; deprecate_at = "2099-01-31T10:20:30Z"; protect = true`},
		"unshared": {`ssh = { port = port }; share_accounts = ["111122223333"]; deprecate_at = "2099-01-31T10:20:30Z"; protect = true; tags = { Note = "a" }`,
			`share_accounts = []; deprecate_at = unset; protect = false; tags = {}`},
		"public": {`ssh = { port = port }; public = true; ena = true; description = "Note a"; subnet = "SUBNET"; volumes = [{ device = "/dev/sdf", size = 10GiB }, { device = "/dev/sdg", size = 1GiB, in_image = false }]; root_size = 20GiB; root_type = "gp3"`,
			`description = "Note b"`},
		"surrogate": {`ssh = { port = port }; volumes = [{ device = "/dev/xvdf", size = 4GiB }, { device = "/dev/xvdg", size = 2GiB }]; root_from = "/dev/xvdf"; boot_mode = "uefi"`, `tags = { Note = "b" }`},
		"spot":      {`ssh = { port = port }; spot_price = "auto"; user_data = "#!/bin/sh\ntrue\n"; run_tags = { Team = "images" }; availability_zone = "us-east-1b"`, ``},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCrash(t, condition{})
			subnets, err := c.by("us-east-1").DescribeSubnets(t.Context(), &ec2.DescribeSubnetsInput{})
			fatal(t, err)
			given := map[string]string{}
			for _, text := range options {
				if text == "" {
					continue
				}
				program := head
				for o := range strings.SplitSeq(strings.ReplaceAll(text, "SUBNET", *subnets.Subnets[0].SubnetId), "; ") {
					option, value, _ := strings.Cut(o, " = ")
					given[option] = value
				}
				for _, option := range slices.Sorted(maps.Keys(given)) {
					if !strings.Contains(given[option], "unset") {
						program += "  " + option + " = " + given[option] + "\n"
					}
				}
				fatal(t, os.WriteFile(filepath.Join(c.dir, "main.imgc"), []byte(program+tail), 0o600))
				code, policy := c.run(0, "", "policy")
				if code != 0 {
					t.Fatalf("policy: %d\n%s", code, policy)
				}
				allowed := actionsOf(t, policy)
				before := c.cloud.Calls()
				if code, out := c.run(0, "", "apply"); code != 0 {
					t.Fatalf("apply: %d\n%s", code, out)
				}
				for call, n := range c.cloud.Calls() {
					if n == before[call] {
						continue
					}
					a := call.Service + ":" + call.Action
					called[a] = true
					if !allowed[a] {
						t.Errorf("%s is called in %s, and the policy does not allow it", a, call.Region)
					}
				}
				maps.Copy(declared, allowed)
				if code, out := c.run(0, "", "plan", "--detailed-exitcode"); code != 0 {
					t.Errorf("the plan after apply is not empty: %d\n%s", code, out)
				}
			}
			for _, i := range c.cloud.Inventory() {
				if i.Kind != "image" && i.Kind != "snapshot" {
					t.Errorf("%s %s is left", i.Kind, i.ID)
				}
			}
		})
	}
	for _, a := range slices.Sorted(maps.Keys(declared)) {
		if !called[a] && !slices.Contains(onlyAfterACrash, a) && strings.HasPrefix(a, "ec2:") {
			t.Errorf("the schema says that %s is called, and no build did", a)
		}
	}
}

func actionsOf(t *testing.T, policy string) map[string]bool {
	t.Helper()
	var doc struct{ Statement []struct{ Action []string } }
	fatal(t, json.Unmarshal([]byte(policy), &doc))
	out := map[string]bool{}
	for _, s := range doc.Statement {
		for _, a := range s.Action {
			out[a] = true
		}
	}
	return out
}
