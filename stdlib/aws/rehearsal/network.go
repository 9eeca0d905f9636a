package rehearsal

import (
	"fmt"
	"hash/fnv"
	"net/netip"
	"slices"
	"strings"
)

// regions are those that are enabled by default in every account.
var regions = []string{"ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1", "eu-central-1", "eu-north-1",
	"eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2"}

type subnetInfo struct {
	id, zone, cidr string
}

func fixed(prefix string, parts ...string) string {
	h := fnv.New64a()
	fmt.Fprint(h, parts)
	return fmt.Sprintf("%s-0%016x", prefix, h.Sum64())
}

func vpcOf(region string) string { return fixed("vpc", region) }

// subnetsOf are the default subnets of a region's default network.
func subnetsOf(region string) []subnetInfo {
	var out []subnetInfo
	for i, z := range []string{"a", "b", "c"} {
		out = append(out, subnetInfo{fixed("subnet", region, z), region + z, fmt.Sprintf("172.31.%d.0/20", 16*i)})
	}
	return out
}

func describeRegions(rq *request) ([]any, error) {
	if err := rq.allow(); err != nil {
		return nil, err
	}
	names := rq.list("RegionName")
	for _, n := range names {
		if !slices.Contains(regions, n) {
			return nil, failure("InvalidParameterValue", "Invalid region provided: [%s]", n)
		}
	}
	var out []el
	for _, r := range regions {
		if len(names) == 0 || slices.Contains(names, r) {
			out = append(out, node("item", node("regionName", r), node("regionEndpoint", "ec2."+r+".amazonaws.com"), node("optInStatus", "opt-in-not-required")))
		}
	}
	return []any{items("regionInfo", out)}, nil
}

func describeVpcs(rq *request) ([]any, error) {
	if err := rq.allow(); err != nil {
		return nil, err
	}
	id := vpcOf(rq.region)
	ok, err := passes(rq.filters(), nil, func(name string) ([]string, bool) {
		switch name {
		case "is-default", "isDefault":
			return []string{"true"}, true
		case "vpc-id":
			return []string{id}, true
		case "state":
			return []string{available}, true
		}
		return nil, false
	})
	if err != nil || !ok || len(rq.list("VpcId")) > 0 && !slices.Contains(rq.list("VpcId"), id) {
		return []any{items("vpcSet", nil)}, err
	}
	return []any{items("vpcSet", []el{node("item", node("vpcId", id), node("state", available), node("cidrBlock", "172.31.0.0/16"), node("isDefault", true), node("ownerId", Account))})}, nil
}

func describeSubnets(rq *request) ([]any, error) {
	if err := rq.allow(); err != nil {
		return nil, err
	}
	ids := rq.list("SubnetId")
	for _, id := range ids {
		if !slices.ContainsFunc(subnetsOf(rq.region), func(s subnetInfo) bool { return s.id == id }) {
			return nil, failure("InvalidSubnetID.NotFound", "The subnet ID '%s' does not exist", id)
		}
	}
	var out []el
	for _, s := range subnetsOf(rq.region) {
		ok, err := passes(rq.filters(), nil, func(name string) ([]string, bool) {
			switch name {
			case "subnet-id":
				return []string{s.id}, true
			case "vpc-id":
				return []string{vpcOf(rq.region)}, true
			case "availability-zone", "availabilityZone":
				return []string{s.zone}, true
			case "state":
				return []string{available}, true
			case "default-for-az", "defaultForAz":
				return []string{"true"}, true
			}
			return nil, false
		})
		if err != nil {
			return nil, err
		}
		if ok && (len(ids) == 0 || slices.Contains(ids, s.id)) {
			out = append(out, node("item", node("subnetId", s.id), node("state", available), node("vpcId", vpcOf(rq.region)), node("cidrBlock", s.cidr), node("availableIpAddressCount", 4091), node("availabilityZone", s.zone),
				node("defaultForAz", true), node("mapPublicIpOnLaunch", true), node("ownerId", Account)))
		}
	}
	return []any{items("subnetSet", out)}, nil
}

type group struct {
	base
	Name        string `json:"name"`
	Description string `json:"description"`
	VPC         string `json:"vpc"`
	Rules       []rule `json:"rules,omitempty"`
}

// rule lets traffic in.
type rule struct {
	Protocol string   `json:"protocol"`
	From     int      `json:"from"`
	To       int      `json:"to"`
	CIDRs    []string `json:"cidrs"`
}

// lets says whether the rules of the groups let a caller reach a port.
func (c *Cloud) lets(groups []string, caller netip.Addr, port int) bool {
	for _, id := range groups {
		g := c.data.Groups[id]
		if g == nil {
			continue
		}
		for _, r := range g.Rules {
			if r.Protocol != "-1" && (r.Protocol != "tcp" || port < r.From || port > r.To) {
				continue
			}
			for _, text := range r.CIDRs {
				if p, err := netip.ParsePrefix(text); err == nil && p.Contains(caller.Unmap()) {
					return true
				}
			}
		}
	}
	return false
}

func (rq *request) group(id string) (*group, error) {
	g := rq.c.data.Groups[id]
	if g == nil || !rq.visible(g.base) {
		return nil, failure("InvalidGroup.NotFound", "The security group '%s' does not exist", id)
	}
	return g, nil
}

func createSecurityGroup(rq *request) ([]any, error) {
	tags, err := rq.specified("security-group")
	if err != nil {
		return nil, err
	}
	vpc := or(rq.str("VpcId"), vpcOf(rq.region))
	if err := rq.creating(tags, rq.making("security-group", tags["security-group"]), target{arn: rq.arn("vpc", vpc)}); err != nil {
		return nil, err
	}
	name, about := rq.str("GroupName"), rq.str("GroupDescription")
	switch {
	case vpc != vpcOf(rq.region):
		return nil, failure("InvalidVpcID.NotFound", "The vpc ID '%s' does not exist", vpc)
	case name == "" || len(name) > 255 || strings.HasPrefix(name, "sg-"):
		return nil, failure("InvalidParameterValue", "Invalid security group name '%s'", name)
	case about == "" || len(about) > 255:
		return nil, failure("MissingParameter", "The request must contain the parameter GroupDescription")
	}
	for _, g := range rq.c.data.Groups {
		if g.Region == rq.region && g.Name == name {
			return nil, failure("InvalidGroup.Duplicate", "The security group '%s' already exists for VPC '%s'", name, vpc)
		}
	}
	g := &group{base: rq.c.base(rq.region, "sg", rq.now, tags["security-group"]), Name: name, Description: about, VPC: vpc}
	rq.c.data.Groups[g.ID] = g
	return []any{node("return", true), node("groupId", g.ID), tagSet(g.Tags)}, nil
}

func authorizeSecurityGroupIngress(rq *request) ([]any, error) {
	g, err := rq.group(rq.str("GroupId"))
	if err != nil {
		return nil, err
	}
	if err := rq.allow(rq.on("security-group", g.base)); err != nil {
		return nil, err
	}
	for _, p := range rq.each("IpPermissions") {
		r := rule{Protocol: p.str("IpProtocol")}
		if r.From, err = p.number("FromPort"); err != nil {
			return nil, err
		}
		if r.To, err = p.number("ToPort"); err != nil {
			return nil, err
		}
		for _, list := range []struct{ name, field string }{{"IpRanges", "CidrIp"}, {"Ipv6Ranges", "CidrIpv6"}} {
			for _, c := range p.each(list.name) {
				if _, err := netip.ParsePrefix(c.str(list.field)); err != nil {
					return nil, failure("InvalidParameterValue", "CIDR block %s is malformed", c.str(list.field))
				}
				r.CIDRs = append(r.CIDRs, c.str(list.field))
			}
		}
		if slices.ContainsFunc(g.Rules, func(o rule) bool {
			return o.Protocol == r.Protocol && o.From == r.From && o.To == r.To && slices.ContainsFunc(r.CIDRs, func(c string) bool { return slices.Contains(o.CIDRs, c) })
		}) {
			return nil, failure("InvalidPermission.Duplicate", "the specified rule already exists")
		}
		g.Rules = append(g.Rules, r)
	}
	return ok, nil
}

func deleteSecurityGroup(rq *request) ([]any, error) {
	id := rq.str("GroupId")
	if name := rq.str("GroupName"); id == "" {
		for _, g := range rq.c.data.Groups {
			if g.Region == rq.region && g.Name == name {
				id = g.ID
			}
		}
	}
	g, err := rq.group(id)
	if err != nil {
		return nil, err
	}
	if err := rq.allow(rq.on("security-group", g.base)); err != nil {
		return nil, err
	}
	for _, i := range rq.c.data.Instances {
		if i.State != terminated && slices.Contains(i.Groups, g.ID) {
			return nil, failure("DependencyViolation", "resource %s has a dependent object", g.ID)
		}
	}
	delete(rq.c.data.Groups, g.ID)
	return ok, nil
}

func (g *group) field(name string) ([]string, bool) {
	switch name {
	case "group-name":
		return []string{g.Name}, true
	case "group-id":
		return []string{g.ID}, true
	case "vpc-id":
		return []string{g.VPC}, true
	}
	return nil, false
}

func describeSecurityGroups(rq *request) ([]any, error) {
	found, next, err := list(rq, listing[*group]{all: rq.c.data.Groups, ids: "GroupId", find: rq.group, field: (*group).field})
	if err != nil {
		return nil, err
	}
	var out []el
	for _, g := range found {
		var rules []el
		for _, r := range g.Rules {
			var ranges []el
			for _, c := range r.CIDRs {
				ranges = append(ranges, node("item", node("cidrIp", c)))
			}
			rules = append(rules, node("item", node("ipProtocol", r.Protocol), node("fromPort", r.From), node("toPort", r.To), items("ipRanges", ranges)))
		}
		out = append(out, node("item", node("ownerId", Account), node("groupId", g.ID), node("groupName", g.Name), node("groupDescription", g.Description), node("vpcId", g.VPC), items("ipPermissions", rules), tagSet(g.Tags)))
	}
	return []any{items("securityGroupInfo", out), next}, nil
}
