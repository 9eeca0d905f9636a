package planner

import (
	"fmt"
	"path"
	"strings"

	"imgc/compiler"
	"imgc/lang"
)

// topological orders units so that each comes after those it depends on; otherwise the order of the program stays.
func topological(units []*compiler.Unit) ([]*compiler.Unit, *lang.Diagnostic) {
	byAddr := map[string]*compiler.Unit{}
	for _, u := range units {
		byAddr[u.Addr] = u
	}
	state := map[string]int{}
	var out []*compiler.Unit
	var circle *lang.Diagnostic
	var visit func(u *compiler.Unit)
	visit = func(u *compiler.Unit) {
		switch state[u.Addr] {
		case 1:
			circle = &lang.Diagnostic{Code: "E0203", Message: fmt.Sprintf("unit %s waits for itself", u.Addr), Range: u.Range, Help: "remove the reference"}
			return
		case 2:
			return
		}
		state[u.Addr] = 1
		for _, a := range u.DependsOn {
			if d := byAddr[a]; d != nil {
				visit(d)
			}
		}
		state[u.Addr] = 2
		out = append(out, u)
	}
	for _, u := range units {
		visit(u)
	}
	return out, circle
}

// selectUnits finds the units that addresses name: build.source, or build for all of a build's; either may be a
// pattern such as "web.*".
func selectUnits(units []*compiler.Unit, addrs []string, flag string) (map[string]bool, lang.Diagnostics) {
	out := map[string]bool{}
	var ds lang.Diagnostics
	for _, a := range addrs {
		found := false
		for _, u := range units {
			if named(a, u) {
				found, out[u.Addr] = true, true
			}
		}
		if found {
			continue
		}
		var names []string
		known := map[string]bool{}
		for _, u := range units {
			names = append(names, u.Addr)
			known[u.Build] = true
			if matrix, _, many := strings.Cut(u.Build, "["); many {
				known[matrix] = true
			}
		}
		help := "the program builds nothing"
		if len(names) > 0 {
			help = "the units are " + strings.Join(names[:min(len(names), 10)], ", ")
			if len(names) > 10 {
				help += fmt.Sprintf(" and %d more", len(names)-10)
			}
		}
		candidates := names
		if !strings.Contains(a, ".") {
			candidates = sortedKeys(known)
		}
		if near := lang.Nearest(a, candidates); near != "" {
			help = fmt.Sprintf("did you mean %q?", near)
		}
		ds = append(ds, lang.Diagnostic{Code: "E0802", Message: fmt.Sprintf("%s %s: there is no such unit", flag, a), Help: help})
	}
	return out, ds
}

func named(a string, u *compiler.Unit) bool {
	matrix, _, _ := strings.Cut(u.Build, "[") // web stands for web["amd64"] and all the others
	if u.Addr == a || u.Build == a || matrix == a {
		return true
	}
	ok, err := path.Match(a, u.Addr)
	return err == nil && ok
}
