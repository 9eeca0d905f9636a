package planner

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/google/renameio/v2"
)

// savedMagic begins a saved plan, and tells it from a program.
const savedMagic = "imgc plan 1 "

// savedPlan is what a file holds: the plan, and what its nodes were compared by, to tell later what has changed.
type savedPlan struct {
	*Plan
	Inputs map[string][]NodeState `json:"inputs"`
}

// inputs are the nodes of each unit, in order, as they are to be recorded.
func (p *Plan) inputs() map[string][]NodeState {
	if p.saved != nil {
		return p.saved
	}
	out := map[string][]NodeState{}
	for _, c := range p.Changes {
		if c.Builder == nil {
			continue
		}
		nodes := append([]*Node{c.Builder}, c.Steps...)
		for _, ch := range c.Posts {
			nodes = append(nodes, ch...)
		}
		for _, n := range nodes {
			out[c.Addr] = append(out[c.Addr], n.Recorded)
		}
	}
	return out
}

// WriteSaved keeps a plan in a file that only its owner can read.
func WriteSaved(path string, p *Plan) error {
	b, err := json.Marshal(savedPlan{Plan: p, Inputs: p.inputs()})
	if err != nil {
		return fmt.Errorf("writing the plan: %w", err)
	}
	if err := renameio.WriteFile(path, sealed(b), 0o600); err != nil {
		return fmt.Errorf("writing the plan %s: %w", path, err)
	}
	return nil
}

// sealed puts before a plan what it is and the sum by which a change of it is seen.
func sealed(body []byte) []byte {
	body = bytes.TrimSuffix(body, []byte("\n"))
	sum := sha256.Sum256(body)
	out := append([]byte(savedMagic+hex.EncodeToString(sum[:])+"\n"), body...)
	return append(out, '\n')
}

// IsSaved reports whether a file is a saved plan.
func IsSaved(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, len(savedMagic))
	n, _ := f.Read(head)
	return string(head[:n]) == savedMagic
}

// ReadSaved reads a saved plan. One that was changed or cut is refused.
func ReadSaved(path string) (*Plan, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the plan: %w", err)
	}
	p, err := decodeSaved(b)
	if err != nil {
		return nil, fmt.Errorf("the plan %s cannot be used: %w; make a new one with imgc plan --out", path, err)
	}
	return p, nil
}

func decodeSaved(b []byte) (*Plan, error) {
	rest, ok := strings.CutPrefix(string(b), savedMagic)
	if !ok {
		return nil, fmt.Errorf("it is not a plan of this version of imgc")
	}
	sum, body, ok := strings.Cut(rest, "\n")
	body = strings.TrimSuffix(body, "\n")
	if want := sha256.Sum256([]byte(body)); !ok || sum != hex.EncodeToString(want[:]) {
		return nil, fmt.Errorf("it was changed, or is not whole")
	}
	p := &Plan{}
	kept := savedPlan{Plan: p}
	if err := json.Unmarshal([]byte(body), &kept); err != nil {
		return nil, fmt.Errorf("it is not whole: %w", jsonError([]byte(body), err))
	}
	if !p.whole() {
		return nil, errors.New("it is not whole")
	}
	p.saved = kept.Inputs
	if p.Format != planFormat {
		return nil, fmt.Errorf("it has format %d, this imgc knows %d", p.Format, planFormat)
	}
	return p, nil
}

// whole reports whether nothing is null that a plan has.
func (p *Plan) whole() bool {
	if slices.Contains(p.Changes, nil) || slices.Contains(p.Outputs, nil) {
		return false
	}
	for _, c := range p.Changes {
		if c.Builder == nil && c.Action != Forget || slices.Contains(c.Steps, nil) {
			return false
		}
		for _, links := range c.Posts {
			if len(links) == 0 || slices.Contains(links, nil) {
				return false
			}
		}
	}
	return true
}

// Stale says why a saved plan cannot be applied any more, given the plan that would be made now; empty when it can.
func (p *Plan) Stale(now *Plan) string {
	switch {
	case p.Lineage != now.Lineage:
		return "it was made against another state"
	case p.Serial != now.Serial:
		return fmt.Sprintf("something was applied since: the state has serial %d, the plan was made at %d", now.Serial, p.Serial)
	case p.Program != now.Program:
		if what := p.differences(now); what != "" {
			return "since it was made, " + what
		}
		return "the program, a parameter or a file that it reads has changed"
	case len(p.Changes) != len(now.Changes):
		return "other units would change now"
	}
	for i, c := range p.Changes {
		n := now.Changes[i]
		if c.Addr != n.Addr || c.Action != n.Action || c.RestartAt != n.RestartAt || c.RestoreFrom != n.RestoreFrom || !sameRuns(c, n) {
			return fmt.Sprintf("what exists has changed: %s %s now, and in the plan it %s", c.Addr, verbs[n.Action], verbs[c.Action])
		}
	}
	return ""
}

// differences says in what the inputs of two plans differ, at most three things.
func (p *Plan) differences(now *Plan) string {
	then, current := p.inputs(), now.inputs()
	var out []string
	for _, c := range now.Changes {
		if c.Builder == nil {
			continue
		}
		old, ok := then[c.Addr]
		if !ok {
			out = append(out, c.Addr+" was added")
			continue
		}
		nodes := current[c.Addr]
		if len(nodes) != len(old) {
			out = append(out, c.Addr+" got or lost a step")
			continue
		}
		m := &maker{}
		for i, n := range nodes {
			for _, r := range m.node(&Node{Component: n.Component, Recorded: n}, old[i], c.Addr) {
				out = append(out, r.String())
			}
		}
	}
	for _, addr := range sortedKeys(then) {
		if current[addr] == nil {
			out = append(out, addr+" was removed")
		}
	}
	if len(out) > 3 {
		out = append(out[:3], fmt.Sprintf("and %d more", len(out)-3))
	}
	return strings.Join(out, "; ")
}

func sameRuns(a, b *Change) bool {
	if len(a.Posts) != len(b.Posts) {
		return false
	}
	for i := range a.Posts {
		if len(a.Posts[i]) != len(b.Posts[i]) {
			return false
		}
		for j := range a.Posts[i] {
			if a.Posts[i][j].Runs != b.Posts[i][j].Runs {
				return false
			}
		}
	}
	return true
}
