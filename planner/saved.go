package planner

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/google/renameio/v2"
)

// savedMagic begins a saved plan, and tells it from a program.
const savedMagic = "imgc plan 1 "

// WriteSaved keeps a plan in a file that only its owner can read.
func WriteSaved(path string, p *Plan) error {
	b, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("writing the plan: %w", err)
	}
	sum := sha256.Sum256(b)
	out := append([]byte(savedMagic+hex.EncodeToString(sum[:])+"\n"), b...)
	if err := renameio.WriteFile(path, append(out, '\n'), 0o600); err != nil {
		return fmt.Errorf("writing the plan %s: %w", path, err)
	}
	return nil
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
	if err := json.Unmarshal([]byte(body), p); err != nil {
		return nil, fmt.Errorf("it is not whole: %w", err)
	}
	if p.Format != planFormat {
		return nil, fmt.Errorf("it has format %d, this imgc knows %d", p.Format, planFormat)
	}
	return p, nil
}

// Stale says why a saved plan cannot be applied any more, given the plan that would be made now; empty when it can.
func (p *Plan) Stale(now *Plan) string {
	switch {
	case p.Lineage != now.Lineage:
		return "it was made against another state"
	case p.Serial != now.Serial:
		return fmt.Sprintf("something was applied since: the state has serial %d, the plan was made at %d", now.Serial, p.Serial)
	case p.Program != now.Program:
		for _, c := range now.Changes {
			if old := p.find(c.Addr); old == nil || old.Digest != c.Digest {
				return fmt.Sprintf("the program, a parameter or a file that it reads has changed: %s is not as planned", c.Addr)
			}
		}
		return "the program, a parameter or a file that it reads has changed"
	case len(p.Changes) != len(now.Changes):
		return "other units would change now"
	}
	for i, c := range p.Changes {
		n := now.Changes[i]
		if c.Addr != n.Addr || c.Action != n.Action || c.RestartAt != n.RestartAt || c.RestoreFrom != n.RestoreFrom || !sameRuns(c, n) {
			return fmt.Sprintf("what exists has changed: %s would now be %s, not %s", c.Addr, n.Action, c.Action)
		}
	}
	return ""
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

func (p *Plan) find(addr string) *Change {
	for _, c := range p.Changes {
		if c.Addr == addr {
			return c
		}
	}
	return nil
}
