package lang

import "slices"

// CodeInfo explains the diagnostics of one code at length.
type CodeInfo struct {
	Code  string // such as "E0110"; never given to something else later
	Title string
	Text  string // paragraphs of plain text, with examples
}

// Codes returns the catalogue in the order of the codes. E01 is syntax, E02 names, E03 types, E04 phases and secrecy,
// E05 components and options, E06 structure, E07 params, E08 planning, E09 applying.
func Codes() []CodeInfo { return slices.Clone(catalogue) }

// Lookup finds what is known of a code.
func Lookup(code string) (CodeInfo, bool) {
	for _, c := range catalogue {
		if c.Code == code {
			return c, true
		}
	}
	return CodeInfo{}, false
}

// catalogue is only read.
var catalogue = slices.Concat(syntaxCodes, compilingCodes, planningCodes, executingCodes, warningCodes)

var syntaxCodes = []CodeInfo{
	{"E0101", "something that is no word of the language", `A character has no meaning where it stands, or a number has an unknown unit.

Sizes are written 512B, 4KB, 20GiB; durations 250ms, 30s, 1h30m, 2d. Comments begin with #. A line break ends a statement,
no semicolon does.`},
	{"E0102", "a string is not closed", `A string ends with the mark it began with: " or ' on the same line, """ or ''' on any later line.`},
	{"E0103", "an interpolation is not closed", `Inside "…" the characters ${ begin an expression, which } ends. Write \${ for the characters themselves, or use '…',
in which nothing has a meaning.`},
	{"E0104", "there is no such escape", `The escapes of "…" are \n \t \r \\ \" \' \$ and \u{1F600}. Write \\ for a backslash. In '…' and ''' a backslash is
a backslash, which is good for Windows paths and regular expressions.`},
	{"E0105", "an interpolation is empty", `${} holds no expression. Write one, such as ${version}, or \${} for the characters themselves.`},
	{"E0106", "a bracket is not closed", `A {, [ or ( lacks its end. The place is where the bracket opens; when braces are missing in nested blocks, the indentation
says which of them is meant.`},
	{"E0107", "brackets are nested too deep", `No program needs a thousand brackets inside one another. Name parts of it with let.`},
	{"E0108", "a bracket closes nothing", `There is a }, ] or ) without its beginning. Mostly a bracket was closed twice, or the line that opened it was removed.`},
	{"E0110", "something else was expected", `The text does not go on as the language wants it. The message says what was expected and what is there.

Each declaration begins at the start of its line. A line break ends a statement, except after an operator, inside ( ) and [ ],
and where the next line begins with |>.`},
	{"E0111", "a name is missing after a dot", `After x. comes the name of a field: x.id. Write x["a key"] for keys that are no names, x[0] for items of a list.`},
	{"E0112", "no statement begins so", `A block holds options, written NAME = VALUE, and statements, which begin with from, provision, on, on_error, override,
only, except, retry, timeout, pause, when, keep or post.

A step is "provision shell { … }", not "shell { … }".`},
	{"E0113", "no declaration begins so", `At the start of a line stands a word that begins no declaration. They begin with param, secret param, let, func, type, data,
source, recipe, build, output, assert or use. What belongs to a block is indented.`},
	{"E0114", "components are not declared in programs", `builder, provisioner and post declare components in imgc's own schema files. A program uses them:

  source vm = rootfs { … }
  build web {
    from vm
    provision shell { … }
    post compress { … }
  }`},
	{"E0115", "only values stand in a vars file", `A .imgcvars file holds lines such as

  region = "eu-central-1"
  sizes  = [20GiB, 40GiB]

and comments. Each name is a param of the program.`},
}
