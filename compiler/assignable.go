package compiler

// assignable reports whether a value of type from may stand where to is wanted. Nothing is converted but
// int to float; a literal string where a path or an enum is wanted is the checker's business, since it
// depends on the expression and not on its type.
func assignable(from, to *Type) bool {
	if from == nil || to == nil || from.Kind == Any || to.Kind == Any {
		return true // unknown types have been reported, or are checked at run time
	}
	if from.Optional && !to.Optional {
		return false
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
