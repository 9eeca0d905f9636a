package compiler

import (
	"time"

	"github.com/zclconf/go-cty/cty"

	"imgc/lang"
)

// Program is what the files of a folder mean for one set of parameters: everything expanded, checked and
// evaluated as far as it can be before apply. It is immutable.
type Program struct {
	Dir     string // absolute
	Files   []*lang.File
	Params  []*Param
	Units   []*Unit // in the order they are written
	Data    []*Call // what is looked up when the program is compiled
	Outputs []*Output
	Asserts []*Assert // those that need values of the apply phase; the others have been checked
	// Secrets are the secret values that are known, for redaction.
	Secrets []string
}

// Unit is one build for one source: what is planned, built and recorded as a whole.
type Unit struct {
	Addr    string // "web.ec2"
	Build   string // "web"
	Source  string // "ec2"
	Doc     string
	Builder *Call
	Steps   []*Call
	Posts   []*Chain
	OnError *Call // nil when there is none
	// DependsOn are the addresses of units whose artifacts this one uses, sorted.
	DependsOn []string
	Range     lang.Range // of the from statement
}

// Calls are the builder, the steps and the links of all chains, in order; OnError is not among them.
func (u *Unit) Calls() []*Call {
	calls := append([]*Call{u.Builder}, u.Steps...)
	for _, ch := range u.Posts {
		calls = append(calls, ch.Links...)
	}
	return calls
}

// Chain is one post statement as this unit sees it: links that hand their artifact on.
type Chain struct {
	Links []*Call
	Range lang.Range
}

// Call is one use of a component with its options, after refinement, override, only and except.
type Call struct {
	Schema  *Schema
	Label   string    // provision shell "install nginx"; empty when there is none
	Options []*Option // every option of the schema that is given or has a default, in the schema's order
	Range   lang.Range

	Retry   int           // how many times a failed step is tried again
	Timeout time.Duration // 0: none; for each try
	Pause   time.Duration // before each try
	Keep    bool          // the program says: keep the input artifact (post), the artifact (from)

	resolve func(*Runtime) (cty.Value, lang.Diagnostics)
}

// Option is one option of a call.
type Option struct {
	Field *Field
	Given bool // by the program, not by the schema's default
	// Value has type Field.Type. It is (or contains what is) unknown until apply when Pending is set, and
	// carries the Secret mark wherever it is secret.
	Value cty.Value
	// Pending says what an unknown value will be made of.
	Pending *Pending
	Range   lang.Range // of the value
}

// Pending describes a value of the apply phase so that it can be digested and shown before it is known.
type Pending struct {
	Text  string               // the expression in canonical form
	Refs  []string             // what it waits for: "run.id", "base.vm.path", sorted
	Known map[string]cty.Value // the known names it uses besides

	at map[string]lang.Range // where each of Refs is used
}

// Resolve gives the call's options, wholly known, as an object with an attribute for each option of the
// schema (null where an optional one is absent), with secret marks kept.
func (c *Call) Resolve(rt *Runtime) (cty.Value, lang.Diagnostics) { return c.resolve(rt) }

// Runtime holds the values of the apply phase.
type Runtime struct {
	RunID  string    // run.id
	Digest string    // run.digest: the input digest of the unit, shortened to 12 hex digits
	Time   time.Time // run.time: when the run began
	// Artifacts holds the final artifact of each unit that has been built: the fields of its schema's
	// artifact block, by unit address.
	Artifacts map[string]map[string]any
}

// Param is a parameter and the value it was given.
type Param struct {
	Name   string
	Doc    string
	Type   *Type
	Secret bool
	Value  cty.Value // unknown when it is required, was not given and the command does not need it
	Origin string    // "default", "-p", "IMGC_PARAM_REGION", "prod.imgcvars:3"
	Range  lang.Range
}

// Output is an output declaration.
type Output struct {
	Name    string
	Doc     string
	Type    *Type
	Value   cty.Value // may be unknown until apply
	Range   lang.Range
	resolve func(*Runtime) (cty.Value, lang.Diagnostics)
}

// Resolve gives the output's value after apply. A unit that was not built makes it a diagnostic.
func (o *Output) Resolve(rt *Runtime) (cty.Value, lang.Diagnostics) { return o.resolve(rt) }

// Assert is an assertion that waits for the apply phase.
type Assert struct {
	Range lang.Range
	check func(*Runtime) lang.Diagnostics
}

// Check reports a diagnostic when the assertion does not hold.
func (a *Assert) Check(rt *Runtime) lang.Diagnostics { return a.check(rt) }

// Secret is the cty mark of secret values.
const Secret = secretMark("secret")

type secretMark string
