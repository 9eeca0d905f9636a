package rehearsal

import (
	"fmt"
	"hash/fnv"
	"regexp"
	"slices"
	"strings"
	"time"
)

// States of images, snapshots and instances that more than one place asks for.
const (
	pending    = "pending"
	available  = "available"
	completed  = "completed"
	running    = "running"
	stopped    = "stopped"
	terminated = "terminated"
)

type image struct {
	base
	Owner        string       `json:"owner"`
	Name         string       `json:"name"`
	Description  string       `json:"description,omitempty"`
	Architecture string       `json:"architecture"`
	State        string       `json:"state"`
	Ready        time.Time    `json:"ready"` // when it stops being pending
	RootDevice   string       `json:"root_device"`
	Devices      []device     `json:"devices"`
	Instance     string       `json:"instance,omitempty"`
	Source       string       `json:"source,omitempty"`
	SourceRegion string       `json:"source_region,omitempty"`
	Launch       []permission `json:"launch,omitempty"`
	Deprecation  string       `json:"deprecation,omitempty"`
	Protection   string       `json:"protection,omitempty"`
	IMDS         string       `json:"imds,omitempty"`
	BootMode     string       `json:"boot_mode,omitempty"`
	ENA          bool         `json:"ena"`
	SRIOV        string       `json:"sriov,omitempty"`
	TPM          string       `json:"tpm,omitempty"`
}

// device is an entry of a block device mapping.
type device struct {
	Name       string `json:"name"`
	Snapshot   string `json:"snapshot,omitempty"`
	Size       int    `json:"size"` // GiB
	Type       string `json:"type"`
	Iops       int    `json:"iops,omitempty"`
	Throughput int    `json:"throughput,omitempty"`
	Encrypted  bool   `json:"encrypted,omitempty"`
	KMS        string `json:"kms,omitempty"`
	Delete     bool   `json:"delete"`
}

// permission is who may use an image or a snapshot.
type permission struct {
	Kind  string `json:"kind"` // "userId", "group", "organizationArn", "organizationalUnitArn"
	Value string `json:"value"`
}

type snapshot struct {
	base
	State       string       `json:"state"`
	Ready       time.Time    `json:"ready"`
	Volume      string       `json:"volume,omitempty"`
	Size        int          `json:"size"`
	Encrypted   bool         `json:"encrypted,omitempty"`
	KMS         string       `json:"kms,omitempty"`
	Description string       `json:"description,omitempty"`
	Layers      []string     `json:"layers,omitempty"` // folders below Dir, the topmost first
	Permissions []permission `json:"permissions,omitempty"`
	Owner       string       `json:"owner"`
}

// catalogue are the public images that there are, by owner and name. Each is in every region under an id of its own; a name with a date
// is one image of many that a program may choose the newest of.
var catalogue = []struct{ owner, name, id, region, root string }{
	{"099720109477", "ubuntu/images/hvm-ssd/ubuntu-focal-20.04-amd64-server-20201026", "ami-0885b1f6bd170450c", "us-east-1", "/dev/sda1"},
	{"099720109477", "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64-server-20260101", "", "", "/dev/sda1"},
	{"099720109477", "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64-server-20260601", "", "", "/dev/sda1"},
	{"099720109477", "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20260601", "", "", "/dev/sda1"},
	{"136693071363", "debian-12-amd64-20260601-2000", "", "", "/dev/xvda"},
	{"137112412989", "al2023-ami-2023.8.20260601.0-kernel-6.1-x86_64", "", "", "/dev/xvda"},
}

// published puts the public images of a region into the cloud; the lock is held.
func (c *Cloud) published(region string) {
	for _, id := range c.opts.Images {
		if c.data.Images[id] == nil {
			c.standIn(id, region, "099720109477", "stands-in-for-"+id, "/dev/sda1", time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
		}
	}
	for i, p := range catalogue {
		id := p.id
		if p.region != region {
			h := fnv.New64a()
			fmt.Fprint(h, region, "/", p.name)
			id = fmt.Sprintf("ami-0%016x", h.Sum64())
		}
		if c.data.Images[id] == nil {
			c.standIn(id, region, p.owner, p.name, p.root, time.Date(2026, 1, 1+i, 0, 0, 0, 0, time.UTC))
		}
	}
}

var imageID = regexp.MustCompile(`^ami-([0-9a-f]{8}|[0-9a-f]{17})$`)

func (c *Cloud) standIn(id, region, owner, name, root string, made time.Time) {
	snap := "snap-" + strings.TrimPrefix(id, "ami-")
	c.data.Snapshots[snap] = &snapshot{base: base{ID: snap, Region: region, Created: made}, State: completed, Size: 8, Owner: owner, Layers: []string{"root"}}
	c.data.Images[id] = &image{base: base{ID: id, Region: region, Created: made}, Owner: owner, Name: name, Architecture: "x86_64", State: available, RootDevice: root, ENA: true, SRIOV: "simple",
		Devices: []device{{Name: root, Snapshot: snap, Size: 8, Type: "gp2", Delete: true}}, Launch: []permission{{"group", "all"}}}
}

// public says whether everybody may use an image.
func (i *image) public() bool { return slices.Contains(i.Launch, permission{"group", "all"}) }

// image finds an image that the caller can see.
func (rq *request) image(id string) (*image, error) {
	rq.c.published(rq.region)
	if !imageID.MatchString(id) {
		return nil, failure("InvalidAMIID.Malformed", "Invalid id: \"%s\" (expecting \"ami-...\")", id)
	}
	i := rq.c.data.Images[id]
	if i == nil || !rq.visible(i.base) {
		return nil, failure("InvalidAMIID.NotFound", "The image id '[%s]' does not exist", id)
	}
	return i, nil
}

// own finds an image of the caller's.
func (rq *request) own(id string) (*image, error) {
	i, err := rq.image(id)
	if err == nil && i.Owner != Account {
		err = failure("AuthFailure", "Not authorized for image:%s", id)
	}
	return i, err
}

// ownImage is the caller's image that a call is about, which has to be allowed to it.
func (rq *request) ownImage() (*image, error) {
	i, err := rq.own(rq.str("ImageId"))
	if err == nil {
		err = rq.allow(rq.on("image", i.base))
	}
	return i, err
}

// nameFree checks the name of an image to be made: the names of one owner differ in a region.
func (rq *request) nameFree(name string) error {
	if !imageName.MatchString(name) {
		return failure("InvalidAMIName.Malformed", "AMI names must be between 3 and 128 characters long, and may contain letters, numbers, '(', ')', '.', '-', '/', '_', '[', ']', '@', ''' and spaces")
	}
	for _, i := range rq.c.data.Images {
		if i.Region == rq.region && i.Owner == Account && i.Name == name {
			return failure("InvalidAMIName.Duplicate", "AMI name %s is already in use by AMI %s", name, i.ID)
		}
	}
	return nil
}

var imageName = regexp.MustCompile(`^[A-Za-z0-9()\[\] ./\-'@_]{3,128}$`)

func describeImages(rq *request) ([]any, error) {
	rq.c.published(rq.region)
	owners := rq.list("Owner")
	found, next, err := list(rq, listing[*image]{all: rq.c.data.Images, ids: "ImageId", find: rq.image, field: (*image).field, skip: func(i *image) bool {
		if i.Deprecation != "" && i.Owner != Account && !rq.is("IncludeDeprecated") && len(rq.list("ImageId")) == 0 && i.Deprecation < rq.now.UTC().Format(time.RFC3339) {
			return true
		}
		return len(owners) > 0 && !slices.Contains(owners, i.Owner) && (i.Owner != Account || !slices.Contains(owners, "self")) && (i.Owner != "137112412989" || !slices.Contains(owners, "amazon"))
	}})
	if err != nil {
		return nil, err
	}
	var out []el
	for _, i := range found {
		out = append(out, i.xml())
	}
	return []any{items("imagesSet", out), next}, nil
}

func (i *image) field(name string) ([]string, bool) {
	switch name {
	case "name":
		return []string{i.Name}, true
	case "image-id":
		return []string{i.ID}, true
	case "state":
		return []string{i.State}, true
	case "architecture":
		return []string{i.Architecture}, true
	case "owner-id":
		return []string{i.Owner}, true
	case "root-device-type":
		return []string{"ebs"}, true
	case "virtualization-type":
		return []string{"hvm"}, true
	case "description":
		return []string{i.Description}, true
	case "is-public":
		return []string{fmt.Sprint(i.public())}, true
	case "ena-support":
		return []string{fmt.Sprint(i.ENA)}, true
	case "source-image-id":
		return []string{i.Source}, true
	case "source-instance-id":
		return []string{i.Instance}, true
	case "creation-date":
		return []string{i.Created.UTC().Format("2006-01-02T15:04:05.000Z")}, true
	case "block-device-mapping.snapshot-id":
		var out []string
		for _, d := range i.Devices {
			out = append(out, d.Snapshot)
		}
		return out, true
	}
	return nil, false
}

func (i *image) xml() el {
	return node("item", node("imageId", i.ID), node("imageLocation", i.Owner+"/"+i.Name), node("imageState", i.State), node("imageOwnerId", i.Owner),
		node("creationDate", i.Created), node("isPublic", i.public()), node("architecture", i.Architecture), node("imageType", "machine"),
		node("name", i.Name), node("description", i.Description), node("rootDeviceType", "ebs"), node("rootDeviceName", i.RootDevice), node("virtualizationType", "hvm"),
		node("hypervisor", "xen"), node("enaSupport", i.ENA), node("sriovNetSupport", i.SRIOV), node("bootMode", i.BootMode), node("tpmSupport", i.TPM), node("platformDetails", "Linux/UNIX"), node("usageOperation", "RunInstances"),
		node("imdsSupport", i.IMDS), node("deprecationTime", i.Deprecation), node("deregistrationProtection", or(i.Protection, "disabled")), node("sourceInstanceId", i.Instance), node("sourceImageId", i.Source), node("sourceImageRegion", i.SourceRegion),
		mappings(i.Devices), tagSet(i.Tags))
}

func or(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

func mappings(devices []device) el {
	var out []el
	for _, d := range devices {
		ebs := []any{node("snapshotId", d.Snapshot), node("volumeSize", d.Size), node("deleteOnTermination", d.Delete), node("volumeType", d.Type), node("encrypted", d.Encrypted), node("kmsKeyId", d.KMS)}
		if d.Iops > 0 {
			ebs = append(ebs, node("iops", d.Iops))
		}
		if d.Throughput > 0 {
			ebs = append(ebs, node("throughput", d.Throughput))
		}
		out = append(out, node("item", node("deviceName", d.Name), node("ebs", ebs...)))
	}
	return items("blockDeviceMapping", out)
}

// ebsKey is the account's own key of EBS.
func (rq *request) ebsKey() string {
	return fmt.Sprintf("arn:aws:kms:%s:%s:key/default-ebs", rq.region, Account)
}

// devices reads a block device mapping over the one that is there.
func (rq *request) devices(p *params, have []device) ([]device, error) {
	out := slices.Clone(have)
	for _, m := range p.each("BlockDeviceMapping") {
		name := m.str("DeviceName")
		if name == "" {
			return nil, failure("MissingParameter", "The request must contain the parameter deviceName")
		}
		k := slices.IndexFunc(out, func(d device) bool { return d.Name == name })
		if m.has("NoDevice") {
			if k >= 0 {
				out = slices.Delete(out, k, k+1)
			}
			continue
		}
		if k < 0 {
			k = len(out)
			out = append(out, device{Name: name, Type: "gp2", Delete: true})
		}
		d, e := &out[k], m.at("Ebs")
		if s := e.str("SnapshotId"); s != "" {
			snap, err := rq.snapshot(s)
			if err != nil {
				return nil, err
			}
			d.Snapshot = s
			d.Size, d.Encrypted, d.KMS = max(d.Size, snap.Size), snap.Encrypted, snap.KMS
		}
		size, err := e.number("VolumeSize")
		if err != nil {
			return nil, err
		}
		if size > 0 {
			if size < d.Size && d.Snapshot != "" {
				return nil, failure("InvalidBlockDeviceMapping", "Volume of size %dGB is smaller than snapshot '%s', expect size >= %dGB", size, d.Snapshot, d.Size)
			}
			d.Size = size
		}
		if d.Size == 0 {
			return nil, failure("MissingParameter", "The request must contain the parameter size or snapshotId")
		}
		if t := e.str("VolumeType"); t != "" {
			if !slices.Contains([]string{"gp2", "gp3", "io1", "io2", "st1", "sc1", "standard"}, t) {
				return nil, failure("InvalidParameterValue", "Invalid volume type: %s", t)
			}
			d.Type = t
		}
		if d.Iops, err = e.number("Iops"); err != nil {
			return nil, err
		}
		if d.Throughput, err = e.number("Throughput"); err != nil {
			return nil, err
		}
		if e.has("DeleteOnTermination") {
			d.Delete = e.is("DeleteOnTermination")
		}
		if e.has("Encrypted") {
			if !e.is("Encrypted") && d.Encrypted {
				return nil, failure("InvalidBlockDeviceMapping", "the encrypted flag cannot be false for a device of an encrypted snapshot")
			}
			d.Encrypted = e.is("Encrypted")
		}
		if k := e.str("KmsKeyId"); k != "" {
			if !d.Encrypted {
				return nil, failure("InvalidParameterDependency", "The parameter KmsKeyId requires the parameter Encrypted to be set.")
			}
			d.KMS = k
		}
		if d.Encrypted && d.KMS == "" {
			d.KMS = rq.ebsKey()
		}
	}
	return out, nil
}
