package compiler

// Kind is the shape of a Type.
type Kind int

// The kinds of type.
const (
	Any Kind = iota // what a function like jsondecode gives: only the value, null too, can tell
	String
	Int
	Float
	Bool
	Duration // nanoseconds at run time
	Size     // bytes at run time
	Path     // a string at run time
	Enum     // a string at run time
	List
	Map
	Object
	// Nothing has no value; Nothing? is the type of null, list(Nothing) that of [].
	Nothing
)

// Type is a static type. Values at run time are plain: cty.String for string, path and enum; cty.Number for
// int, float, duration (nanoseconds) and size (bytes); cty lists/tuples, maps and objects. The static type
// alone knows the unit, so it goes along wherever a value is shown.
type Type struct {
	Kind     Kind
	Name     string   // of a declared type, for messages: "ssh"
	Elem     *Type    // List, Map
	Fields   []*Field // Object, in order
	Values   []string // Enum
	Optional bool     // T?
	Public   bool     // public T: elements refuse secrets
}
