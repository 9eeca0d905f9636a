package component

import (
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"sort"
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"
)

// Decode fills the options struct that into points to from an object of options. A field of the struct is
// tied to an option by its tag `imgc:"name"`; the fields of an embedded struct count as the struct's own.
//
// A duration is a number of nanoseconds, a size a number of bytes, a path a string. An optional that is
// null or absent leaves a pointer, slice or map nil; any other field has to be given, save bool, which is
// false. Secret marks are dropped: what happens to secrets after this is up to the component. An error
// names the option but never shows its value.
func Decode(v cty.Value, into any) error {
	dst := reflect.ValueOf(into)
	if dst.Kind() != reflect.Pointer || dst.IsNil() || dst.Elem().Kind() != reflect.Struct {
		return errors.New("decoding options: the target is not a pointer to a struct")
	}
	v, _ = v.UnmarkDeep()
	return decodeStruct(v, dst.Elem(), "")
}

func decodeStruct(v cty.Value, dst reflect.Value, at string) error {
	attrs, err := attributes(v, at)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, f := range taggedFields(dst.Type()) {
		known[f.name] = true
		where := f.name
		if at != "" {
			where = at + "." + f.name
		}
		attr, ok := attrs[f.name]
		if !ok {
			attr = cty.NullVal(cty.DynamicPseudoType)
		}
		if err := decodeValue(attr, dst.FieldByIndex(f.index), where); err != nil {
			return err
		}
	}
	var extra []string
	for name, attr := range attrs {
		if !known[name] && !attr.IsNull() {
			extra = append(extra, name)
		}
	}
	if len(extra) > 0 {
		sort.Strings(extra)
		return fmt.Errorf("%s: there is no such option here: %s", orOptions(at), strings.Join(extra, ", "))
	}
	return nil
}

func attributes(v cty.Value, at string) (map[string]cty.Value, error) {
	t := v.Type()
	switch {
	case v.IsNull():
		return nil, nil
	case !v.IsKnown():
		return nil, fmt.Errorf("%s: the value is not known yet", orOptions(at))
	case !t.IsObjectType() && !t.IsMapType():
		return nil, fmt.Errorf("%s: an object is needed, not %s", orOptions(at), t.FriendlyName())
	}
	return v.AsValueMap(), nil
}

func orOptions(at string) string {
	if at == "" {
		return "options"
	}
	return "option " + at
}

func decodeValue(v cty.Value, dst reflect.Value, at string) error {
	if !v.IsKnown() {
		return fmt.Errorf("option %s: the value is not known yet", at)
	}
	kind := dst.Kind()
	if v.IsNull() {
		switch kind {
		case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Bool:
			dst.SetZero()
			return nil
		}
		return fmt.Errorf("option %s is required", at)
	}
	t := v.Type()
	wrong := func(want string) error {
		return fmt.Errorf("option %s: %s is needed, not %s", at, want, t.FriendlyName())
	}
	switch kind {
	case reflect.Pointer:
		elem := reflect.New(dst.Type().Elem())
		if err := decodeValue(v, elem.Elem(), at); err != nil {
			return err
		}
		dst.Set(elem)
	case reflect.String:
		if t != cty.String {
			return wrong("a string")
		}
		dst.SetString(v.AsString())
	case reflect.Bool:
		if t != cty.Bool {
			return wrong("a bool")
		}
		dst.SetBool(v.True())
	case reflect.Int, reflect.Int64:
		if t != cty.Number {
			return wrong("a number")
		}
		n, acc := v.AsBigFloat().Int64()
		if acc != big.Exact || dst.OverflowInt(n) {
			return fmt.Errorf("option %s: a whole number of at most 64 bits is needed", at)
		}
		dst.SetInt(n)
	case reflect.Float64:
		if t != cty.Number {
			return wrong("a number")
		}
		f, _ := v.AsBigFloat().Float64()
		dst.SetFloat(f)
	case reflect.Slice:
		if !t.IsListType() && !t.IsTupleType() && !t.IsSetType() {
			return wrong("a list")
		}
		items := v.AsValueSlice()
		out := reflect.MakeSlice(dst.Type(), len(items), len(items))
		for i, item := range items {
			if err := decodeValue(item, out.Index(i), at+"["+strconv.Itoa(i)+"]"); err != nil {
				return err
			}
		}
		dst.Set(out)
	case reflect.Map:
		if !t.IsMapType() && !t.IsObjectType() {
			return wrong("a map")
		}
		out := reflect.MakeMap(dst.Type())
		for key, item := range v.AsValueMap() {
			elem := reflect.New(dst.Type().Elem()).Elem()
			if err := decodeValue(item, elem, at+"["+strconv.Quote(key)+"]"); err != nil {
				return err
			}
			out.SetMapIndex(reflect.ValueOf(key), elem)
		}
		dst.Set(out)
	case reflect.Struct:
		return decodeStruct(v, dst, at)
	default:
		return fmt.Errorf("option %s: imgc cannot hold its type; this is a mistake in the component", at)
	}
	return nil
}
