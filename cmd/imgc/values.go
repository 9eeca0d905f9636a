package main

import "imgc/compiler"

// formatOption writes an option's value as the program would; a secret as (secret), and one that is not known
// before apply by what it will be made of.
func formatOption(o *compiler.Option) string {
	text := compiler.FormatValue(o.Value, o.Field.Type)
	if o.Pending != nil && !o.Value.IsWhollyKnown() {
		text += "  # " + o.Pending.Text
	}
	return text
}
