// Package sarif shows diagnostics as SARIF 2.1.0, which code hosts and editors read. It decides nothing about them, and
// stands beside report so that who only wants text needs no more than that. Start reading at Write.
package sarif

import (
	"fmt"
	"io"
	"net/url"
	"path"
	"path/filepath"
	"strings"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"imgc/lang"
	"imgc/lang/report"
)

// Options say what only the caller knows.
type Options struct {
	Version string // of imgc
	// Path gives where a file that a diagnostic names lies: relative to the folder in which the report is read, such as
	// the root of a repository, or absolute. Without it names stay as they are.
	Path func(file string) string
}

// Write writes diagnostics as one run of imgc, in the order in which report.Text writes them. Lines and columns count
// from 1, columns in UTF-16 code units, which is what readers of SARIF take when they look at nothing else. Its only
// errors are those of w.
func Write(w io.Writer, ds lang.Diagnostics, sources report.Sources, opts Options) error {
	if err := newLog(ds, sources, opts).PrettyWrite(w); err != nil {
		return fmt.Errorf("writing the SARIF report: %w", err)
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func newLog(ds lang.Diagnostics, sources report.Sources, opts Options) *sarif.Report {
	driver := sarif.NewToolComponent().WithName("imgc").WithVersion(opts.Version)
	run := sarif.NewRun().WithTool(sarif.NewTool().WithDriver(driver)).WithColumnKind("utf16CodeUnits")
	p := &places{sources: sources, opts: opts, known: map[string]*lines{}}
	rules := map[string]int{}
	for _, d := range report.InOrder(ds) {
		r := sarif.NewResult().WithLevel(level(d.Severity)).WithMessage(message(text(d)))
		if d.Code != "" {
			index, ok := rules[d.Code]
			if !ok {
				index = len(rules)
				rules[d.Code] = index
				driver.AddRule(rule(d))
			}
			r.WithRuleID(d.Code).WithRuleIndex(index)
		}
		if at := p.location(d.Range, d.Label); at != nil {
			r.AddLocation(at)
		}
		for _, l := range d.Related {
			if at := p.location(l.Range, l.Text); at != nil {
				r.AddRelatedLocation(at)
			}
		}
		for _, f := range d.Fixes {
			if fix := p.fix(f); fix != nil {
				r.AddFixe(fix)
			}
		}
		run.AddResult(r)
	}
	return sarif.NewReport().AddRun(run)
}

func level(s lang.Severity) string {
	if s == lang.Warning {
		return sarif.LevelWarning
	}
	return sarif.LevelError
}

// text is all that a diagnostic says, the sentence that counts first: some readers show no more than that.
func text(d lang.Diagnostic) string {
	var b strings.Builder
	b.WriteString(d.Message)
	for _, n := range d.Notes {
		b.WriteString("\nnote: " + n)
	}
	if d.Help != "" {
		b.WriteString("\nhelp: " + d.Help)
	}
	return b.String()
}

// message doubles braces: in a message of SARIF {0} is a placeholder (§ 3.11.5). The help of a rule is no such message.
func message(s string) *sarif.Message {
	return sarif.NewTextMessage(strings.NewReplacer("{", "{{", "}", "}}").Replace(s))
}

// rule explains a diagnostic's code as imgc explain does.
func rule(d lang.Diagnostic) *sarif.ReportingDescriptor {
	r := sarif.NewRule(d.Code).WithDefaultConfiguration(sarif.NewReportingConfiguration().WithLevel(level(d.Severity)))
	c, ok := lang.Lookup(d.Code)
	if !ok {
		return r
	}
	help := c.Text
	wrong, right := lang.Examples(d.Code)
	if wrong != "" {
		help += "\n\nWrong:\n\n" + strings.TrimRight(wrong, "\n")
	}
	if right != "" {
		help += "\n\nRight:\n\n" + strings.TrimRight(right, "\n")
	}
	return r.WithShortDescription(sarif.NewMultiformatMessageString().WithText(c.Title)).
		WithFullDescription(sarif.NewMultiformatMessageString().WithText(c.Text)).
		WithHelp(sarif.NewMultiformatMessageString().WithText(help))
}

// fix is nil when the file it changes has no text here: a change of an unknown place would be a wrong one.
func (p *places) fix(f lang.Fix) *sarif.Fix {
	changes := map[string]*sarif.ArtifactChange{}
	fix := sarif.NewFix().WithDescription(message(f.Title))
	for _, e := range f.Edits {
		region := p.region(e.Range)
		if region == nil {
			return nil
		}
		change := changes[e.Range.File]
		if change == nil {
			change = sarif.NewArtifactChange().WithArtifactLocation(p.artifact(e.Range.File))
			changes[e.Range.File] = change
			fix.AddArtifactChange(change)
		}
		change.AddReplacement(sarif.NewReplacement().WithDeletedRegion(region).
			WithInsertedContent(sarif.NewArtifactContent().WithText(e.New)))
	}
	if len(changes) == 0 {
		return nil
	}
	return fix
}

// artifact names a file by a URI, relative where its path is.
func (p *places) artifact(file string) *sarif.ArtifactLocation {
	if p.opts.Path != nil {
		file = p.opts.Path(file)
	}
	u := url.URL{Path: path.Clean(filepath.ToSlash(file))}
	if filepath.IsAbs(file) {
		u.Scheme = "file"
		u.Path = "/" + strings.TrimPrefix(u.Path, "/") // C:/x becomes /C:/x
	}
	return sarif.NewSimpleArtifactLocation(u.String())
}
