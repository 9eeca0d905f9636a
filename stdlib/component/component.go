// Package component is the contract between imgc and what it can build with: builders, provisioners,
// post-processors and data sources. Every component and the planner and executor depend on it; it depends on none of them
// and knows no concrete component.
//
// Start reading at Component, then Builder, Provisioner and PostProcessor, then Env, which is what a
// component is given to work with.
package component

import (
	"context"
	"errors"
	"time"
)

// Kind is what a component is in a program.
type Kind string

// The kinds of component; each is the keyword that declares it in a schema.
const (
	KindBuilder     Kind = "builder"
	KindProvisioner Kind = "provisioner"
	KindPost        Kind = "post"
	KindData        Kind = "data"
)

// Component is one entry of the registry: a schema and the Go code behind it.
type Component struct {
	Kind Kind
	Name string // as programs write it: "shell", "aws.ebs"
	// Schema is the text of the schema.imgc file that declares the component (it may declare others too).
	Schema string
	// Version is part of the digest of every step that uses the component. Raise it when the same
	// options begin to give another result.
	Version string
	// Options returns a pointer to a fresh options struct; Decode fills it.
	Options func() any

	// Exactly one of these is set, and is handed what Options returned, decoded.
	Builder     func(options any) Builder
	Provisioner func(options any) Provisioner
	Post        func(options any) PostProcessor
	Data        func(options any) Data
}

// NewBuilder makes the registry entry of a builder whose options are an O.
func NewBuilder[O any](name, schema, version string, f func(*O) Builder) Component {
	return Component{Kind: KindBuilder, Name: name, Schema: schema, Version: version,
		Options: func() any { return new(O) },
		Builder: func(o any) Builder { return f(o.(*O)) }}
}

// NewProvisioner makes the registry entry of a provisioner whose options are an O.
func NewProvisioner[O any](name, schema, version string, f func(*O) Provisioner) Component {
	return Component{Kind: KindProvisioner, Name: name, Schema: schema, Version: version,
		Options:     func() any { return new(O) },
		Provisioner: func(o any) Provisioner { return f(o.(*O)) }}
}

// NewPost makes the registry entry of a post-processor whose options are an O.
func NewPost[O any](name, schema, version string, f func(*O) PostProcessor) Component {
	return Component{Kind: KindPost, Name: name, Schema: schema, Version: version,
		Options: func() any { return new(O) },
		Post:    func(o any) PostProcessor { return f(o.(*O)) }}
}

// NewData makes the registry entry of a data source whose options are an O.
func NewData[O any](name, schema, version string, f func(*O) Data) Component {
	return Component{Kind: KindData, Name: name, Schema: schema, Version: version,
		Options: func() any { return new(O) },
		Data:    func(o any) Data { return f(o.(*O)) }}
}

// Builder makes a machine to provision, and an artifact of it.
//
// The executor calls Start, runs the steps on the machine, calls Finish, and then always Stop, also after
// a failure or a cancel, with a context of its own.
type Builder interface {
	// Start makes or reaches the machine. Whatever it makes outside is recorded with env.Effects first.
	// A builder that has no machine (its schema says "machine none") returns nil.
	Start(ctx context.Context, env *Env) (Machine, error)
	// Finish turns the machine as it is now into the artifact.
	Finish(ctx context.Context, env *Env, m Machine) (Artifact, error)
	// Stop gives back what Start made. m is nil when Start failed. It is safe to call twice.
	Stop(ctx context.Context, env *Env, m Machine) error
}

// Checkpointer is a Builder that can keep what its machine holds after a step, so that a later build
// restarts there instead of at the first step.
type Checkpointer interface {
	// Checkpoints reports which of the step digests have a checkpoint.
	Checkpoints(ctx context.Context, env *Env, digests []string) (map[string]bool, error)
	// Checkpoint keeps what m holds now under the digest of the step that has just ended.
	Checkpoint(ctx context.Context, env *Env, m Machine, digest string) error
	// Start begins at env.RestoreFrom when that is not empty.
}

// ArtifactKeeper is a Builder or PostProcessor whose artifacts are more than local files. Without it, the
// Files of an artifact are all there is to look at and to delete.
type ArtifactKeeper interface {
	// Probe says whether the artifact still exists as it was recorded.
	Probe(ctx context.Context, env *Env, a Artifact) (Status, error)
	// Delete removes the artifact. An artifact that is gone already is no error.
	Delete(ctx context.Context, env *Env, a Artifact) error
}

// Finder is a Builder whose artifacts can be found without a state file: they carry the digest of what they were made from.
type Finder interface {
	// Find looks for the artifact of env.Digest, whole.
	Find(ctx context.Context, env *Env) (Artifact, bool, error)
}

// Updater is a Builder that can change an artifact that exists: the options that its schema marks with update.
type Updater interface {
	// Update makes the artifact what the options say now, and returns it as it is then. After a failure it can be repeated.
	Update(ctx context.Context, env *Env, a Artifact) (Artifact, error)
	// Drift tells what of it somebody else has changed since it was recorded, and Update would put right.
	Drift(ctx context.Context, env *Env, a Artifact) ([]Drift, error)
}

// Drift is one thing that is not as it was recorded.
type Drift struct {
	Subject         string // "the tag Name of ami-0abc in us-east-1"
	Recorded, Found string
}

// Replacer is a Builder that may remove the artifact that it made before, once the new one is recorded.
type Replacer interface {
	ArtifactKeeper
	Replaces() bool
}

// SlowStopper is a Builder whose Stop and Undo take longer than the executor would give them.
type SlowStopper interface {
	StopTimeout() time.Duration
}

// ErrKept is what Undo returns when what it was to remove has become whole, and counts.
var ErrKept = errors.New("it is whole and stays")

// Undoer is a component that records effects. Undo removes what an effect that was never finished left
// behind, after a crash of the process that began it; what does not exist (any more) is no error.
type Undoer interface {
	Undo(ctx context.Context, env *Env, e Effect) error
}

// Provisioner changes a machine: one step of a build.
type Provisioner interface {
	// Provision runs the step on m, which is nil when the source has no machine and the provisioner's
	// schema says it needs none.
	Provision(ctx context.Context, env *Env, m Machine) error
}

// PostProcessor makes an artifact from an artifact.
type PostProcessor interface {
	// Process returns the link's artifact. It may return in itself when it only looks at it. It never
	// deletes in: the executor does so when the program says it is not kept.
	Process(ctx context.Context, env *Env, in Artifact) (Artifact, error)
}

// Data finds something out when a plan is made. It changes nothing.
type Data interface {
	// Lookup gives the fields that the schema's artifact block declares.
	Lookup(ctx context.Context) (map[string]any, error)
}

// Status is what a probe of an artifact found.
type Status string

// What can have become of an artifact since it was recorded.
const (
	Present Status = "present"
	Gone    Status = "gone"
	Changed Status = "changed" // it exists, but not as it was made
)
