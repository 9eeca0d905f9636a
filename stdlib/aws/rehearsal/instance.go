package rehearsal

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"
)

type instance struct {
	base
	Image      string    `json:"image"`
	Type       string    `json:"type"`
	State      string    `json:"state"`
	Until      time.Time `json:"until"` // when a passing state ends
	Key        string    `json:"key,omitempty"`
	Authorized string    `json:"authorized,omitempty"` // its public key
	Groups     []string  `json:"groups"`
	Zone       string    `json:"zone"`
	IP         string    `json:"ip"`
	UserData   string    `json:"user_data,omitempty"`
	Token      string    `json:"token,omitempty"`
	RootDevice string    `json:"root_device"`
	Tokens     string    `json:"http_tokens"`
	HopLimit   int       `json:"hop_limit"`
	MetaTags   string    `json:"metadata_tags"`
	Profile    string    `json:"profile,omitempty"`
	Spot       bool      `json:"spot,omitempty"`
	ENA        bool      `json:"ena"`
	SRIOV      string    `json:"sriov,omitempty"`
	IMDS       string    `json:"imds,omitempty"`
	Console    string    `json:"console,omitempty"`
	Shutdown   string    `json:"shutdown"`
}

var codes = map[string]int{pending: 0, running: 16, "shutting-down": 32, terminated: 48, "stopping": 64, stopped: 80}

func (rq *request) instance(id string) (*instance, error) {
	i := rq.c.data.Instances[id]
	if i == nil || !rq.visible(i.base) {
		return nil, failure("InvalidInstanceID.NotFound", "The instance ID '%s' does not exist", id)
	}
	return i, nil
}

// theInstance is the instance that a call is about, which has to be allowed to it.
func (rq *request) theInstance() (*instance, error) {
	i, err := rq.instance(rq.str("InstanceId"))
	if err == nil {
		err = rq.allow(rq.on("instance", i.base))
	}
	return i, err
}

// advance lets time have passed; the lock is held.
func (c *Cloud) advance(now time.Time) {
	for _, i := range c.data.Instances {
		if now.Before(i.Until) {
			continue
		}
		switch i.State {
		case pending:
			i.State = running
		case "stopping":
			i.State = stopped
		case "shutting-down":
			i.State = terminated
			for _, v := range c.attached(i.ID) {
				if v.Delete {
					_ = c.removeVolume(v) // what stays of a disk goes with Dir
				} else {
					v.Instance, v.Device, v.State = "", "", available
				}
			}
		case terminated: // it is shown for an hour
			if now.After(i.Until.Add(time.Hour)) {
				delete(c.data.Instances, i.ID)
			}
		}
	}
	for _, i := range c.data.Images {
		if i.State == pending && !now.Before(i.Ready) {
			i.State = available
		}
	}
	for _, s := range c.data.Snapshots {
		if s.State == pending && !now.Before(s.Ready) {
			s.State = completed
		}
	}
}

func runInstances(rq *request) ([]any, error) {
	made, remember := rq.once(rq.str("ClientToken"))
	if i := rq.c.data.Instances[made]; i != nil {
		return rq.reservation([]*instance{i}), nil
	}
	img, err := rq.image(rq.str("ImageId"))
	if err != nil {
		return nil, err
	}
	tags, err := rq.specified("instance", "volume", "network-interface", "spot-instances-request")
	if err != nil {
		return nil, err
	}
	if rq.str("MinCount") != "1" || rq.str("MaxCount") != "1" {
		return nil, failure("InvalidParameterValue", "The rehearsal starts one instance at a time.")
	}
	if !instanceType(rq.str("InstanceType")) {
		return nil, failure("InvalidParameterValue", "Invalid value '%s' for InstanceType.", rq.str("InstanceType"))
	}
	subnet, groups := rq.str("SubnetId"), rq.list("SecurityGroupId")
	for _, n := range rq.each("NetworkInterface") {
		subnet, groups = or(n.str("SubnetId"), subnet), append(groups, n.list("SecurityGroupId")...)
	}
	if len(rq.each("NetworkInterface")) > 0 && (rq.has("SubnetId") || rq.has("SecurityGroupId")) {
		return nil, failure("InvalidParameterCombination", "Network interfaces and an instance-level subnet ID or security groups may not be specified on the same request")
	}
	place := subnetsOf(rq.region)[0]
	if subnet != "" {
		k := slices.IndexFunc(subnetsOf(rq.region), func(s subnetInfo) bool { return s.id == subnet })
		if k < 0 {
			return nil, failure("InvalidSubnetID.NotFound", "The subnet ID '%s' does not exist", subnet)
		}
		place = subnetsOf(rq.region)[k]
	} else if z := rq.str("Placement.AvailabilityZone"); z != "" {
		if k := slices.IndexFunc(subnetsOf(rq.region), func(s subnetInfo) bool { return s.zone == z }); k >= 0 {
			place = subnetsOf(rq.region)[k]
		}
	}
	targets := []target{{arn: rq.arn("image", img.ID), tags: img.Tags}, rq.making("instance", tags["instance"]), rq.making("network-interface", tags["network-interface"]),
		rq.making("volume", tags["volume"]), {arn: rq.arn("subnet", place.id)}}
	for _, id := range groups {
		g, err := rq.group(id)
		if err != nil {
			return nil, err
		}
		targets = append(targets, rq.on("security-group", g.base))
	}
	authorized := ""
	if name := rq.str("KeyName"); name != "" {
		k, err := rq.key(name)
		if err != nil {
			return nil, err
		}
		authorized = k.Public
		targets = append(targets, target{arn: rq.arn("key-pair", name), tags: k.Tags})
	}
	if err := rq.creating(tags, targets...); err != nil {
		return nil, err
	}
	if img.State != available {
		return nil, failure("InvalidAMIID.Unavailable", "The image ID '%s' is not available", img.ID)
	}
	userData, err := base64.StdEncoding.DecodeString(rq.str("UserData"))
	if err != nil || len(userData) > 16<<10 {
		return nil, failure("InvalidParameterValue", "User data must be base64 and is limited to 16384 bytes")
	}
	hops, err := rq.number("MetadataOptions.HttpPutResponseHopLimit")
	if err != nil {
		return nil, err
	}
	devices, err := rq.devices(rq.params, img.Devices)
	if err != nil {
		return nil, err
	}
	if len(groups) == 0 {
		groups = []string{"sg-default"}
	}
	rq.c.nextIP++
	i := &instance{base: rq.c.base(rq.region, "i", rq.now, tags["instance"]), Image: img.ID, Type: rq.str("InstanceType"), State: pending, Until: rq.now.Add(rq.c.opts.Pace), Key: rq.str("KeyName"), Authorized: authorized,
		Groups: groups, Zone: place.zone, IP: fmt.Sprintf("127.%d.%d.%d", 64+rq.c.nextIP>>16&63, rq.c.nextIP>>8&255, rq.c.nextIP&255), UserData: string(userData), Token: rq.str("ClientToken"), RootDevice: img.RootDevice,
		Tokens: or(rq.str("MetadataOptions.HttpTokens"), map[bool]string{true: "required", false: "optional"}[img.IMDS == "v2.0"]), HopLimit: max(1, hops), MetaTags: or(rq.str("MetadataOptions.InstanceMetadataTags"), "disabled"),
		Profile: or(rq.str("IamInstanceProfile.Name"), rq.str("IamInstanceProfile.Arn")), Spot: rq.str("InstanceMarketOptions.MarketType") == "spot", ENA: img.ENA, SRIOV: img.SRIOV, IMDS: img.IMDS, Shutdown: or(rq.str("InstanceInitiatedShutdownBehavior"), "stop")}
	for _, d := range devices {
		v := &volume{base: rq.c.base(rq.region, "vol", rq.now, tags["volume"]), State: "in-use", Zone: i.Zone, Size: d.Size, Type: d.Type, Iops: d.Iops, Throughput: d.Throughput, Encrypted: d.Encrypted, KMS: d.KMS,
			Snapshot: d.Snapshot, Instance: i.ID, Device: d.Name, Delete: d.Delete}
		if s := rq.c.data.Snapshots[d.Snapshot]; s != nil {
			v.Layers = s.Layers
		}
		rq.c.data.Volumes[v.ID] = v
	}
	rq.c.data.Instances[i.ID] = i
	remember(i.ID)
	rq.c.boot(i)
	return rq.reservation([]*instance{i}), nil
}

// instanceType is a family, a generation and a size, such as t3a.nano.
func instanceType(t string) bool {
	family, size, ok := strings.Cut(t, ".")
	return ok && len(family) >= 2 && size != "" && strings.Trim(t, "abcdefghijklmnopqrstuvwxyz0123456789-.") == ""
}

func (rq *request) reservation(list []*instance) []any {
	var out []el
	for _, i := range list {
		out = append(out, i.xml(rq))
	}
	return []any{node("reservationId", "r-0"+hexID(8)), node("ownerId", Account), items("instancesSet", out)}
}

func (i *instance) xml(rq *request) el {
	var devices, groups []el
	for _, v := range rq.c.attached(i.ID) {
		devices = append(devices, node("item", node("deviceName", v.Device), node("ebs", node("volumeId", v.ID), node("status", "attached"), node("attachTime", i.Created), node("deleteOnTermination", v.Delete))))
	}
	for _, g := range i.Groups {
		name := "default"
		if x := rq.c.data.Groups[g]; x != nil {
			name = x.Name
		}
		groups = append(groups, node("item", node("groupId", g), node("groupName", name)))
	}
	k := slices.IndexFunc(subnetsOf(i.Region), func(s subnetInfo) bool { return s.zone == i.Zone })
	out := []any{node("instanceId", i.ID), node("imageId", i.Image), node("instanceState", node("code", codes[i.State]), node("name", i.State)), node("keyName", i.Key), node("amiLaunchIndex", 0),
		node("instanceType", i.Type), node("launchTime", i.Created), node("placement", node("availabilityZone", i.Zone), node("tenancy", "default")), node("subnetId", subnetsOf(i.Region)[k].id), node("vpcId", vpcOf(i.Region)),
		items("groupSet", groups), node("architecture", "x86_64"), node("rootDeviceType", "ebs"), node("rootDeviceName", i.RootDevice), items("blockDeviceMapping", devices), node("virtualizationType", "hvm"),
		node("clientToken", i.Token), node("hypervisor", "xen"), node("enaSupport", i.ENA), node("sriovNetSupport", i.SRIOV),
		node("metadataOptions", node("state", "applied"), node("httpTokens", i.Tokens), node("httpPutResponseHopLimit", i.HopLimit), node("httpEndpoint", "enabled"), node("instanceMetadataTags", i.MetaTags)), tagSet(i.Tags)}
	if i.Profile != "" {
		out = append(out, node("iamInstanceProfile", node("arn", i.Profile)))
	}
	if i.Spot {
		out = append(out, node("instanceLifecycle", "spot"))
	}
	if i.State == running || i.State == pending {
		out = append(out, node("privateIpAddress", i.IP), node("privateDnsName", i.IP))
		if i.State == running {
			out = append(out, node("ipAddress", i.IP), node("dnsName", i.IP))
		}
	}
	return node("item", out...)
}

func (i *instance) field(name string) ([]string, bool) {
	switch name {
	case "instance-id":
		return []string{i.ID}, true
	case "instance-state-name":
		return []string{i.State}, true
	case "client-token":
		return []string{i.Token}, true
	case "image-id":
		return []string{i.Image}, true
	case "instance-type":
		return []string{i.Type}, true
	case "key-name":
		return []string{i.Key}, true
	case "instance.group-id":
		return i.Groups, true
	}
	return nil, false
}

// instances are those that a call asks for: all, or those that run.
func (rq *request) instances(all bool) ([]*instance, el, error) {
	return list(rq, listing[*instance]{all: rq.c.data.Instances, ids: "InstanceId", find: rq.instance, field: (*instance).field, skip: func(i *instance) bool { return !all && i.State != running }})
}

func describeInstances(rq *request) ([]any, error) {
	found, next, err := rq.instances(true)
	if err != nil {
		return nil, err
	}
	var out []el
	for _, i := range found {
		out = append(out, node("item", rq.reservation([]*instance{i})...))
	}
	return []any{items("reservationSet", out), next}, nil
}

func describeInstanceStatus(rq *request) ([]any, error) {
	found, next, err := rq.instances(rq.is("IncludeAllInstances"))
	if err != nil {
		return nil, err
	}
	var out []el
	for _, i := range found {
		status := "ok"
		if i.State != running {
			status = "not-applicable"
		}
		out = append(out, node("item", node("instanceId", i.ID), node("availabilityZone", i.Zone), node("instanceState", node("code", codes[i.State]), node("name", i.State)),
			node("instanceStatus", node("status", status)), node("systemStatus", node("status", status))))
	}
	return []any{items("instanceStatusSet", out), next}, nil
}

// transition changes the states of instances.
func transition(from []string, to string, do func(c *Cloud, i *instance) error) action {
	return func(rq *request) ([]any, error) {
		var list []*instance
		for _, id := range rq.list("InstanceId") {
			i, err := rq.instance(id)
			if err != nil {
				return nil, err
			}
			list = append(list, i)
		}
		if len(list) == 0 {
			return nil, failure("MissingParameter", "The request must contain the parameter InstanceId")
		}
		var targets []target
		for _, i := range list {
			targets = append(targets, rq.on("instance", i.base))
		}
		if err := rq.allow(targets...); err != nil {
			return nil, err
		}
		var out []el
		for _, i := range list {
			before := i.State
			switch {
			case slices.Contains(from, i.State):
				i.State, i.Until = to, rq.now.Add(rq.c.opts.Pace)
				if err := do(rq.c, i); err != nil {
					return nil, err
				}
			case to == "shutting-down", to == "stopping" && i.State == stopped, to == pending && i.State == running:
			default:
				return nil, failure("IncorrectInstanceState", "The instance '%s' is not in a state from which it can be changed: %s", i.ID, i.State)
			}
			out = append(out, node("item", node("instanceId", i.ID), node("currentState", node("code", codes[i.State]), node("name", i.State)), node("previousState", node("code", codes[before]), node("name", before))))
		}
		return []any{items("instancesSet", out)}, nil
	}
}

func modifyInstanceAttribute(rq *request) ([]any, error) {
	i, err := rq.theInstance()
	if err != nil {
		return nil, err
	}
	switch {
	case rq.has("EnaSupport.Value"):
		i.ENA = rq.is("EnaSupport.Value")
	case rq.has("SriovNetSupport.Value"):
		i.SRIOV = rq.str("SriovNetSupport.Value")
	case rq.has("UserData"):
		if i.State != stopped {
			return nil, failure("IncorrectInstanceState", "The instance '%s' is not in the 'stopped' state.", i.ID)
		}
		text, err := base64.StdEncoding.DecodeString(rq.str("UserData.Value"))
		if err != nil {
			return nil, failure("InvalidParameterValue", "User data must be base64")
		}
		i.UserData = string(text)
	default:
		return nil, failure("InvalidParameterCombination", "No attributes specified.")
	}
	return ok, nil
}

func getConsoleOutput(rq *request) ([]any, error) {
	i, err := rq.theInstance()
	if err != nil {
		return nil, err
	}
	return []any{node("instanceId", i.ID), node("timestamp", rq.now), node("output", base64.StdEncoding.EncodeToString([]byte(i.Console)))}, nil
}

func getPasswordData(rq *request) ([]any, error) {
	i, err := rq.theInstance()
	if err != nil {
		return nil, err
	}
	return []any{node("instanceId", i.ID), node("timestamp", rq.now), node("passwordData", "")}, nil
}
