package compiler

import (
	"github.com/zclconf/go-cty/cty"

	"imgc/lang"
)

// Schema is a component's declaration, read from its schema.imgc.
type Schema struct {
	Kind        string // "builder", "provisioner", "post"
	Name        string // "shell", "aws.ebs"
	Doc         string
	Fields      []*Field
	OneOf       [][]string // exactly one of each group is given
	AtMostOne   [][]string
	NoMachine   bool            // builder: has none; provisioner: needs none
	Takes       []string        // post: artifact kinds it takes; ["any"]
	GivesInput  bool            // post: returns its input artifact
	GivesSecret bool            // data: what it finds is secret
	KeepsInput  bool            // post: its input is kept unless something else consumes it
	Calls       []Calls         // of a service outside, that need permission
	Artifact    *ArtifactSchema // nil when GivesInput, and for provisioners
}

// Calls are calls of a service that a component makes, so that the permissions it needs can be told before it makes them.
type Calls struct {
	When    string   // "looking" when a plan is made, "building" or "updating" when it is applied
	Service string   // "ec2"
	Actions []string // "RunInstances"
	// With and Without are options, such as "ssh.key_pair": only a call that gives the one, or does not give the other, makes these.
	With, Without string
	Is            string // the value that With has to have; any when it is empty
}

// ArtifactSchema says what a component makes.
type ArtifactSchema struct {
	Kind   string
	Fields []*Field
}

// Field is one option of a component, a field of an object type, or a field of an artifact.
type Field struct {
	Name     string
	Doc      string
	Type     *Type
	Required bool
	Default  cty.Value // cty.NilVal when there is none
	Public   bool      // a secret is refused here
	Update   bool      // a change updates the artifact in place
	Free     bool      // a change costs nothing: not part of the digest
	Reads    bool      // a local path (or list of paths) whose content is part of the digest
	Writes   bool      // a local path that is written
	Shared   bool      // several units may write it: the component adds to what is there
	Range    lang.Range
}

// SchemaSet holds the schemas and shared types of everything imgc can build with.
type SchemaSet struct {
	components map[schemaKey]*Schema
	types      map[string]*Type
}

type schemaKey struct{ kind, name string }

// Lookup finds a component, or returns nil.
func (s *SchemaSet) Lookup(kind, name string) *Schema { return s.components[schemaKey{kind, name}] }
