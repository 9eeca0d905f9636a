package planner

import (
	"fmt"
	"unicode/utf8"
)

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
		case r.After == "(secret changed)", r.After == "(a secret in it changed)":
			return fmt.Sprintf("the secret in option %s changed%s", r.Subject, in)
		case r.After == "(what it is made from changed)":
			return fmt.Sprintf("what option %s is made from changed%s", r.Subject, in)
		}
		if utf8.RuneCountInString(r.Before) > widest || utf8.RuneCountInString(r.After) > widest {
			return fmt.Sprintf("option %s changed%s", r.Subject, in) // the diff below it shows how
		}
		return fmt.Sprintf("option %s %s → %s%s", r.Subject, r.Before, r.After, in)
	case FileChanged:
		return r.Subject + " changed" + in
	case StepAdded:
		return r.Where + " added"
	case StepRemoved:
		return r.Subject + " removed"
	case StepMoved:
		return fmt.Sprintf("%s was step %s", r.Subject, r.Before)
	case ComponentChanged:
		return fmt.Sprintf("%s is now %s, was %s", r.Subject, r.After, r.Before)
	case ArtifactGone:
		return r.Subject + " is gone"
	case ArtifactChanged:
		return r.Subject + " is not as it was made"
	case Forced:
		return "forced with --replace " + r.Subject
	case DependencyBuilt:
		return r.Subject + ", whose artifact it uses, is built" + in
	case DependencyChanged:
		return r.Subject + ", whose artifact it uses, changed"
	case FormatChanged:
		return "it was built by an imgc that compares in another way"
	case PostChanged:
		return r.Where + " is new or changed"
	case PostRemoved:
		if r.Where != "" {
			return fmt.Sprintf("%s, which used up the artifact of %s, was removed", r.Subject, r.Where)
		}
		return r.Subject + " was removed; what it made stays"
	case PostUnfinished:
		return r.Where + " did not finish in the last run"
	case InputNotKept:
		return "what the chain begins with was not kept, so it has to be built again (keep would keep it)"
	case Drifted:
		return fmt.Sprintf("%s was changed by others: %s → %s", r.Subject, orNothing(r.Before), orNothing(r.After))
	case NotInProgram:
		return "no longer in the program; what it built stays"
	case KeyChanged:
		return fmt.Sprintf("the secret in option %s%s cannot be compared: .imgc/key is not the one that it was recorded with", r.Subject, in)
	}
	return string(r.Code)
}

func orNothing(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}

const widest = 48 // characters of a value in a sentence

func short(s string) string {
	if r := []rune(s); len(r) > widest {
		return string(r[:widest-1]) + "…"
	}
	return s
}
