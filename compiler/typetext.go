package compiler

import (
	"sort"
	"strconv"
	"strings"
)

var kindWords = map[Kind]string{
	Any: "any", String: "string", Int: "int", Float: "float", Bool: "bool",
	Duration: "duration", Size: "size", Path: "path", Nothing: "nothing",
}

// String is the type as a program writes it; a declared type is its name.
func (t *Type) String() string {
	if t == nil {
		return "unknown type"
	}
	return wrapType(t, t.bare())
}

func wrapType(t *Type, text string) string {
	if t.Kind == Nothing && t.Optional {
		return "null"
	}
	if t.Optional {
		if t.Kind == Enum && t.Name == "" {
			text = "(" + text + ")"
		}
		text += "?"
	}
	if t.Public {
		text = "public " + text
	}
	return text
}

func (t *Type) bare() string {
	if t.Name != "" {
		return t.Name
	}
	switch t.Kind {
	case List:
		return "list(" + t.Elem.String() + ")"
	case Map:
		return "map(" + t.Elem.String() + ")"
	case Enum:
		quoted := make([]string, len(t.Values))
		for i, v := range t.Values {
			quoted[i] = strconv.Quote(v)
		}
		return strings.Join(quoted, " | ")
	case Object:
		if len(t.Fields) == 0 {
			return "{}"
		}
		parts := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			parts[i] = f.Name + ": " + f.Type.String()
		}
		return "{ " + strings.Join(parts, ", ") + " }"
	}
	return kindWords[t.Kind]
}

// goWords is the type without what a Go options struct does not tell apart: a path and an enum are
// strings, lists and maps have no "?" of their own, and an object's fields are sorted.
func (t *Type) goWords() string {
	if t == nil {
		return ""
	}
	var text string
	switch t.Kind {
	case List:
		return "list(" + t.Elem.goWords() + ")"
	case Map:
		return "map(" + t.Elem.goWords() + ")"
	case Path, Enum:
		text = "string"
	case Object:
		parts := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			parts[i] = f.Name + ": " + f.Type.goWords()
		}
		sort.Strings(parts)
		text = "{ " + strings.Join(parts, ", ") + " }"
	default:
		text = kindWords[t.Kind]
	}
	if t.Optional {
		text += "?"
	}
	return text
}

// CheckStruct says where a component's schema and its options struct disagree, one sentence for each
// place, sorted. The fields are those of the struct: option name to type, in the words of
// component.StructFields.
func CheckStruct(schema *Schema, fields map[string]string) []string {
	var out []string
	declared := map[string]bool{}
	for _, f := range schema.Fields {
		declared[f.Name] = true
		switch got, ok := fields[f.Name]; {
		case !ok:
			out = append(out, "option "+f.Name+" is in the schema but not in the struct")
		case got != f.Type.goWords():
			out = append(out, "option "+f.Name+" is "+f.Type.goWords()+" in the schema but "+got+" in the struct")
		}
	}
	for name := range fields {
		if !declared[name] {
			out = append(out, "option "+name+" is in the struct but not in the schema")
		}
	}
	sort.Strings(out)
	return out
}
