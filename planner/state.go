package planner

import (
	"time"

	"imgc/stdlib/component"
)

// State is what was built, from what. It lies in .imgc/state.json beside the program.
type State struct {
	Format  int    `json:"format_version"`
	Lineage string `json:"lineage"` // random, made with the first state
	Serial  int64  `json:"serial"`  // one more with each write
	// KeyID tells whether the folder's key is still the one that secrets were recorded with. Store.Save sets it.
	KeyID   string                 `json:"key_id,omitempty"`
	Units   map[string]*UnitState  `json:"units"`
	Outputs map[string]OutputState `json:"outputs,omitempty"`
}

// UnitState is the record of one unit.
type UnitState struct {
	Digest  string      `json:"digest"`
	BuiltAt time.Time   `json:"built_at"`
	RunID   string      `json:"run_id"`
	Builder NodeState   `json:"builder"`
	Steps   []NodeState `json:"steps,omitempty"`
	// Artifact is the builder's artifact. Consumed is set when the post chains have used it up.
	Artifact component.Artifact `json:"artifact"`
	Consumed bool               `json:"consumed,omitempty"`
	Posts    []ChainState       `json:"posts,omitempty"`
}

// ChainState is the record of one post chain; Links holds those that have finished.
type ChainState struct {
	Links []LinkState `json:"links"`
}

// LinkState is the record of one post link and of its artifact.
type LinkState struct {
	NodeState
	Artifact component.Artifact `json:"artifact"`
	Consumed bool               `json:"consumed,omitempty"` // deleted: a later link used it up
}

// NodeState is what is compared to tell whether, and why, a node has changed.
type NodeState struct {
	Component string `json:"component"`
	Version   string `json:"version"`
	Label     string `json:"label,omitempty"`
	Digest    string `json:"digest"`
	// Options holds each option that counts in the digest, as shown in a diff. A secret is a keyed hash.
	Options map[string]string `json:"options,omitempty"`
	// Updates holds, in the same way, the options that change the artifact in place.
	Updates map[string]string `json:"updates,omitempty"`
	// Files holds the content digest of each local path that the node reads.
	Files map[string]string `json:"files,omitempty"`
	// Writes lists the local paths that it writes.
	Writes []string `json:"writes,omitempty"`
}

// OutputState is the record of an output: its value as JSON and as shown to people.
type OutputState struct {
	Value any    `json:"value"`
	Text  string `json:"text"`
}

// Observed is what others have found to exist outside; the planner itself looks at nothing but local input files.
type Observed struct {
	// Artifacts holds the status of each recorded artifact that was not consumed: by unit address for a
	// builder's artifact, "web.vm/post[0][1]" for that of link 1 of chain 0.
	Artifacts map[string]component.Status
	// Found holds, by unit address, artifacts that no state records and that were made from just what the unit is made from now.
	Found map[string]component.Artifact
	// Drift holds, by unit address, what of an artifact differs from what was recorded and can be put right in place.
	Drift map[string][]component.Drift
	// Missing holds the local paths that recorded steps have written and that are not there any more.
	Missing map[string]bool
	// Checkpoints holds the step digests from which a builder can restart.
	Checkpoints map[string]bool
}
