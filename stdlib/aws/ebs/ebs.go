// Package ebs is the builder of AMIs from instances with EBS disks.
//
// A build starts an instance (launch.go) and logs in (login.go), the steps run on it, and finish.go makes an image of it. What an image is to be like besides
// its disks (its copies, tags, who may use it, its name) is brought about by converge.go, which is also how an image that exists is changed in
// place. undo.go removes what a run that was killed has left. Start reading at Start.
package ebs

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	machine "imgc/executor/machine/ssh"
	"imgc/stdlib/aws"
	"imgc/stdlib/component"
	"imgc/stdlib/ssh"
)

//go:embed schema.imgc
var schema string

// Options are the options of the schema.
type Options struct {
	Region       string `imgc:"region"`
	SourceAMI    string `imgc:"source_ami"`
	InstanceType string `imgc:"instance_type"`
	Name         string `imgc:"ami_name"`
	Replace      bool   `imgc:"replace"`

	Description  string            `imgc:"description"`
	Tags         map[string]string `imgc:"tags"`
	SnapshotTags map[string]string `imgc:"snapshot_tags"`
	RunTags      map[string]string `imgc:"run_tags"`
	Regions      []string          `imgc:"regions"`
	RegionKeys   map[string]string `imgc:"region_keys"`
	Encrypt      bool              `imgc:"encrypt"`
	KMSKey       *string           `imgc:"kms_key"`
	Accounts     []string          `imgc:"share_accounts"`
	Orgs         []string          `imgc:"share_organizations"`
	Public       bool              `imgc:"public"`
	DeprecateAt  *string           `imgc:"deprecate_at"`
	Protect      bool              `imgc:"protect"`
	IMDSv2       bool              `imgc:"require_imdsv2"`

	RootSize       *component.Size `imgc:"root_size"`
	RootType       *string         `imgc:"root_type"`
	RootIops       *int            `imgc:"root_iops"`
	RootThroughput *int            `imgc:"root_throughput"`
	Volumes        []Volume        `imgc:"volumes"`
	RootFrom       *string         `imgc:"root_from"`
	BootMode       *string         `imgc:"boot_mode"`
	ENA            *bool           `imgc:"ena"`

	Subnet          *string       `imgc:"subnet"`
	Zone            *string       `imgc:"availability_zone"`
	Groups          []string      `imgc:"security_groups"`
	AccessFrom      []string      `imgc:"access_from"`
	PublicIP        *bool         `imgc:"public_ip"`
	Profile         *string       `imgc:"instance_profile"`
	Capacity        *string       `imgc:"capacity_reservation"`
	SpotPrice       *string       `imgc:"spot_price"`
	Metadata        Metadata      `imgc:"metadata"`
	UserData        *string       `imgc:"user_data"`
	UserDataFile    *string       `imgc:"user_data_file"`
	SSH             SSH           `imgc:"ssh"`
	Account         aws.Account   `imgc:"account"`
	InstanceTimeout time.Duration `imgc:"instance_timeout"`
	ImageTimeout    time.Duration `imgc:"image_timeout"`
}

// Volume is the type ebs_volume.
type Volume struct {
	Device     string          `imgc:"device"`
	Size       *component.Size `imgc:"size"`
	Type       string          `imgc:"type"`
	Iops       *int            `imgc:"iops"`
	Throughput *int            `imgc:"throughput"`
	Snapshot   *string         `imgc:"snapshot"`
	InImage    bool            `imgc:"in_image"`
}

// Metadata is what the metadata service of the instance is like.
type Metadata struct {
	Tokens   string `imgc:"tokens"`
	HopLimit int    `imgc:"hop_limit"`
	Tags     bool   `imgc:"tags"`
}

// SSH is the type ec2_ssh.
type SSH struct {
	Username       string        `imgc:"username"`
	Port           int           `imgc:"port"`
	Address        string        `imgc:"address"`
	Host           *string       `imgc:"host"`
	KeyPair        *string       `imgc:"key_pair"`
	KeyFile        *string       `imgc:"private_key_file"`
	HostKey        string        `imgc:"host_key"`
	Bastion        *Bastion      `imgc:"bastion"`
	PTY            bool          `imgc:"pty"`
	Timeout        time.Duration `imgc:"timeout"`
	AttemptTimeout time.Duration `imgc:"attempt_timeout"`
	KeepAlive      time.Duration `imgc:"keep_alive"`
}

// Bastion is a host to go through.
type Bastion struct {
	Host     string  `imgc:"host"`
	Port     int     `imgc:"port"`
	Username string  `imgc:"username"`
	KeyFile  *string `imgc:"private_key_file"`
	Agent    bool    `imgc:"agent"`
}

// Component is the registry entry.
func Component(c *aws.Cloud) component.Component {
	return component.NewBuilder("aws.ebs", schema, "1", func(o *Options) component.Builder { return &builder{Options: o, cloud: c} })
}

// builder makes one image. What it has made outside and not yet given back is kept in its fields.
type builder struct {
	*Options
	cloud *aws.Cloud

	keyPair   string                       // name
	group     string                       // id
	named     string                       // of the group, once it may exist
	grouped   time.Time                    // since when
	begun     []string                     // images that are begun and not yet handed over, as effects
	imageData map[string]map[string]string // what undoing them needs
	instance  string                       // id
	source    types.Image
	vpc       *string // of the subnet; nil for the default one
	token     string  // client token of the instance
	spot      bool
	tempName  bool // the name is still taken by the image that is to go
}

// region is EC2 where the image is made.
func (b *builder) region(ctx context.Context) (*aws.Region, error) {
	return b.cloud.Region(ctx, b.Account, b.Region)
}

// StopTimeout bounds Stop and Undo: an instance takes its time to end.
func (b *builder) StopTimeout() time.Duration { return max(b.InstanceTimeout, 10*time.Minute) }

// Start checks what can be checked for nothing, then starts the instance and logs in.
func (b *builder) Start(ctx context.Context, env *component.Env) (component.Machine, error) {
	r, err := b.region(ctx)
	if err != nil {
		return nil, err
	}
	src, err := b.check(ctx, env, r)
	if err != nil {
		return nil, err
	}
	b.source = src
	l := &launch{builder: b, r: r, env: env}
	return l.start(ctx)
}

var (
	nameForm   = regexp.MustCompile(`^[A-Za-z0-9()\[\] ./\-'@_]{3,128}$`)
	regionForm = regexp.MustCompile(`^[a-z]{2,}(-[a-z]+)+-\d+$`)
)

// valid finds mistakes without asking AWS.
func (b *builder) valid() error {
	switch {
	case !regionForm.MatchString(b.Region):
		return fmt.Errorf("%q is not a region; write one such as us-east-1", b.Region)
	case !nameForm.MatchString(b.Name):
		return fmt.Errorf("%q cannot be the name of an AMI: it has 3 to 128 of the characters A-Z a-z 0-9 ( ) [ ] space . / - ' @ _", b.Name)
	case b.KMSKey != nil && !b.Encrypt:
		return errors.New("kms_key is given, but encrypt is false; set encrypt = true or take kms_key away")
	case b.BootMode != nil && b.RootFrom == nil:
		return errors.New("boot_mode is for images with root_from; others boot as their source_ami does")
	case b.RootFrom != nil && !slices.ContainsFunc(b.Volumes, func(v Volume) bool { return v.Device == *b.RootFrom && v.InImage }):
		return fmt.Errorf("root_from is %s, which is none of volumes with in_image", *b.RootFrom)
	case b.Public && b.Encrypt:
		return errors.New("an encrypted image cannot be public; set public = false, and share it with accounts")
	case (b.SSH.KeyPair == nil) != (b.SSH.KeyFile == nil):
		return errors.New("ssh.key_pair and ssh.private_key_file go together: give both, or neither for a temporary key pair")
	case len(b.Groups) > 0 && len(b.AccessFrom) > 0:
		return errors.New("access_from is for the temporary security group, and security_groups says that there is none; give one of them")
	}
	for _, name := range b.Regions {
		if !regionForm.MatchString(name) {
			return fmt.Errorf("regions has %q, which is not a region; write one such as us-east-1", name)
		}
	}
	for name := range b.RegionKeys {
		if !slices.Contains(b.Regions, name) {
			return fmt.Errorf("region_keys has a key for %s, which regions has not", name)
		}
	}
	if b.DeprecateAt != nil {
		at, err := time.Parse(time.RFC3339, *b.DeprecateAt)
		if err != nil {
			return fmt.Errorf("deprecate_at is %q; write a time such as 2027-01-31T00:00:00Z", *b.DeprecateAt)
		}
		if at.Before(time.Now()) {
			return fmt.Errorf("deprecate_at, %s, has passed; give a later time", *b.DeprecateAt)
		}
	}
	return nil
}

// Stop gives back what the instance needed.
func (b *builder) Stop(ctx context.Context, env *component.Env, m component.Machine) error {
	if s, ok := m.(*machine.Machine); ok {
		// The instance goes, and what is on it. Closing tries to tidy up there, which may fail when the instance is gone.
		_ = ssh.Close(quiet(env), s)
	}
	// The images first: they need no instance, and an instance that cannot be ended must not keep them.
	return errors.Join(b.dropImages(ctx, env), b.giveBack(ctx, env))
}

// quiet is an environment whose effects need no undoing: they are on a machine that ends.
func quiet(env *component.Env) *component.Env {
	e := *env
	e.Effects = noEffects{}
	return &e
}

type noEffects struct{}

func (noEffects) Intend(string, string, map[string]string) error { return nil }
func (noEffects) Settled(string, string) error                   { return nil }
func (noEffects) Handover(string, string) error                  { return nil }

func str(s *string) string { return sdk.ToString(s) }
