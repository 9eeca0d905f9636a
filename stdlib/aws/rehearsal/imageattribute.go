package rehearsal

import (
	"slices"
	"time"
)

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
	i, err := rq.ownImage()
	if err != nil {
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
	i, err := rq.ownImage()
	if err != nil {
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
	i, err := rq.ownImage()
	if err != nil {
		return nil, err
	}
	i.Deprecation = ""
	return ok, nil
}

func imageProtection(on bool) action {
	return func(rq *request) ([]any, error) {
		i, err := rq.ownImage()
		if err != nil {
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
