package main

import (
	"github.com/zclconf/go-cty/cty"

	"imgc/compiler"
)

// formatOption writes an option's value as the program would; a secret as (secret), and one that is not known
// before apply by what it will be made of.
func formatOption(o *compiler.Option) string {
	text := compiler.FormatValue(o.Value, o.Field.Type)
	if o.Pending != nil && !o.Value.IsWhollyKnown() {
		text += "  # " + o.Pending.Text
	}
	return text
}

// defaultText writes the default of an option, or nothing when it has none.
func defaultText(f *compiler.Field) string {
	if f.Default == cty.NilVal {
		return ""
	}
	return compiler.FormatValue(f.Default, f.Type)
}
