package rehearsal

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// action answers a call: with the elements of its answer, or with an error of EC2's.
type action func(rq *request) ([]any, error)

// ok is the answer of calls that only say that it is done.
var ok = []any{node("return", true)}

// actions is what the cloud can do.
var actions = map[string]action{
	"DescribeRegions": describeRegions,
	"DescribeVpcs":    describeVpcs,
	"DescribeSubnets": describeSubnets,

	"CreateKeyPair":    addKey(false),
	"ImportKeyPair":    addKey(true),
	"DeleteKeyPair":    deleteKeyPair,
	"DescribeKeyPairs": describeKeyPairs,

	"CreateSecurityGroup":           createSecurityGroup,
	"AuthorizeSecurityGroupIngress": authorizeSecurityGroupIngress,
	"DeleteSecurityGroup":           deleteSecurityGroup,
	"DescribeSecurityGroups":        describeSecurityGroups,

	"RunInstances":            runInstances,
	"DescribeInstances":       describeInstances,
	"DescribeInstanceStatus":  describeInstanceStatus,
	"StartInstances":          transition([]string{stopped}, pending, func(c *Cloud, i *instance) error { c.boot(i); return nil }),
	"StopInstances":           transition([]string{running, pending}, "stopping", (*Cloud).halt),
	"TerminateInstances":      transition([]string{running, pending, stopped, "stopping"}, "shutting-down", (*Cloud).halt),
	"RebootInstances":         transition([]string{running}, pending, (*Cloud).reboot),
	"ModifyInstanceAttribute": modifyInstanceAttribute,
	"GetConsoleOutput":        getConsoleOutput,
	"GetPasswordData":         getPasswordData,

	"DescribeImages":                       describeImages,
	"CreateImage":                          createImage,
	"CopyImage":                            copyImage,
	"RegisterImage":                        registerImage,
	"DeregisterImage":                      deregisterImage,
	"DescribeImageAttribute":               describeImageAttribute,
	"ModifyImageAttribute":                 modifyImageAttribute,
	"EnableImageDeprecation":               enableImageDeprecation,
	"DisableImageDeprecation":              disableImageDeprecation,
	"EnableImageDeregistrationProtection":  imageProtection(true),
	"DisableImageDeregistrationProtection": imageProtection(false),

	"CreateSnapshot":            createSnapshot,
	"DeleteSnapshot":            deleteSnapshot,
	"DescribeSnapshots":         describeSnapshots,
	"DescribeSnapshotAttribute": describeSnapshotAttribute,
	"ModifySnapshotAttribute":   modifySnapshotAttribute,

	"CreateVolume":    createVolume,
	"AttachVolume":    attachVolume,
	"DetachVolume":    detachVolume,
	"DeleteVolume":    deleteVolume,
	"DescribeVolumes": describeVolumes,

	"CreateTags":   changeTags(true),
	"DeleteTags":   changeTags(false),
	"DescribeTags": describeTags,
}

// kinds are the types of resources by the prefixes of their ids.
var kinds = map[string]string{"ami": "image", "snap": "snapshot", "i": "instance", "vol": "volume", "sg": "security-group", "key": "key-pair"}

// tagged finds any resource that has tags.
func (rq *request) tagged(id string) (string, base, error) {
	prefix, _, _ := strings.Cut(id, "-")
	var b base
	var err error
	switch kinds[prefix] {
	case "image":
		var i *image
		if i, err = rq.own(id); err == nil {
			b = i.base
		}
	case "snapshot":
		var s *snapshot
		if s, err = rq.snapshot(id); err == nil {
			b = s.base
		}
	case "instance":
		var i *instance
		if i, err = rq.instance(id); err == nil {
			b = i.base
		}
	case "volume":
		var v *volume
		if v, err = rq.volume(id); err == nil {
			b = v.base
		}
	case "security-group":
		var g *group
		if g, err = rq.group(id); err == nil {
			b = g.base
		}
	case "key-pair":
		if k := rq.c.data.Keys[id]; k != nil && rq.visible(k.base) {
			b = k.base
		} else {
			err = failure("InvalidKeyPair.NotFound", "The key pair '%s' does not exist", id)
		}
	default:
		err = failure("InvalidID", "The ID '%s' is not valid", id)
	}
	return kinds[prefix], b, err
}

func changeTags(add bool) action {
	return func(rq *request) ([]any, error) {
		tags, err := rq.tags("Tag")
		if err != nil {
			return nil, err
		}
		var found []base
		var targets []target
		for _, id := range rq.list("ResourceId") {
			kind, b, err := rq.tagged(id)
			if err != nil {
				return nil, err
			}
			t := rq.on(kind, b)
			t.request = tags
			found, targets = append(found, b), append(targets, t)
		}
		if len(found) == 0 || len(tags) == 0 && add {
			return nil, failure("MissingParameter", "The request must contain the parameters resourceIdSet and tagSet")
		}
		if err := rq.allow(targets...); err != nil {
			return nil, err
		}
		for _, b := range found {
			if add {
				maps.Copy(b.Tags, tags)
				continue
			}
			if len(tags) == 0 {
				clear(b.Tags)
			}
			for _, t := range rq.each("Tag") {
				if v, ok := b.Tags[t.str("Key")]; ok && (!t.has("Value") || t.str("Value") == v) {
					delete(b.Tags, t.str("Key"))
				}
			}
		}
		return ok, nil
	}
}

func describeTags(rq *request) ([]any, error) {
	if err := rq.allow(); err != nil {
		return nil, err
	}
	var out []el
	see := func(kind string, b base) error {
		if !rq.visible(b) {
			return nil
		}
		for _, k := range sortedKeys(b.Tags) {
			ok, err := passes(rq.filters(), nil, func(name string) ([]string, bool) {
				switch name {
				case "key":
					return []string{k}, true
				case "value":
					return []string{b.Tags[k]}, true
				case "resource-id":
					return []string{b.ID}, true
				case "resource-type":
					return []string{kind}, true
				}
				return nil, false
			})
			if err != nil {
				return err
			}
			if ok {
				out = append(out, node("item", node("resourceId", b.ID), node("resourceType", kind), node("key", k), el{"value", []any{b.Tags[k]}}))
			}
		}
		return nil
	}
	for _, id := range slices.Concat(sortedKeys(rq.c.data.Images), sortedKeys(rq.c.data.Snapshots), sortedKeys(rq.c.data.Instances), sortedKeys(rq.c.data.Volumes), sortedKeys(rq.c.data.Groups), sortedKeys(rq.c.data.Keys)) {
		kind, b, err := rq.tagged(id)
		if err != nil {
			continue // not here, or somebody else's
		}
		if err := see(kind, b); err != nil {
			return nil, err
		}
	}
	out, next, err := page(rq.params, out)
	if err != nil {
		return nil, err
	}
	return []any{items("tagSet", out), next}, nil
}

func parseForm(r *http.Request, body []byte) (url.Values, error) {
	form, err := url.ParseQuery(string(body))
	for k, v := range r.URL.Query() {
		form[k] = v
	}
	return form, err
}
