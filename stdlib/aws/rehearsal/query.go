package rehearsal

import (
	"encoding/xml"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// params are the parameters of a request of EC2's Query API as a tree: Filter.1.Value.2 is the node Filter, 1, Value, 2.
type params struct {
	text string
	kids map[string]*params
}

func parseParams(form url.Values) *params {
	root := &params{}
	for name, values := range form {
		if len(values) == 0 {
			continue
		}
		n := root
		for part := range strings.SplitSeq(name, ".") {
			if n.kids == nil {
				n.kids = map[string]*params{}
			}
			if n.kids[part] == nil {
				n.kids[part] = &params{}
			}
			n = n.kids[part]
		}
		n.text = values[0]
	}
	return root
}

// at is the node of a path such as "Ebs.VolumeSize"; an empty one where there is none.
func (p *params) at(path string) *params {
	for part := range strings.SplitSeq(path, ".") {
		if p = p.kids[part]; p == nil {
			return &params{}
		}
	}
	return p
}

func (p *params) has(path string) bool { n := p.at(path); return n.text != "" || n.kids != nil }

func (p *params) str(path string) string { return p.at(path).text }

func (p *params) is(path string) bool { return p.str(path) == "true" }

func (p *params) number(path string) (int, error) {
	text := p.str(path)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, failure("InvalidParameterValue", "Invalid value '%s' for %s: it must be an integer.", text, path)
	}
	return n, nil
}

// each are the nodes of a list, in the order of their numbers.
func (p *params) each(path string) []*params {
	n := p.at(path)
	numbered := map[int]*params{}
	for k, kid := range n.kids {
		if i, err := strconv.Atoi(k); err == nil {
			numbered[i] = kid
		}
	}
	var out []*params
	for _, i := range slices.Sorted(maps.Keys(numbered)) {
		out = append(out, numbered[i])
	}
	return out
}

func (p *params) list(path string) []string {
	var out []string
	for _, n := range p.each(path) {
		out = append(out, n.text)
	}
	return out
}

// tags reads a list of tags.
func (p *params) tags(path string) (map[string]string, error) {
	out := map[string]string{}
	for _, t := range p.each(path) {
		k := t.str("Key")
		switch {
		case k == "" || len(k) > 127:
			return nil, failure("InvalidParameterValue", "Tag keys must have 1 to 127 characters.")
		case strings.HasPrefix(strings.ToLower(k), "aws:"):
			return nil, failure("InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use")
		case len(t.str("Value")) > 255:
			return nil, failure("InvalidParameterValue", "Tag value exceeds the maximum length of 255 characters")
		}
		if _, twice := out[k]; twice {
			return nil, failure("InvalidParameterValue", "Duplicate tag key '%s' specified.", k)
		}
		out[k] = t.str("Value")
	}
	if len(out) > 50 {
		return nil, failure("TagLimitExceeded", "The maximum number of tags is 50.")
	}
	return out, nil
}

// specified are the tags that a creating call gives, by type of resource.
func (p *params) specified(known ...string) (map[string]map[string]string, error) {
	out := map[string]map[string]string{}
	for _, s := range p.each("TagSpecification") {
		kind := s.str("ResourceType")
		if !slices.Contains(known, kind) {
			return nil, failure("InvalidParameterValue", "'%s' is not a valid taggable resource type for this operation.", kind)
		}
		if out[kind] != nil {
			return nil, failure("InvalidParameterValue", "Found duplicated TagSpecifications for resource type '%s'.", kind)
		}
		tags, err := s.tags("Tag")
		if err != nil {
			return nil, err
		}
		out[kind] = tags
	}
	return out, nil
}

// apiError is an error as EC2 tells it.
type apiError struct {
	status        int
	code, message string
}

func (e *apiError) Error() string { return e.code + ": " + e.message }

func failure(code, format string, args ...any) error {
	return &apiError{400, code, fmt.Sprintf(format, args...)}
}

// el is an element of an answer.
type el struct {
	name string
	kids []any // el, []el, or a plain value; nil values and empty strings are left out
}

func node(name string, kids ...any) el { return el{name, kids} }

func items(name string, list []el) el {
	out := el{name: name}
	for _, e := range list {
		out.kids = append(out.kids, el{"item", e.kids})
	}
	return out
}

func (e el) MarshalXML(enc *xml.Encoder, _ xml.StartElement) error {
	start := xml.StartElement{Name: xml.Name{Local: e.name}}
	if err := enc.EncodeToken(start); err != nil {
		return err
	}
	for _, k := range e.kids {
		var err error
		switch k := k.(type) {
		case el:
			if len(k.kids) == 1 && (k.kids[0] == nil || k.kids[0] == "") {
				continue
			}
			err = enc.Encode(k)
		case []el:
			for _, x := range k {
				if err == nil {
					err = enc.Encode(x)
				}
			}
		case time.Time:
			err = enc.EncodeToken(xml.CharData(k.UTC().Format("2006-01-02T15:04:05.000Z")))
		default:
			err = enc.EncodeToken(xml.CharData(fmt.Sprint(k)))
		}
		if err != nil {
			return err
		}
	}
	return enc.EncodeToken(start.End())
}

// filter is one of a Describe call.
type filter struct {
	name   string
	values []*regexp.Regexp
	texts  []string
}

func (p *params) filters() []filter {
	var out []filter
	for _, f := range p.each("Filter") {
		x := filter{name: f.str("Name"), texts: f.list("Value")}
		for _, v := range x.texts {
			x.values = append(x.values, wildcard(v))
		}
		out = append(out, x)
	}
	return out
}

// wildcard understands * and ?, and a backslash before them.
func wildcard(pattern string) *regexp.Regexp {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\' && i+1 < len(pattern):
			i++
			b.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
		case c == '*':
			b.WriteString(".*")
		case c == '?':
			b.WriteString(".")
		default:
			b.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	return regexp.MustCompile("(?s)^(?:" + b.String() + ")$")
}

// passes says whether a resource has what the filters ask for. fields gives the values of a filter's name.
func passes(filters []filter, tags map[string]string, fields func(name string) ([]string, bool)) (bool, error) {
	for _, f := range filters {
		var have []string
		switch key, ok := strings.CutPrefix(f.name, "tag:"); {
		case ok:
			if v, ok := tags[key]; ok {
				have = []string{v}
			}
		case f.name == "tag-key":
			for k := range tags {
				have = append(have, k)
			}
		default:
			if have, ok = fields(f.name); !ok {
				return false, failure("InvalidParameterValue", "The filter '%s' is invalid", f.name)
			}
		}
		if !slices.ContainsFunc(have, func(v string) bool {
			return slices.ContainsFunc(f.values, func(re *regexp.Regexp) bool { return re.MatchString(v) })
		}) {
			return false, nil
		}
	}
	return true, nil
}

// listing is how resources of one kind are described: those of some ids, that pass filters, a page at a time.
type listing[T interface{ of() base }] struct {
	all   map[string]T
	ids   string                           // the parameter that names some of them: "ImageId"
	find  func(id string) (T, error)       // one of them, or why there is none
	id    func(T) string                   // what ids has; nil for the id
	field func(T, string) ([]string, bool) // the values of a filter's name
	skip  func(T) bool                     // what else leaves one out; may be nil
}

// list answers a Describe call: the resources it asks for, and the element that tells whether there are more.
func list[T interface{ of() base }](rq *request, l listing[T]) ([]T, el, error) {
	if err := rq.allow(); err != nil {
		return nil, el{}, err
	}
	ids, filters := rq.list(l.ids), rq.filters()
	for _, id := range ids {
		if _, err := l.find(id); err != nil {
			return nil, el{}, err
		}
	}
	id := l.id
	if id == nil {
		id = func(t T) string { return t.of().ID }
	}
	var found []T
	for _, t := range sorted(l.all) {
		if !rq.visible(t.of()) || len(ids) > 0 && !slices.Contains(ids, id(t)) || l.skip != nil && l.skip(t) {
			continue
		}
		ok, err := passes(filters, t.of().Tags, func(name string) ([]string, bool) { return l.field(t, name) })
		if err != nil {
			return nil, el{}, err
		}
		if ok {
			found = append(found, t)
		}
	}
	return page(rq.params, found)
}

// page cuts a list to a page: EC2 gives at most 1000, and the token of the next.
func page[T any](p *params, all []T) ([]T, el, error) {
	size, err := p.number("MaxResults")
	if err != nil {
		return nil, el{}, err
	}
	if size == 0 {
		size = 1000
	}
	if size < 5 || size > 1000 {
		return nil, el{}, failure("InvalidParameterValue", "Value ( %d ) for parameter maxResults is invalid. Expecting a value between 5 and 1000.", size)
	}
	from := 0
	if t := p.str("NextToken"); t != "" {
		if from, err = strconv.Atoi(strings.TrimPrefix(t, "page-")); err != nil || from < 0 {
			return nil, el{}, failure("InvalidParameterValue", "The token '%s' is invalid", t)
		}
	}
	from = min(from, len(all))
	to := min(from+size, len(all))
	next := ""
	if to < len(all) {
		next = "page-" + strconv.Itoa(to)
	}
	return all[from:to], node("nextToken", next), nil
}

func tagSet(tags map[string]string) el {
	var out []el
	for _, k := range sortedKeys(tags) {
		out = append(out, node("item", node("key", k), el{"value", []any{tags[k]}}))
	}
	return items("tagSet", out)
}
