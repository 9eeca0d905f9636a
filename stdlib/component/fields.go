package component

import (
	"fmt"
	"reflect"
	"sort"
	"strings"
	"time"
)

// StructField is one option as an options struct declares it.
type StructField struct {
	Name string
	// Type is the option's type in the words of the schema language, except that what Go does not tell
	// apart is written alike: a path and an enum are "string", lists and maps have no "?" of their own,
	// an object's fields are sorted: "{ host: string?, port: int }".
	Type string
}

// StructFields lists the options that Decode would fill in the struct (or pointer to it), sorted by name, so that a test can
// compare them with the schema. A field type that no option can have is an error.
func StructFields(options any) ([]StructField, error) {
	t := reflect.TypeOf(options)
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("the options are not a struct")
	}
	var out []StructField
	for _, f := range taggedFields(t) {
		typ, err := typeWords(t.FieldByIndex(f.index).Type)
		if err != nil {
			return nil, fmt.Errorf("option %s: %w", f.name, err)
		}
		out = append(out, StructField{Name: f.name, Type: typ})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out, nil
}

type taggedField struct {
	name  string
	index []int
}

func taggedFields(t reflect.Type) []taggedField {
	var out []taggedField
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous && f.Type.Kind() == reflect.Struct {
			for _, inner := range taggedFields(f.Type) {
				out = append(out, taggedField{inner.name, append([]int{i}, inner.index...)})
			}
			continue
		}
		if name := f.Tag.Get("imgc"); name != "" && f.IsExported() {
			out = append(out, taggedField{name, []int{i}})
		}
	}
	return out
}

func typeWords(t reflect.Type) (string, error) {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return "duration", nil
	case reflect.TypeFor[Size]():
		return "size", nil
	}
	switch t.Kind() {
	case reflect.String:
		return "string", nil
	case reflect.Bool:
		return "bool", nil
	case reflect.Int, reflect.Int64:
		return "int", nil
	case reflect.Float64:
		return "float", nil
	case reflect.Pointer:
		elem, err := typeWords(t.Elem())
		return elem + "?", err
	case reflect.Slice:
		elem, err := typeWords(t.Elem())
		return "list(" + elem + ")", err
	case reflect.Map:
		if t.Key().Kind() != reflect.String {
			break
		}
		elem, err := typeWords(t.Elem())
		return "map(" + elem + ")", err
	case reflect.Struct:
		var parts []string
		for _, f := range taggedFields(t) {
			typ, err := typeWords(t.FieldByIndex(f.index).Type)
			if err != nil {
				return "", err
			}
			parts = append(parts, f.name+": "+typ)
		}
		sort.Strings(parts)
		return "{ " + strings.Join(parts, ", ") + " }", nil
	}
	return "", fmt.Errorf("no option can be a %s", t)
}
