package planner

import "fmt"

// String says a reason in plain words.
func (r Reason) String() string {
	in := ""
	if r.Where != "" {
		in = " in " + r.Where
	}
	switch r.Code {
	case NeverBuilt:
		return "never built"
	case OptionChanged:
		switch {
		case r.Before == "":
			return fmt.Sprintf("option %s = %s added%s", r.Subject, short(r.After), in)
		case r.After == "":
			return fmt.Sprintf("option %s = %s removed%s", r.Subject, short(r.Before), in)
		case r.After == "(secret changed)":
			return fmt.Sprintf("a secret in option %s changed%s", r.Subject, in)
		}
		return fmt.Sprintf("option %s %s → %s%s", r.Subject, short(r.Before), short(r.After), in)
	case FileChanged:
		return r.Subject + " changed" + in
	case StepAdded:
		return r.Where + " added"
	case StepRemoved:
		return r.Subject + " removed"
	case StepMoved:
		return "the order of the steps changed"
	case ComponentChanged:
		return fmt.Sprintf("%s is now %s, was %s", r.Subject, r.After, r.Before)
	case ArtifactGone:
		return r.Subject + " is gone"
	case ArtifactChanged:
		return r.Subject + " is not as it was made"
	case Forced:
		return "forced with --replace " + r.Subject
	case DependencyBuilt:
		return r.Subject + ", which it uses, is built again"
	case DependencyChanged:
		return "a unit that it uses changed"
	case PostChanged:
		if r.Where == "" {
			return r.Subject
		}
		return r.Where + " is new or changed"
	case PostUnfinished:
		return r.Where + " did not finish in the last run"
	case InputNotKept:
		return "what the chain begins with was not kept, so it has to be built again (keep would keep it)"
	case NotInProgram:
		return "no longer in the program; what it built stays"
	case KeyChanged:
		return "a secret changed, or the key that secrets are compared with (.imgc/key) is new"
	}
	return string(r.Code)
}

func short(s string) string {
	r := []rune(s)
	if len(r) > 60 {
		return string(r[:57]) + "…"
	}
	return s
}
