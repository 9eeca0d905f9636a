// Package reference writes reference pages: what there is to build with, as Markdown or HTML.
//
// A page is written as Markdown once; HTML is made from that. A new kind of page is a function that gives a Page, as
// Component and Functions do, and a template in templates. The package does not print on terminals: imgc doc does.
// Start reading at Reference.
package reference

import (
	"bytes"
	"embed"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"text/template"
)

// Reference is all pages, in the order in which the index lists them.
type Reference struct {
	Title  string
	Groups []Group
}

// Group is a kind of page: the builders, say.
type Group struct {
	Title string
	About string // a few words, or nothing
	Pages []Page
}

// Page is about one thing.
type Page struct {
	Name    string // of its file, without the ending; there is one page of a name
	Title   string // unique too: in a single Markdown document links go by it
	Short   string // the title where the group is plain
	Summary string // one sentence of plain text
	// Markdown is the page. Its first line is "# " and the title; its links go nowhere else.
	Markdown string
}

// Format is how pages are written.
type Format string

// The formats.
const (
	Markdown Format = "markdown"
	HTML     Format = "html"
)

// index is the name of the page that lists the others.
const index = "index"

//go:embed templates
var templates embed.FS

// markdown holds the templates of the pages. What is not known to be Markdown goes through text, line or code.
// They are read when the first page is made, and not by every command.
var markdown = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{
		"text": text, "line": line, "code": code, "codes": codes, "facts": FieldFacts, "declared": declared,
		"inner": inner, "usage": usage,
	}).ParseFS(templates, "templates/*.md"))
})

// render fills a template. The templates are part of imgc and so are their mistakes: tests fill all of them.
func render(name string, data any) (string, error) {
	var b bytes.Buffer
	if err := markdown().ExecuteTemplate(&b, name, data); err != nil {
		return "", fmt.Errorf("imgc itself is broken, a reference page cannot be written: %w", err)
	}
	return strings.TrimSpace(b.String()) + "\n", nil
}

// pages counts the pages.
func (r Reference) pages() int {
	n := 0
	for _, g := range r.Groups {
		n += len(g.Pages)
	}
	return n
}

// WriteDir writes a file for each page, and an index, into a folder, which it makes. It returns the index's file.
func (r Reference) WriteDir(dir string, f Format) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("making the folder of the reference: %w", err)
	}
	ending := map[Format]string{Markdown: ".md", HTML: ".html"}[f]
	link := func(p Page) string { return p.Name + ending }
	first, err := r.index(link)
	if err != nil {
		return "", err
	}
	all := []Page{first}
	for _, g := range r.Groups {
		all = append(all, g.Pages...)
	}
	for _, p := range all {
		content := []byte(p.Markdown)
		if f == HTML {
			if content, err = r.html(p.Title, link, link(first), []Page{p}); err != nil {
				return "", err
			}
		}
		if err := os.WriteFile(filepath.Join(dir, link(p)), content, 0o644); err != nil {
			return "", fmt.Errorf("writing a page of the reference: %w", err)
		}
	}
	return filepath.Join(dir, link(first)), nil
}

// Write writes all pages as one document, with an index before them where there are several.
func (r Reference) Write(w io.Writer, f Format) error {
	link := func(p Page) string { return "#" + p.Name }
	if f == Markdown {
		link = func(p Page) string { return "#" + slug(p.Title) }
	}
	var all []Page
	if r.pages() > 1 {
		first, err := r.index(link)
		if err != nil {
			return err
		}
		all = append(all, first)
	}
	for _, g := range r.Groups {
		all = append(all, g.Pages...)
	}
	if f == HTML {
		home := ""
		if len(all) > 1 {
			home = "#" + index
		}
		content, err := r.html(r.Title, link, home, all)
		if err != nil {
			return err
		}
		_, err = w.Write(content)
		return err
	}
	for i, p := range all {
		if i > 0 {
			p.Markdown = "\n" + p.Markdown
		}
		if _, err := io.WriteString(w, p.Markdown); err != nil {
			return err
		}
	}
	return nil
}

// index is the page that lists the others.
func (r Reference) index(link func(Page) string) (Page, error) {
	type entry struct {
		Page
		Link string
	}
	type group struct {
		Title, About string
		Pages        []entry
	}
	data := struct {
		Title  string
		Groups []group
	}{Title: r.Title}
	for _, g := range r.Groups {
		out := group{Title: g.Title, About: g.About}
		for _, p := range g.Pages {
			out.Pages = append(out.Pages, entry{p, link(p)})
		}
		data.Groups = append(data.Groups, out)
	}
	md, err := render("index.md", data)
	return Page{Name: index, Title: r.Title, Markdown: md}, err
}
