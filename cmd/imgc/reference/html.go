package reference

import (
	"bytes"
	"fmt"
	"html/template"
	"sync"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/parser"
)

var document = sync.OnceValue(func() *template.Template {
	return template.Must(template.ParseFS(templates, "templates/page.html"))
})

// html writes pages as one HTML document that needs nothing else: no script, no file beside it. Beside them stands a list
// of all pages, where there is a home to go to.
func (r Reference) html(title string, link func(Page) string, home string, pages []Page) ([]byte, error) {
	type entry struct {
		Page
		Link string
		Here bool
	}
	type group struct {
		Title string
		Pages []entry
	}
	type section struct {
		ID   string
		Body template.HTML
	}
	data := struct {
		Title, Reference, Home string
		Groups                 []group
		Sections               []section
	}{Title: title, Reference: r.Title, Home: home}
	for _, g := range r.Groups {
		out := group{Title: g.Title}
		for _, p := range g.Pages {
			out.Pages = append(out.Pages, entry{p, link(p), len(pages) == 1 && p.Name == pages[0].Name})
		}
		data.Groups = append(data.Groups, out)
	}
	// Pages have no tables: goldmark's extensions compile expressions for 1 ms and more when any command starts.
	md := goldmark.New(goldmark.WithParserOptions(parser.WithAutoHeadingID()))
	// Anchors are those of the whole document: an option may be called as another of the next component.
	ids := parser.NewContext().IDs()
	for _, p := range pages {
		ids.Put([]byte(p.Name))
	}
	for _, p := range pages {
		var body bytes.Buffer
		if err := md.Convert([]byte(p.Markdown), &body, parser.WithContext(parser.NewContext(parser.WithIDs(ids)))); err != nil {
			return nil, fmt.Errorf("making HTML of the reference page %q: %w", p.Title, err)
		}
		// Text in pages is escaped where Markdown is made, and raw HTML is dropped here.
		data.Sections = append(data.Sections, section{p.Name, template.HTML(body.String())})
	}
	var out bytes.Buffer
	if err := document().Execute(&out, data); err != nil {
		return nil, fmt.Errorf("imgc itself is broken, a reference page cannot be written: %w", err)
	}
	return out.Bytes(), nil
}
