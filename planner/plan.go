package planner

import (
	"imgc/compiler"
	"imgc/stdlib/component"
)

// planFormat is the version of the plan's JSON form.
const planFormat = 1

// Action is what apply will do with a unit.
type Action string

// The actions, from nothing to everything.
const (
	None    Action = "none"
	Post    Action = "post"    // the artifact stays; post chains run on it
	Update  Action = "update"  // the artifact is changed in place
	Build   Action = "build"   // never built
	Rebuild Action = "rebuild" // built before, from other inputs
	Forget  Action = "forget"  // no longer in the program: leaves the state, its artifact stays
)

// Plan is what apply will do and why. It is data: the diff that people read, the JSON and the saved plan
// are made from it, and apply does just what it says.
type Plan struct {
	Format  int    `json:"format_version"`
	Lineage string `json:"lineage"` // of the state it was made against
	Serial  int64  `json:"serial"`
	// Program is the digest of everything the plan was made from: files of the program, parameters,
	// input files. A saved plan is stale when it differs.
	Program string            `json:"program_digest"`
	Dir     string            `json:"dir,omitempty"`    // the program's folder, absolute
	Params  map[string]string `json:"params,omitempty"` // non-secret parameters as given, for apply FILE
	Targets []string          `json:"targets,omitempty"`
	Replace []string          `json:"replace,omitempty"`

	Changes []*Change       `json:"changes"` // in an order in which they can be done
	Outputs []*OutputChange `json:"outputs,omitempty"`

	saved map[string][]NodeState // of a plan that was read from a file: see savedPlan
}

// Change is what happens to one unit.
type Change struct {
	Addr    string   `json:"addr"`
	Action  Action   `json:"action"`
	Reasons []Reason `json:"reasons,omitempty"`
	Digest  string   `json:"digest,omitempty"` // input digest of the unit, hex SHA-256

	Builder *Node     `json:"builder,omitempty"`
	Steps   []*Node   `json:"steps,omitempty"`
	Posts   [][]*Node `json:"posts,omitempty"` // a list of links for each chain
	// RestartAt is the number (from 1) of the first step that runs; 0 when none does.
	RestartAt int `json:"restart_at,omitempty"`
	// RestoreFrom is the step digest whose checkpoint the machine starts from; empty for a fresh start.
	RestoreFrom string   `json:"restore_from,omitempty"`
	DependsOn   []string `json:"depends_on,omitempty"`
	// Found is an artifact that exists and that the state does not know: it is the unit's, as it was made from the same.
	Found *component.Artifact `json:"found,omitempty"`

	Unit *compiler.Unit `json:"-"` // nil for Forget
}

// Node is one builder, step or post link of a change.
type Node struct {
	Component string `json:"component"`
	Label     string `json:"label,omitempty"`
	// Digest covers everything before it in the chain, its options, the content of the files it reads, and
	// its component's version.
	Digest  string         `json:"digest"`
	Runs    bool           `json:"runs"`
	Reasons []Reason       `json:"reasons,omitempty"` // why its own inputs differ; empty when only an earlier node's do
	Options []OptionChange `json:"options,omitempty"`
	// Recorded is what the state will hold of it after apply.
	Recorded NodeState `json:"-"`

	Call *compiler.Call `json:"-"`
}

// OptionChange is one line of the diff.
type OptionChange struct {
	Name   string `json:"name"` // "volume.size"
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// ReasonCode says of what sort a reason is.
type ReasonCode string

// The reasons. Each has one sentence form, made by Reason.String.
const (
	NeverBuilt        ReasonCode = "never-built"
	OptionChanged     ReasonCode = "option-changed"
	FileChanged       ReasonCode = "file-changed" // content of a file that is read
	StepAdded         ReasonCode = "step-added"
	StepRemoved       ReasonCode = "step-removed"
	StepMoved         ReasonCode = "step-moved"
	ComponentChanged  ReasonCode = "component-changed" // another component, or a new version of it
	ArtifactGone      ReasonCode = "artifact-gone"
	ArtifactChanged   ReasonCode = "artifact-changed"
	Forced            ReasonCode = "forced" // with --replace
	DependencyBuilt   ReasonCode = "dependency-built"
	DependencyChanged ReasonCode = "dependency-changed"
	InputNotKept      ReasonCode = "input-not-kept"
	PostChanged       ReasonCode = "post-changed"
	PostRemoved       ReasonCode = "post-removed"
	PostUnfinished    ReasonCode = "post-unfinished" // failed or interrupted in the last run
	Drifted           ReasonCode = "drifted"         // somebody has changed it since
	NotInProgram      ReasonCode = "not-in-program"
	KeyChanged        ReasonCode = "key-changed"    // the folder's key is gone: secrets cannot be compared
	FormatChanged     ReasonCode = "format-changed" // an imgc with other digests recorded it
)

// Reason is one cause of a change.
type Reason struct {
	Code    ReasonCode `json:"code"`
	Subject string     `json:"subject,omitempty"` // "setup.sh", "size", "post compress"
	Where   string     `json:"where,omitempty"`   // "step 2 (shell \"install nginx\")"
	Before  string     `json:"before,omitempty"`
	After   string     `json:"after,omitempty"`
}

// OutputChange is what becomes of an output.
type OutputChange struct {
	Name   string `json:"name"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}
