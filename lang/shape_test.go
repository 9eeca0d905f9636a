package lang_test

import (
	"fmt"
	"reflect"
	"strings"

	"imgc/lang"
)

// shape writes what a file means: everything in the tree but places, comments and layout.
func shape(f *lang.File) string {
	var b strings.Builder
	for _, d := range f.Decls {
		fmt.Fprintf(&b, "%q ", d.Doc)
		writeShape(&b, reflect.ValueOf(d.Node))
		b.WriteByte('\n')
	}
	return b.String()
}

// writeShape knows no node by name, so that a new one is compared too. Expressions and types are printed.
func writeShape(b *strings.Builder, v reflect.Value) {
	if v.CanInterface() {
		switch n := v.Interface().(type) {
		case lang.Expr:
			if !isNilValue(v) {
				b.WriteString(lang.PrintExpr(n))
			}
			return
		case lang.Span:
			return
		}
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			writeShape(b, v.Elem())
		}
	case reflect.Struct:
		b.WriteString(v.Type().Name() + "{")
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				b.WriteString(v.Type().Field(i).Name + ":")
				writeShape(b, v.Field(i))
				b.WriteByte(' ')
			}
		}
		b.WriteByte('}')
	case reflect.Slice:
		b.WriteByte('[')
		for i := range v.Len() {
			writeShape(b, v.Index(i))
			b.WriteByte(' ')
		}
		b.WriteByte(']')
	default:
		fmt.Fprintf(b, "%v", v)
	}
}

func isNilValue(v reflect.Value) bool {
	return (v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer) && v.IsNil()
}
