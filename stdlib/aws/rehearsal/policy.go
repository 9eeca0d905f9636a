package rehearsal

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Policy is an IAM policy, as far as it is understood here: Allow and Deny, actions and resources with wildcards, and the conditions
// StringEquals, StringLike and their IfExists and ForAllValues forms, and Null. Anything else in it is an error.
type Policy struct {
	statements []statement
}

type statement struct {
	deny       bool
	actions    []string
	resources  []string
	conditions []condition
}

type condition struct {
	operator, key string
	values        []string
}

// oneOrMany is a JSON string or a list of them.
type oneOrMany []string

func (o *oneOrMany) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*o = oneOrMany{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(o))
}

// ParsePolicy reads the JSON of a policy.
func ParsePolicy(text []byte) (*Policy, error) {
	var doc struct {
		Version   string
		ID        string `json:"Id"`
		Statement []struct {
			Sid       string
			Effect    string
			Action    oneOrMany
			Resource  oneOrMany
			Condition map[string]map[string]oneOrMany
		}
	}
	dec := json.NewDecoder(strings.NewReader(string(text)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&doc); err != nil {
		return nil, fmt.Errorf("reading the policy: %w", err)
	}
	p := &Policy{}
	for _, s := range doc.Statement {
		if s.Effect != "Allow" && s.Effect != "Deny" || len(s.Action) == 0 || len(s.Resource) == 0 {
			return nil, fmt.Errorf("reading the policy: statement %q needs an Effect, an Action and a Resource", s.Sid)
		}
		st := statement{deny: s.Effect == "Deny", actions: s.Action, resources: s.Resource}
		for op, keys := range s.Condition {
			known := strings.TrimSuffix(strings.TrimPrefix(op, "ForAllValues:"), "IfExists")
			if !slices.Contains([]string{"StringEquals", "StringLike", "Null", "StringNotEquals"}, known) {
				return nil, fmt.Errorf("reading the policy: the condition %s is not known to the rehearsal", op)
			}
			for k, v := range keys {
				st.conditions = append(st.conditions, condition{op, k, v})
			}
		}
		p.statements = append(p.statements, st)
	}
	return p, nil
}

// target is a resource that a call acts on.
type target struct {
	arn     string
	tags    map[string]string // of the resource as it is
	request map[string]string // tags that the call gives
	context map[string]string // other condition keys
}

// allows says whether a call is allowed on a resource: something allows it, and nothing denies it.
func (p *Policy) allows(action, region string, t target) bool {
	ok := false
	for _, s := range p.statements {
		if !matchesAny(s.actions, action, true) || !matchesAny(s.resources, t.arn, false) || !s.holds(region, t) {
			continue
		}
		if s.deny {
			return false
		}
		ok = true
	}
	return ok
}

func matchesAny(patterns []string, text string, fold bool) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		if fold {
			return wildcard(strings.ToLower(p)).MatchString(strings.ToLower(text))
		}
		return wildcard(p).MatchString(text)
	})
}

func (s statement) holds(region string, t target) bool {
	for _, c := range s.conditions {
		var have []string
		switch {
		case strings.HasPrefix(c.key, "aws:ResourceTag/"):
			have = valueOf(t.tags, strings.TrimPrefix(c.key, "aws:ResourceTag/"))
		case strings.HasPrefix(c.key, "ec2:ResourceTag/"):
			have = valueOf(t.tags, strings.TrimPrefix(c.key, "ec2:ResourceTag/"))
		case strings.HasPrefix(c.key, "aws:RequestTag/"):
			have = valueOf(t.request, strings.TrimPrefix(c.key, "aws:RequestTag/"))
		case c.key == "aws:TagKeys":
			have = sortedKeys(t.request)
		case c.key == "aws:RequestedRegion" || c.key == "ec2:Region":
			have = []string{region}
		default:
			have = valueOf(t.context, c.key)
		}
		op, all := strings.CutPrefix(c.operator, "ForAllValues:")
		op, ifExists := strings.CutSuffix(op, "IfExists")
		if len(have) == 0 && (ifExists || all) {
			continue
		}
		match := func(v string) bool {
			if op == "StringLike" {
				return matchesAny(c.values, v, false)
			}
			return slices.Contains(c.values, v)
		}
		var ok bool
		switch {
		case op == "Null":
			ok = slices.Contains(c.values, fmt.Sprint(len(have) == 0))
		case op == "StringNotEquals":
			ok = !slices.ContainsFunc(have, match)
		case all:
			ok = !slices.ContainsFunc(have, func(v string) bool { return !match(v) })
		default:
			ok = slices.ContainsFunc(have, match)
		}
		if !ok {
			return false
		}
	}
	return true
}

func valueOf(m map[string]string, k string) []string {
	if v, ok := m[k]; ok {
		return []string{v}
	}
	return nil
}

// allow refuses a call that the policy does not allow on all of its resources. A call without resources asks for all of them, and so
// does EC2. It also answers dry runs.
func (rq *request) allow(targets ...target) error {
	if err := rq.permitted("ec2:"+rq.action, targets...); err != nil {
		return err
	}
	if rq.is("DryRun") {
		return &apiError{412, "DryRunOperation", "Request would have succeeded, but DryRun flag is set."}
	}
	return nil
}

func (rq *request) permitted(action string, targets ...target) error {
	p := rq.c.opts.Policy
	if p == nil {
		return nil
	}
	if len(targets) == 0 {
		targets = []target{{arn: "*"}}
	}
	for _, t := range targets {
		if !p.allows(action, rq.region, t) {
			return &apiError{403, "UnauthorizedOperation", fmt.Sprintf("You are not authorized to perform this operation. User: arn:aws:iam::%s:user/rehearsal is not authorized to perform: %s on resource: %s because no identity-based policy allows the %s action", Account, action, t.arn, action)}
		}
	}
	return nil
}

// tagging asks for the permission to tag what a call makes.
func (rq *request) tagging(arn string, tags map[string]string) error {
	if len(tags) == 0 {
		return nil
	}
	return rq.permitted("ec2:CreateTags", target{arn: arn, request: tags, context: map[string]string{"ec2:CreateAction": rq.action}})
}

// creating asks for the permission to act on targets, and to tag what is made: tags are by its kind.
func (rq *request) creating(tags map[string]map[string]string, targets ...target) error {
	if err := rq.allow(targets...); err != nil {
		return err
	}
	for kind, t := range tags {
		if err := rq.tagging(rq.arn(kind, "*"), t); err != nil {
			return err
		}
	}
	return nil
}

// arn names a resource. Images and snapshots belong to no account in theirs.
func (rq *request) arn(kind, id string) string {
	account := Account
	if kind == "image" || kind == "snapshot" {
		account = ""
	}
	return fmt.Sprintf("arn:aws:ec2:%s:%s:%s/%s", rq.region, account, kind, id)
}

// on is a resource that exists.
func (rq *request) on(kind string, b base) target {
	return target{arn: rq.arn(kind, b.ID), tags: b.Tags}
}

// making is one that a call makes.
func (rq *request) making(kind string, tags map[string]string) target {
	return target{arn: rq.arn(kind, "*"), request: tags}
}
