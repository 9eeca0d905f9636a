package aws

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Permission is a call that has to be allowed, where it is made.
type Permission struct {
	Service, Action string
	Regions         []string
	Units           []string // that make it: what they have made carries their names
	Keys            []string // KMS keys
}

// scope is what EC2 lets a permission be narrowed to, by its service authorization reference: the kinds of resources, and which tags have to be there.
type scope struct {
	kinds     []string // "instance/*"; none where the action knows no resources
	requested []string // kinds that the call makes, and tags as it makes them
	tagged    []string // kinds that carry the unit's tag already
}

// scopes are the actions that can be narrowed. The others, which only look, take no resource.
var scopes = map[string]scope{
	"RunInstances":                         {kinds: []string{"image/*", "subnet/*", "security-group/*", "key-pair/*", "snapshot/*"}, requested: []string{"instance/*", "volume/*", "network-interface/*"}},
	"StopInstances":                        {tagged: []string{"instance/*"}},
	"TerminateInstances":                   {tagged: []string{"instance/*"}},
	"ModifyInstanceAttribute":              {tagged: []string{"instance/*"}},
	"GetConsoleOutput":                     {tagged: []string{"instance/*"}},
	"CreateKeyPair":                        {requested: []string{"key-pair/imgc-*"}},
	"DeleteKeyPair":                        {kinds: []string{"key-pair/imgc-*"}}, // one that is gone has no tags, and its removal is repeated
	"CreateSecurityGroup":                  {kinds: []string{"vpc/*"}, requested: []string{"security-group/*"}},
	"AuthorizeSecurityGroupIngress":        {tagged: []string{"security-group/*"}},
	"DeleteSecurityGroup":                  {tagged: []string{"security-group/*"}},
	"CreateImage":                          {tagged: []string{"instance/*"}, requested: []string{"image/*", "snapshot/*"}},
	"CopyImage":                            {kinds: []string{"image/*", "snapshot/*"}},
	"RegisterImage":                        {requested: []string{"image/*"}},
	"DeregisterImage":                      {tagged: []string{"image/*"}},
	"ModifyImageAttribute":                 {tagged: []string{"image/*"}},
	"DescribeImageAttribute":               {tagged: []string{"image/*"}},
	"EnableImageDeprecation":               {tagged: []string{"image/*"}},
	"DisableImageDeprecation":              {tagged: []string{"image/*"}},
	"EnableImageDeregistrationProtection":  {tagged: []string{"image/*"}},
	"DisableImageDeregistrationProtection": {tagged: []string{"image/*"}},
	"DeleteSnapshot":                       {tagged: []string{"snapshot/*"}},
	"ModifySnapshotAttribute":              {tagged: []string{"snapshot/*"}},
	"DeleteTags":                           {tagged: []string{"image/*", "snapshot/*"}},
}

// creating are the calls that tag what they make.
var creating = []string{"RunInstances", "CreateKeyPair", "CreateSecurityGroup", "CreateImage", "CopyImage", "RegisterImage", "CreateVolume", "CreateSnapshot"}

// Statement is a statement of an IAM policy.
type Statement struct {
	Sid       string                         `json:"Sid"`
	Effect    string                         `json:"Effect"`
	Action    []string                       `json:"Action"`
	Resource  []string                       `json:"Resource"`
	Condition map[string]map[string][]string `json:"Condition,omitempty"`
}

// Policy is the least IAM policy that allows what is asked for, as JSON. A call on what imgc has made is allowed only on what carries the unit's tag.
func Policy(asked []Permission) ([]byte, error) {
	b := &policy{statements: map[string]*Statement{}}
	for _, p := range asked {
		if slices.Contains(creating, p.Action) && !slices.Contains(b.creating, p.Action) {
			b.creating = append(b.creating, p.Action)
		}
	}
	for _, p := range asked {
		b.permission(p)
	}
	var list []*Statement
	for _, k := range slices.Sorted(maps.Keys(b.statements)) {
		s := b.statements[k]
		slices.Sort(s.Action)
		s.Action = slices.Compact(s.Action)
		list = append(list, s)
	}
	names := map[string]int{}
	for _, s := range list {
		names[s.Sid]++
		if n := names[s.Sid]; n > 1 {
			s.Sid += fmt.Sprint(n)
		}
	}
	doc := struct {
		Version   string       `json:"Version"`
		Statement []*Statement `json:"Statement"`
	}{"2012-10-17", list}
	out, err := json.MarshalIndent(doc, "", "  ")
	return append(out, '\n'), err
}

type policy struct {
	statements map[string]*Statement // by what they have in common
	creating   []string              // of what is asked for, what tags as it creates
}

// add puts an action into the statement of its resources and conditions.
func (b *policy) add(sid, action string, resources []string, condition map[string]map[string][]string) {
	text, _ := json.Marshal([]any{sid, resources, condition}) // strings always can be
	s := b.statements[string(text)]
	if s == nil {
		s = &Statement{Sid: sid, Effect: "Allow", Resource: resources, Condition: condition}
		b.statements[string(text)] = s
	}
	s.Action = append(s.Action, action)
}

func (b *policy) permission(p Permission) {
	action := p.Service + ":" + p.Action
	in := map[string][]string{"aws:RequestedRegion": p.Regions}
	switch {
	case p.Service == "iam":
		b.add("PassRole", action, []string{"*"}, map[string]map[string][]string{"StringEquals": {"iam:PassedToService": {"ec2.amazonaws.com"}}})
		return
	case p.Service == "kms":
		keys := p.Keys
		if len(keys) == 0 || slices.ContainsFunc(keys, func(k string) bool { return !strings.HasPrefix(k, "arn:") }) {
			keys = []string{"*"}
		}
		b.add("Keys", action, keys, map[string]map[string][]string{"StringEquals": in})
		return
	case p.Service != "ec2":
		b.add("Read", action, []string{"*"}, map[string]map[string][]string{"StringEquals": in})
		return
	}
	if p.Action == "CreateTags" {
		if len(b.creating) > 0 {
			b.add("TagWhatIsMade", action, arns(p.Regions, "*/*"), map[string]map[string][]string{"StringEquals": {"ec2:CreateAction": b.creating, "aws:RequestTag/" + TagUnit: p.Units}})
		}
		b.add("TagImages", action, arns(p.Regions, "image/*", "snapshot/*"), map[string]map[string][]string{"StringEquals": {"aws:ResourceTag/" + TagUnit: p.Units}})
		return
	}
	s, known := scopes[p.Action]
	if !known {
		b.add("Look", action, []string{"*"}, map[string]map[string][]string{"StringEquals": in})
		return
	}
	if len(s.kinds) > 0 {
		b.add("Use", action, arns(p.Regions, s.kinds...), nil)
	}
	if len(s.requested) > 0 {
		b.add("Make", action, arns(p.Regions, s.requested...), map[string]map[string][]string{"StringEquals": {"aws:RequestTag/" + TagUnit: p.Units}})
	}
	if len(s.tagged) > 0 {
		b.add("ChangeWhatImgcMade", action, arns(p.Regions, s.tagged...), map[string]map[string][]string{"StringEquals": {"aws:ResourceTag/" + TagUnit: p.Units}})
	}
}

// arns are the resources of kinds in regions. Images and snapshots have no account in theirs.
func arns(regions []string, kinds ...string) []string {
	var out []string
	for _, r := range regions {
		partition := "aws"
		switch {
		case strings.HasPrefix(r, "cn-"):
			partition = "aws-cn"
		case strings.HasPrefix(r, "us-gov-"):
			partition = "aws-us-gov"
		}
		for _, k := range kinds {
			account := "*"
			if strings.HasPrefix(k, "image/") || strings.HasPrefix(k, "snapshot/") {
				account = ""
			}
			out = append(out, fmt.Sprintf("arn:%s:ec2:%s:%s:%s", partition, r, account, k))
		}
	}
	return out
}
