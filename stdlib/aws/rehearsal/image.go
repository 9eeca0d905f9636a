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
	if err := rq.allow(); err != nil {
		return nil, err
	}
	ids, owners, filters := rq.list("ImageId"), rq.list("Owner"), rq.filters()
	for _, id := range ids {
		if _, err := rq.image(id); err != nil {
			return nil, err
		}
	}
	var found []*image
	for _, i := range sorted(rq.c.data.Images) {
		if !rq.visible(i.base) || len(ids) > 0 && !slices.Contains(ids, i.ID) {
			continue
		}
		if i.Deprecation != "" && i.Owner != Account && !rq.is("IncludeDeprecated") && len(ids) == 0 && i.Deprecation < rq.now.UTC().Format(time.RFC3339) {
			continue
		}
		if len(owners) > 0 && !slices.Contains(owners, i.Owner) && (i.Owner != Account || !slices.Contains(owners, "self")) && (i.Owner != "137112412989" || !slices.Contains(owners, "amazon")) {
			continue
		}
		ok, err := passes(filters, i.Tags, i.field)
		if err != nil {
			return nil, err
		}
		if ok {
			found = append(found, i)
		}
	}
	found, next, err := page(rq.params, found)
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
			d.KMS = fmt.Sprintf("arn:aws:kms:%s:%s:key/default-ebs", rq.region, Account)
		}
	}
	return out, nil
}

func createImage(rq *request) ([]any, error) {
	inst, err := rq.instance(rq.str("InstanceId"))
	if err != nil {
		return nil, err
	}
	tags, err := rq.specified("image", "snapshot")
	if err != nil {
		return nil, err
	}
	if err := rq.allow(rq.on("instance", inst.base), rq.making("image", tags["image"]), rq.making("snapshot", tags["snapshot"])); err != nil {
		return nil, err
	}
	for kind, t := range tags {
		if err := rq.tagging(rq.arn(kind, "*"), t); err != nil {
			return nil, err
		}
	}
	if inst.State != running && inst.State != stopped {
		return nil, failure("IncorrectState", "The instance '%s' is not in a state from which an image can be made: %s", inst.ID, inst.State)
	}
	if inst.State == running && rq.is("NoReboot") {
		return nil, failure("Unsupported", "The rehearsal cannot make an image of a running instance without a restart.")
	}
	if err := rq.nameFree(rq.str("Name")); err != nil {
		return nil, err
	}
	i := &image{base: rq.c.base(rq.region, "ami", rq.now, tags["image"]), Owner: Account, Name: rq.str("Name"), Description: rq.str("Description"), Architecture: "x86_64",
		State: pending, Ready: rq.now.Add(rq.c.opts.Pace), RootDevice: inst.RootDevice, Instance: inst.ID, ENA: inst.ENA, SRIOV: inst.SRIOV, IMDS: inst.IMDS, Source: inst.Image, SourceRegion: rq.region}
	layers, err := rq.c.freeze(inst)
	if err != nil {
		return nil, err
	}
	for _, v := range rq.c.attached(inst.ID) {
		s := &snapshot{base: rq.c.base(rq.region, "snap", rq.now, tags["snapshot"]), State: pending, Ready: i.Ready, Volume: v.ID, Size: v.Size, Encrypted: v.Encrypted, KMS: v.KMS, Owner: Account,
			Description: fmt.Sprintf("Created by CreateImage(%s) for %s", inst.ID, i.ID)}
		if v.Device == inst.RootDevice {
			s.Layers = layers
		}
		rq.c.data.Snapshots[s.ID] = s
		i.Devices = append(i.Devices, device{Name: v.Device, Snapshot: s.ID, Size: v.Size, Type: v.Type, Iops: v.Iops, Throughput: v.Throughput, Encrypted: v.Encrypted, KMS: v.KMS, Delete: v.Delete})
	}
	if i.Devices, err = rq.devices(rq.params, i.Devices); err != nil {
		return nil, err
	}
	rq.c.data.Images[i.ID] = i
	return []any{node("imageId", i.ID)}, nil
}

func copyImage(rq *request) ([]any, error) {
	made, remember := rq.once(rq.str("ClientToken"))
	if made != "" {
		return []any{node("imageId", made)}, nil
	}
	tags, err := rq.specified("image", "snapshot")
	if err != nil {
		return nil, err
	}
	from := rq.str("SourceRegion")
	if !slices.Contains(regions, from) {
		return nil, failure("InvalidParameterValue", "Invalid source region %s", from)
	}
	there := *rq
	there.region = from
	src, err := there.image(rq.str("SourceImageId"))
	if err != nil {
		return nil, err
	}
	if err := rq.allow(target{arn: there.arn("image", src.ID), tags: src.Tags}, rq.making("image", tags["image"]), rq.making("snapshot", tags["snapshot"])); err != nil {
		return nil, err
	}
	for kind, t := range tags {
		if err := rq.tagging(rq.arn(kind, "*"), t); err != nil {
			return nil, err
		}
	}
	if src.State != available {
		return nil, failure("InvalidAMIID.Unavailable", "The image ID '%s' is not available", src.ID)
	}
	if err := rq.nameFree(rq.str("Name")); err != nil {
		return nil, err
	}
	all := map[string]string{}
	if rq.is("CopyImageTags") {
		for k, v := range src.Tags {
			all[k] = v
		}
	}
	for k, v := range tags["image"] {
		all[k] = v
	}
	i := *src
	i.base = rq.c.base(rq.region, "ami", rq.now, all)
	i.Owner, i.Name, i.State, i.Ready, i.Source, i.SourceRegion, i.Instance = Account, rq.str("Name"), pending, rq.now.Add(2*rq.c.opts.Pace), src.ID, from, ""
	i.Launch, i.Deprecation, i.Protection = nil, "", ""
	i.Description = rq.str("Description")
	i.Devices = slices.Clone(src.Devices)
	for k := range i.Devices {
		d := &i.Devices[k]
		old := rq.c.data.Snapshots[d.Snapshot]
		if old == nil {
			continue
		}
		s := &snapshot{base: rq.c.base(rq.region, "snap", rq.now, tags["snapshot"]), State: pending, Ready: i.Ready, Volume: "vol-ffffffff", Size: old.Size, Encrypted: old.Encrypted, KMS: old.KMS, Layers: old.Layers, Owner: Account,
			Description: fmt.Sprintf("Copied for DestinationAmi %s from SourceAmi %s for SourceSnapshot %s", i.ID, src.ID, old.ID)}
		if rq.is("Encrypted") || old.Encrypted {
			s.Encrypted, s.KMS = true, or(rq.str("KmsKeyId"), fmt.Sprintf("arn:aws:kms:%s:%s:key/default-ebs", rq.region, Account))
		} else if rq.str("KmsKeyId") != "" {
			return nil, failure("InvalidParameterDependency", "The parameter KmsKeyId requires the parameter Encrypted to be set.")
		}
		rq.c.data.Snapshots[s.ID] = s
		d.Snapshot, d.Encrypted, d.KMS = s.ID, s.Encrypted, s.KMS
	}
	rq.c.data.Images[i.ID] = &i
	remember(i.ID)
	return []any{node("imageId", i.ID)}, nil
}

func registerImage(rq *request) ([]any, error) {
	tags, err := rq.specified("image", "snapshot")
	if err != nil {
		return nil, err
	}
	if err := rq.allow(rq.making("image", tags["image"])); err != nil {
		return nil, err
	}
	if err := rq.tagging(rq.arn("image", "*"), tags["image"]); err != nil {
		return nil, err
	}
	if err := rq.nameFree(rq.str("Name")); err != nil {
		return nil, err
	}
	i := &image{base: rq.c.base(rq.region, "ami", rq.now, tags["image"]), Owner: Account, Name: rq.str("Name"), Description: rq.str("Description"), Architecture: or(rq.str("Architecture"), "i386"),
		State: available, RootDevice: or(rq.str("RootDeviceName"), "/dev/sda1"), ENA: rq.is("EnaSupport"), SRIOV: rq.str("SriovNetSupport"), IMDS: rq.str("ImdsSupport"), BootMode: rq.str("BootMode"), TPM: rq.str("TpmSupport")}
	if i.Devices, err = rq.devices(rq.params, nil); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(i.Devices, func(d device) bool { return d.Name == i.RootDevice && d.Snapshot != "" }) {
		return nil, failure("InvalidBlockDeviceMapping", "The root device %s must have a snapshot", i.RootDevice)
	}
	for _, d := range i.Devices {
		if s := rq.c.data.Snapshots[d.Snapshot]; s != nil && s.State != completed {
			return nil, failure("InvalidSnapshot.NotFound", "Snapshot %s is not completed", s.ID)
		}
	}
	rq.c.data.Images[i.ID] = i
	return []any{node("imageId", i.ID)}, nil
}

func deregisterImage(rq *request) ([]any, error) {
	i, err := rq.own(rq.str("ImageId"))
	if err != nil {
		return nil, err
	}
	if err := rq.allow(rq.on("image", i.base)); err != nil {
		return nil, err
	}
	if strings.HasPrefix(i.Protection, "enabled") {
		return nil, failure("OperationNotPermitted", "Image %s is protected from deregistration", i.ID)
	}
	delete(rq.c.data.Images, i.ID)
	return ok, nil
}

func describeImageAttribute(rq *request) ([]any, error) {
	i, err := rq.image(rq.str("ImageId"))
	if err != nil {
		return nil, err
	}
	if err := rq.allow(rq.on("image", i.base)); err != nil {
		return nil, err
	}
	out := []any{node("imageId", i.ID)}
	switch a := rq.str("Attribute"); a {
	case "launchPermission":
		out = append(out, permissions("launchPermission", i.Launch))
	case "description":
		out = append(out, node("description", node("value", i.Description)))
	case "imdsSupport":
		out = append(out, node("imdsSupport", node("value", i.IMDS)))
	case "deregistrationProtection":
		out = append(out, node("deregistrationProtection", node("value", or(i.Protection, "disabled"))))
	default:
		return nil, failure("InvalidParameterValue", "Value (%s) for parameter attribute is invalid. Unknown attribute.", a)
	}
	return out, nil
}

func permissions(name string, ps []permission) el {
	var out []el
	for _, p := range ps {
		out = append(out, node("item", node(p.Kind, p.Value)))
	}
	return items(name, out)
}

// changed applies a modification of permissions, in the form of a structure or of lists.
func (rq *request) changed(have []permission, structure string) []permission {
	kinds := map[string]string{"UserId": "userId", "Group": "group", "OrganizationArn": "organizationArn", "OrganizationalUnitArn": "organizationalUnitArn"}
	var add, remove []permission
	for name, kind := range kinds {
		for _, p := range rq.each(structure + ".Add") {
			if v := p.str(name); v != "" {
				add = append(add, permission{kind, v})
			}
		}
		for _, p := range rq.each(structure + ".Remove") {
			if v := p.str(name); v != "" {
				remove = append(remove, permission{kind, v})
			}
		}
		list := name
		if name == "Group" {
			list = "UserGroup"
		}
		for _, v := range rq.list(list) {
			if rq.str("OperationType") == "remove" {
				remove = append(remove, permission{kind, v})
			} else {
				add = append(add, permission{kind, v})
			}
		}
	}
	out := slices.DeleteFunc(slices.Clone(have), func(p permission) bool { return slices.Contains(remove, p) })
	for _, p := range add {
		if !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

func modifyImageAttribute(rq *request) ([]any, error) {
	i, err := rq.own(rq.str("ImageId"))
	if err != nil {
		return nil, err
	}
	if err := rq.allow(rq.on("image", i.base)); err != nil {
		return nil, err
	}
	switch {
	case rq.has("Description.Value"):
		i.Description = rq.str("Description.Value")
	case rq.has("ImdsSupport.Value"):
		if rq.str("ImdsSupport.Value") != "v2.0" {
			return nil, failure("InvalidParameterValue", "Invalid value for imdsSupport: it can only be v2.0")
		}
		i.IMDS = "v2.0"
	case rq.has("Description"):
		i.Description = ""
	default:
		launch := rq.changed(i.Launch, "LaunchPermission")
		for _, d := range i.Devices {
			if s := rq.c.data.Snapshots[d.Snapshot]; s != nil && s.Encrypted && slices.Contains(launch, permission{"group", "all"}) {
				return nil, failure("InvalidParameter", "Encrypted snapshots cannot be shared publicly")
			}
		}
		i.Launch = launch
	}
	return ok, nil
}

func enableImageDeprecation(rq *request) ([]any, error) {
	i, err := rq.own(rq.str("ImageId"))
	if err != nil {
		return nil, err
	}
	if err := rq.allow(rq.on("image", i.base)); err != nil {
		return nil, err
	}
	at, err := time.Parse(time.RFC3339, rq.str("DeprecateAt"))
	if err != nil || at.Before(rq.now) {
		return nil, failure("InvalidParameterValue", "The deprecation date must be in the future, as YYYY-MM-DDTHH:MM:SSZ")
	}
	i.Deprecation = at.UTC().Truncate(time.Minute).Format("2006-01-02T15:04:05.000Z")
	return ok, nil
}

func disableImageDeprecation(rq *request) ([]any, error) {
	i, err := rq.own(rq.str("ImageId"))
	if err != nil {
		return nil, err
	}
	if err := rq.allow(rq.on("image", i.base)); err != nil {
		return nil, err
	}
	i.Deprecation = ""
	return ok, nil
}

func imageProtection(on bool) action {
	return func(rq *request) ([]any, error) {
		i, err := rq.own(rq.str("ImageId"))
		if err != nil {
			return nil, err
		}
		if err := rq.allow(rq.on("image", i.base)); err != nil {
			return nil, err
		}
		switch {
		case !on:
			i.Protection = "disabled"
		case rq.is("WithCooldown"):
			i.Protection = "enabled-with-cooldown"
		default:
			i.Protection = "enabled-without-cooldown"
		}
		return []any{node("return", i.Protection)}, nil
	}
}
