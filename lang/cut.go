package lang

import (
	"slices"
	"strings"
)

// chunk is the stretch of a file that one declaration takes.
type chunk struct{ start, end int }

// cutter divides a file into declarations without parsing it: it knows strings, comments and brackets only.
type cutter struct {
	src   string
	words []string // that begin declarations
	// strict is set when a string over several lines has no end: then each ends before the next declaration, so that
	// one that is not closed costs its own declaration and no other.
	strict   bool
	unclosed bool
	starts   []int
	// known, when it is set, is asked at each start whether what follows is known from an earlier version.
	known func(start int) bool
}

// cuts is a file as it was cut, so that the next version is cut anew only where it differs.
type cuts struct {
	src    string
	starts []int
	strict bool
}

// edited cuts a new version of a file. Where a declaration begins depends on the text before it and on its line: so all is as it was
// up to the declaration before the first change, and from the first declaration after the last change that begins where one began.
func edited(old cuts, src string, words []string) ([]chunk, cuts) {
	pre := commonPrefix(old.src, src)
	suf := commonSuffix(old.src[pre:], src[pre:])
	delta := len(src) - len(old.src)
	keep, _ := slices.BinarySearch(old.starts, pre)
	keep -= 2 // the declaration in which the change lies, and the one before, are looked at again
	if old.strict || keep < 1 {
		return cutAll(src, words)
	}
	from := old.starts[keep]
	rest := len(old.starts)
	c := &cutter{src: src, words: words, starts: slices.Clone(old.starts[:keep])}
	c.known = func(start int) bool {
		if start < len(src)-suf {
			return false
		}
		i, found := slices.BinarySearch(old.starts, start-delta)
		if found {
			rest = i + 1
		}
		return found
	}
	c.scan(from)
	if c.unclosed {
		return cutAll(src, words)
	}
	for _, s := range old.starts[rest:] {
		c.starts = append(c.starts, s+delta)
	}
	return c.chunks(), cuts{src: src, starts: c.starts}
}

func commonPrefix(a, b string) int {
	n := min(len(a), len(b))
	const step = 1 << 12
	i := 0
	for i+step <= n && a[i:i+step] == b[i:i+step] {
		i += step
	}
	for i < n && a[i] == b[i] {
		i++
	}
	return i
}

func commonSuffix(a, b string) int {
	n := min(len(a), len(b))
	const step = 1 << 12
	i := 0
	for i+step <= n && a[len(a)-i-step:len(a)-i] == b[len(b)-i-step:len(b)-i] {
		i += step
	}
	for i < n && a[len(a)-i-1] == b[len(b)-i-1] {
		i++
	}
	return i
}

// cutAll divides a file that is new into declarations.
func cutAll(src string, words []string) ([]chunk, cuts) {
	c := &cutter{src: src, words: words}
	c.scan(0)
	if c.unclosed {
		c = &cutter{src: src, words: words, strict: true}
		c.scan(0)
	}
	return c.chunks(), cuts{src: src, starts: c.starts, strict: c.strict}
}

// chunks are the declarations of a file: each begins with its doc comment, or with a line whose first word stands at
// column 0 and is not part of what came before. What stands before the first one is a chunk when it is not comments.
func (c *cutter) chunks() []chunk {
	src := c.src
	first := len(src)
	if len(c.starts) > 0 {
		first = c.starts[0]
	}
	var chunks []chunk
	if strings.TrimSpace(stripComments(src[:first])) != "" {
		chunks = append(chunks, chunk{0, first})
	}
	for i, s := range c.starts {
		e := len(src)
		if i+1 < len(c.starts) {
			e = c.starts[i+1]
		}
		chunks = append(chunks, chunk{s, e})
	}
	return chunks
}

// scan finds where declarations begin, from the beginning of the file or of a declaration.
func (c *cutter) scan(pos int) {
	depth, docStart := 0, -1
	last := byte(0) // the last character that is neither white space nor comment
	if pos == 0 && strings.HasPrefix(c.src, "\ufeff") {
		pos = len("\ufeff")
	}
	lineStart := true
	for pos < len(c.src) {
		if lineStart {
			lineStart = false
			line := c.src[pos:]
			switch {
			case strings.HasPrefix(line, "##"), depth == 0 && strings.HasPrefix(strings.TrimLeft(line, " \t"), "##"):
				if docStart < 0 {
					docStart = pos
				}
			case isNameStart(line[0]) && (depth == 0 && !goesOn(last) || c.declares(line)), c.indentedFirst(line, last):
				if docStart < 0 {
					docStart = pos
				}
				c.starts = append(c.starts, docStart)
				if c.known != nil && c.known(docStart) {
					return
				}
				depth, docStart = 0, -1
			default:
				docStart = -1
			}
		}
		switch b := c.src[pos]; b {
		case '\n':
			lineStart = true
			pos++
			continue
		case ' ', '\t', '\r':
			pos++
			continue
		case '#':
			if i := strings.IndexByte(c.src[pos:], '\n'); i >= 0 {
				pos += i
			} else {
				pos = len(c.src)
			}
			continue
		case '"', '\'':
			pos = c.string(pos)
			last = b
			continue
		case '{', '[', '(':
			depth++
		case '}', ']', ')':
			depth = max(0, depth-1)
		}
		last = c.src[pos]
		pos++
	}
}

// indentedFirst reports whether a line begins the first declaration of a file although it is indented: then nothing else begins one.
func (c *cutter) indentedFirst(line string, last byte) bool {
	if len(c.starts) > 0 || last != 0 {
		return false
	}
	rest := strings.TrimLeft(line, " \t")
	return rest != "" && isNameStart(rest[0])
}

// goesOn reports whether a statement goes on over a line break after a character.
func goesOn(last byte) bool { return last != 0 && strings.IndexByte("=+-*/%<>&|!:,", last) >= 0 }

// declares reports whether a line surely begins a declaration: one of its words and what must follow it. A name
// followed by "=" is an option.
func (c *cutter) declares(line string) bool {
	word := firstWord(line)
	rest := strings.TrimLeft(line[len(word):], " \t")
	if len(rest) == len(line)-len(word) || rest == "" || !slices.Contains(c.words, word) {
		return false
	}
	switch word {
	case "use", "test":
		return rest[0] == '"' || rest[0] == '\''
	case "assert":
		return isNameStart(rest[0]) || strings.IndexByte("(!-", rest[0]) >= 0
	}
	return isNameStart(rest[0])
}

// string returns where the string literal at pos ends.
func (c *cutter) string(pos int) int {
	end, closed := stringEnd(c.src, pos)
	if !strings.Contains(c.src[pos:end], "\n") {
		return end
	}
	if !closed {
		c.unclosed = true
	}
	lastLine := c.src[pos:end]
	lastLine = strings.TrimLeft(lastLine[strings.LastIndexByte(lastLine, '\n')+1:], " \t")
	if !c.strict || closed && len(lastLine) == len(`"""`) {
		return end // in strict mode too, a closing mark that stands alone is believed
	}
	for i := pos; i < end; {
		n := strings.IndexByte(c.src[i:end], '\n')
		if n < 0 {
			break
		}
		i += n + 1
		if i < end && c.declares(c.src[i:]) {
			return i - 1
		}
	}
	return end
}

// stripComments leaves out the lines that are comments.
func stripComments(s string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.TrimPrefix(s, "\ufeff")) {
		if !strings.HasPrefix(strings.TrimSpace(line), "#") {
			b.WriteString(line)
		}
	}
	return b.String()
}
