package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/zclconf/go-cty/cty"

	"imgc/compiler"
	"imgc/planner"
	"imgc/stdlib/aws"
)

func (a *app) policyCommand() *cobra.Command {
	var p planFlags
	var all bool
	cmd := &cobra.Command{
		Use:   "policy [PATH]",
		Short: "Print the least IAM policy that imgc apply needs for what the plan says",
		Long: `Print the IAM policy that allows what imgc apply is about to do in AWS, and nothing else: each call in the regions that the
program names, and on what imgc has made only. It is made from what each component declares to call.

With --all it is what any apply of the program may need: builds and changes in place of every build, whatever has been built.`,
		Example: `  imgc policy > policy.json
  imgc apply --rehearse --rehearse-policy policy.json   # try whether it is enough`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p.place(args)
			ctx, _, stop := a.interruptible(cmd.Context(), func() {})
			defer stop()
			p.refresh = p.refresh && !all
			s, err := a.open(ctx, &p)
			if err != nil {
				return err
			}
			defer s.close()
			actions := map[string]planner.Action{}
			if !all {
				plan, err := s.plan(ctx)
				if err != nil {
					return err
				}
				for _, c := range plan.Changes {
					actions[c.Addr] = c.Action
				}
			}
			asked := permissions(s.prog, actions, all)
			if len(asked) == 0 {
				return errors.New("the program asks nothing of AWS")
			}
			text, err := aws.Policy(asked)
			if err != nil {
				return err
			}
			_, err = a.out.Write(text)
			return err
		},
	}
	p.add(a, cmd)
	cmd.Flags().BoolVar(&all, "all", false, "what any apply of the program may need, and not only the next one")
	return cmd
}

// permissions are what the calls of a program need, given what is to be done with each unit.
func permissions(prog *compiler.Program, actions map[string]planner.Action, all bool) []aws.Permission {
	var out []aws.Permission
	for _, d := range prog.Data {
		out = append(out, needed(d, "", func(when string) bool { return when == "looking" })...)
	}
	for _, u := range prog.Units {
		phases := func(when string) bool {
			switch when {
			case "looking":
				return true
			case "building":
				return all || actions[u.Addr] == planner.Build || actions[u.Addr] == planner.Rebuild
			}
			return all || actions[u.Addr] == planner.Update
		}
		for _, c := range u.Calls() {
			out = append(out, needed(c, u.Addr, phases)...)
		}
	}
	return out
}

func needed(c *compiler.Call, unit string, phase func(string) bool) []aws.Permission {
	given := map[string]cty.Value{}
	for _, o := range c.Options {
		v, _ := o.Value.UnmarkDeep()
		given[o.Field.Name] = v
	}
	regions := slices.Compact(slices.Sorted(slices.Values(append(texts(given["region"]), texts(given["regions"])...))))
	if len(regions) == 0 {
		regions = []string{"*"}
	}
	var out []aws.Permission
	for _, k := range c.Schema.Calls {
		if !phase(k.When) || k.With != "" && !says(given, k.With, k.Is) || k.Without != "" && says(given, k.Without, "") {
			continue
		}
		for _, a := range k.Actions {
			p := aws.Permission{Service: k.Service, Action: a, Regions: regions, Keys: append(texts(given["kms_key"]), texts(given["region_keys"])...)}
			if unit != "" {
				p.Units = []string{unit}
			}
			out = append(out, p)
		}
	}
	return out
}

// texts are the strings that a value holds, as far as they are known.
func texts(v cty.Value) []string {
	switch {
	case v == cty.NilVal || !v.IsKnown() || v.IsNull():
		return nil
	case v.Type() == cty.String:
		return []string{v.AsString()}
	case v.CanIterateElements():
		var out []string
		for _, x := range v.AsValueSlice() {
			out = append(out, texts(x)...)
		}
		return out
	}
	return nil
}

// says reports whether an option is given, and neither false nor empty; and whether it has a value, where that is not empty.
func says(given map[string]cty.Value, path, value string) bool {
	name, rest, deep := strings.Cut(path, ".")
	v := given[name]
	switch {
	case v == cty.NilVal || v.IsKnown() && v.IsNull():
		return false
	case !v.IsKnown():
		return true
	case deep:
		return v.Type().IsObjectType() && says(v.AsValueMap(), rest, value)
	case v.Type() == cty.Bool:
		return v.True()
	case v.Type() == cty.String:
		return value == "" || v.AsString() == value
	case v.CanIterateElements():
		return v.LengthInt() > 0
	}
	return true
}
