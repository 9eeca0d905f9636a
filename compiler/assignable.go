package compiler

import "slices"

// assignable reports whether a value of type from may stand where to is wanted. Nothing is converted but
// int to float; a literal string where a path or an enum is wanted is the checker's business, since it
// depends on the expression and not on its type. What is of type any is checked by its value.
func assignable(from, to *Type) bool {
	if from == nil || to == nil || to.Kind == Any {
		return true // unknown types have been reported
	}
	if from.Kind == Any {
		return true
	}
	if from.Optional && !to.Optional {
		return false
	}
	if from.Kind == Nothing {
		return true
	}
	if from.Kind != to.Kind {
		switch {
		case from.Kind == Int && to.Kind == Float:
			return true
		case to.Kind == String && (from.Kind == Enum || from.Kind == Path):
			return true // it is a string at run time; the way back is what needs care
		case from.Kind == Object && to.Kind == Map:
			for _, f := range from.Fields {
				if !assignable(f.Type, to.Elem) {
					return false
				}
			}
			return true
		}
		return false
	}
	switch to.Kind {
	case List, Map:
		return assignable(from.Elem, to.Elem)
	case Enum:
		return subset(from.Values, to.Values)
	case Object:
		return assignableObject(from, to)
	}
	return true
}

func assignableObject(from, to *Type) bool {
	have := map[string]*Type{}
	for _, f := range from.Fields {
		have[f.Name] = f.Type
	}
	for _, f := range to.Fields {
		got, ok := have[f.Name]
		if ok && !assignable(got, f.Type) || !ok && f.Required {
			return false
		}
		delete(have, f.Name)
	}
	return len(have) == 0
}

func subset(some, all []string) bool {
	in := map[string]bool{}
	for _, v := range all {
		in[v] = true
	}
	for _, v := range some {
		if !in[v] {
			return false
		}
	}
	return true
}

// join is the type of what may be of either type: the elements of a list, the branches of an if. It is nil where there is none.
// Every value of a and of b is a value of it.
func join(a, b *Type) *Type {
	switch {
	case a == nil || b == nil:
		return nil
	case a.Kind == Any || b.Kind == Any:
		return tAny
	case a.Kind == Nothing:
		return optional(b, a.Optional || b.Optional)
	case b.Kind == Nothing:
		return optional(a, a.Optional || b.Optional)
	}
	opt := a.Optional || b.Optional
	both := func(x, y Kind) bool { return a.Kind == x && b.Kind == y || a.Kind == y && b.Kind == x }
	switch {
	case both(Int, Float):
		return &Type{Kind: Float, Optional: opt}
	case both(Object, Map):
		if b.Kind == Object {
			a, b = b, a
		}
		elem := b.Elem
		for _, f := range a.Fields {
			elem = join(elem, f.Type)
		}
		if elem == nil {
			return nil
		}
		return &Type{Kind: Map, Elem: elem, Optional: opt}
	case textual(a) && textual(b) && a.Kind != b.Kind:
		return &Type{Kind: String, Optional: opt}
	case a.Kind != b.Kind:
		return nil
	}
	switch a.Kind {
	case List, Map:
		elem := join(a.Elem, b.Elem)
		if elem == nil {
			return nil
		}
		return &Type{Kind: a.Kind, Elem: elem, Optional: opt}
	case Enum:
		if subset(b.Values, a.Values) {
			return optional(a, opt)
		}
		e := &Type{Kind: Enum, Values: slices.Clone(a.Values), Optional: opt}
		for _, v := range b.Values {
			if !slices.Contains(e.Values, v) {
				e.Values = append(e.Values, v)
			}
		}
		return e
	case Object:
		return joinObjects(a, b, opt)
	}
	return optional(a, opt)
}

// joinObjects joins field by field. A field that only one of them has must be one that may be left out.
func joinObjects(a, b *Type, opt bool) *Type {
	out := &Type{Kind: Object, Optional: opt}
	if a.Name == b.Name {
		out.Name = a.Name
	}
	for _, f := range a.Fields {
		g := fieldNamed(b.Fields, f.Name)
		switch {
		case g == nil && f.Required:
			return nil
		case g == nil:
			out.Fields = append(out.Fields, f)
			continue
		}
		t := join(f.Type, g.Type)
		if t == nil {
			return nil
		}
		both := *f
		both.Type, both.Required = t, f.Required && g.Required
		out.Fields = append(out.Fields, &both)
	}
	for _, g := range b.Fields {
		if fieldNamed(a.Fields, g.Name) == nil {
			if g.Required {
				return nil
			}
			out.Fields = append(out.Fields, g)
		}
	}
	return out
}

func optional(t *Type, yes bool) *Type {
	if t.Optional == yes {
		return t
	}
	o := *t
	o.Optional = yes
	return &o
}

// meet is the type of a value of type from once it has been converted to type to: to, but where that says any, what from knows.
func meet(from, to *Type) *Type {
	if !hasAny(to) || from == nil {
		return to
	}
	out := *to
	switch {
	case to.Kind == Any:
		return from
	case to.Kind == List && from.Kind == List, to.Kind == Map && from.Kind == Map:
		out.Elem = meet(from.Elem, to.Elem)
	case to.Kind == Map && from.Kind == Object:
		elem := &Type{Kind: Nothing}
		for _, f := range from.Fields {
			if elem = join(elem, f.Type); elem == nil {
				return to
			}
		}
		out.Elem = meet(elem, to.Elem)
	case to.Kind == Object && from.Kind == Object:
		out.Fields = nil
		for _, f := range to.Fields {
			if g := fieldNamed(from.Fields, f.Name); g != nil {
				both := *f
				both.Type = meet(g.Type, f.Type)
				f = &both
			}
			out.Fields = append(out.Fields, f)
		}
	}
	return &out
}
