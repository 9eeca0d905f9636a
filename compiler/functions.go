package compiler

import (
	"cmp"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
)

var (
	tAny     = &Type{Kind: Any}
	tString  = &Type{Kind: String}
	tInt     = &Type{Kind: Int}
	tFloat   = &Type{Kind: Float}
	tBool    = &Type{Kind: Bool}
	tStrings = &Type{Kind: List, Elem: tString}
	tList    = &Type{Kind: List, Elem: tAny}
	tMap     = &Type{Kind: Map, Elem: tAny}
)

func always(t *Type) func([]*Type) *Type { return func([]*Type) *Type { return t } }

// same gives the type of the first argument.
func same(args []*Type) *Type { return args[0] }

func elemOf(args []*Type) *Type { return args[0].Elem }

func str(v cty.Value) string { return v.AsString() }

func whole(v cty.Value) int64 {
	n, _ := int64Of(v)
	return n
}

func stringsOf(v cty.Value) []string {
	var out []string
	for _, x := range v.AsValueSlice() {
		out = append(out, x.AsString())
	}
	return out
}

func stringTuple(ss []string) cty.Value {
	vals := make([]cty.Value, len(ss))
	for i, s := range ss {
		vals[i] = cty.StringVal(s)
	}
	return tuple(vals)
}

func fn1(doc string, f func(string) string) *builtin {
	return &builtin{params: []parameter{{name: "s", typ: tString}}, result: always(tString), doc: doc,
		call: func(a []cty.Value) (cty.Value, error) { return cty.StringVal(f(str(a[0]))), nil }}
}

func fn2(doc, second string, f func(a, b string) cty.Value, result *Type) *builtin {
	return &builtin{params: []parameter{{name: "s", typ: tString}, {name: second, typ: tString}}, result: always(result), doc: doc,
		call: func(a []cty.Value) (cty.Value, error) { return f(str(a[0]), str(a[1])), nil }}
}

// maxText bounds what a function may make of its arguments, so that no program can exhaust the memory.
const maxText = 64 << 20

// functions are the functions of the language by name.
func functions() map[string]*builtin {
	fs := map[string]*builtin{
		"upper":     fn1("in capitals", strings.ToUpper),
		"lower":     fn1("in small letters", strings.ToLower),
		"trimspace": fn1("without white space at both ends", strings.TrimSpace),
		"chomp":     fn1("without line breaks at its end", func(s string) string { return strings.TrimRight(s, "\r\n") }),
		"basename":  fn1("the last element of a path", path.Base),
		"dirname":   fn1("a path without its last element", path.Dir),
		"urlencode": fn1("escaped for a URL query", url.QueryEscape),
		"strrev": fn1("its characters in reverse", func(s string) string {
			r := []rune(s)
			slices.Reverse(r)
			return string(r)
		}),
		"title": fn1("each word with a capital", func(s string) string {
			word := false
			return strings.Map(func(r rune) rune {
				was := word
				word = r == '\'' || r == '_' || r >= '0' && r <= '9' || strings.ToUpper(string(r)) != strings.ToLower(string(r))
				if word && !was {
					u, _ := utf8.DecodeRuneInString(strings.ToUpper(string(r)))
					return u
				}
				return r
			}, s)
		}),
		"base64encode": fn1("in standard base64", func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }),
		"sha256": fn1("its SHA-256, in hex", func(s string) string {
			h := sha256.Sum256([]byte(s))
			return hex.EncodeToString(h[:])
		}),
		"sha512": fn1("its SHA-512, in hex", func(s string) string {
			h := sha512.Sum512([]byte(s))
			return hex.EncodeToString(h[:])
		}),
		"startswith":  fn2("whether s begins with prefix", "prefix", func(a, b string) cty.Value { return cty.BoolVal(strings.HasPrefix(a, b)) }, tBool),
		"endswith":    fn2("whether s ends with suffix", "suffix", func(a, b string) cty.Value { return cty.BoolVal(strings.HasSuffix(a, b)) }, tBool),
		"strcontains": fn2("whether s contains part", "part", func(a, b string) cty.Value { return cty.BoolVal(strings.Contains(a, b)) }, tBool),
		"trimprefix":  fn2("s without prefix", "prefix", func(a, b string) cty.Value { return cty.StringVal(strings.TrimPrefix(a, b)) }, tString),
		"trimsuffix":  fn2("s without suffix", "suffix", func(a, b string) cty.Value { return cty.StringVal(strings.TrimSuffix(a, b)) }, tString),
		"trim":        fn2("s without the characters of set at both ends", "set", func(a, b string) cty.Value { return cty.StringVal(strings.Trim(a, b)) }, tString),
	}
	fs["base64decode"] = &builtin{params: []parameter{{name: "s", typ: tString}}, result: always(tString), doc: "what base64 text stands for",
		call: func(a []cty.Value) (cty.Value, error) {
			b, err := base64.StdEncoding.DecodeString(str(a[0]))
			if err != nil || !utf8.Valid(b) {
				return cty.NilVal, errors.New("this is not base64 of UTF-8 text")
			}
			return cty.StringVal(string(b)), nil
		}}
	fs["split"] = &builtin{params: []parameter{{name: "separator", typ: tString}, {name: "s", typ: tString}}, result: always(tStrings), doc: "the parts of s between separators",
		call: func(a []cty.Value) (cty.Value, error) { return stringTuple(strings.Split(str(a[1]), str(a[0]))), nil }}
	fs["join"] = &builtin{params: []parameter{{name: "separator", typ: tString}, {name: "list", typ: tStrings}}, result: always(tString), doc: "the strings of a list with separators between them",
		call: func(a []cty.Value) (cty.Value, error) {
			return cty.StringVal(strings.Join(stringsOf(a[1]), str(a[0]))), nil
		}}
	fs["replace"] = &builtin{params: []parameter{{name: "s", typ: tString}, {name: "old", typ: tString}, {name: "new", typ: tString}}, result: always(tString), doc: "s with new for every old",
		call: func(a []cty.Value) (cty.Value, error) {
			s, old, repl := str(a[0]), str(a[1]), str(a[2])
			if strings.Count(s, old)*len(repl)+len(s) > maxText {
				return cty.NilVal, errors.New("the result is too long")
			}
			return cty.StringVal(strings.ReplaceAll(s, old, repl)), nil
		}}
	fs["regex_replace"] = &builtin{params: []parameter{{name: "s", typ: tString}, {name: "pattern", typ: tString}, {name: "new", typ: tString}}, result: always(tString), doc: "s with new for every match; $1 is the first group",
		call: func(a []cty.Value) (cty.Value, error) {
			re, err := regexp.Compile(str(a[1]))
			if err != nil {
				return cty.NilVal, fmt.Errorf("the pattern is wrong: %w", err)
			}
			if len(str(a[0]))*(len(str(a[2]))+1) > maxText {
				return cty.NilVal, errors.New("the result is too long")
			}
			return cty.StringVal(re.ReplaceAllString(str(a[0]), str(a[2]))), nil
		}}
	fs["matches"] = &builtin{params: []parameter{{name: "s", typ: tString}, {name: "pattern", typ: tString}}, result: always(tBool), doc: "whether a regular expression (RE2) matches somewhere in s",
		call: func(a []cty.Value) (cty.Value, error) {
			re, err := regexp.Compile(str(a[1]))
			if err != nil {
				return cty.NilVal, fmt.Errorf("the pattern is wrong: %w", err)
			}
			return cty.BoolVal(re.MatchString(str(a[0]))), nil
		}}
	fs["regexall"] = &builtin{params: []parameter{{name: "s", typ: tString}, {name: "pattern", typ: tString}}, result: always(tStrings), doc: "all matches of a regular expression (RE2) in s",
		call: func(a []cty.Value) (cty.Value, error) {
			re, err := regexp.Compile(str(a[1]))
			if err != nil {
				return cty.NilVal, fmt.Errorf("the pattern is wrong: %w", err)
			}
			return stringTuple(re.FindAllString(str(a[0]), -1)), nil
		}}
	fs["substr"] = &builtin{params: []parameter{{name: "s", typ: tString}, {name: "offset", typ: tInt}, {name: "length", typ: tInt}}, result: always(tString), doc: "length characters from offset; a length of -1 takes all that are left",
		call: func(a []cty.Value) (cty.Value, error) {
			r := []rune(str(a[0]))
			off, n := whole(a[1]), whole(a[2])
			if off < 0 || off > int64(len(r)) {
				return cty.NilVal, fmt.Errorf("the string has %d characters, so there is no offset %d", len(r), off)
			}
			r = r[off:]
			if n >= 0 && n < int64(len(r)) {
				r = r[:n]
			}
			return cty.StringVal(string(r)), nil
		}}
	fs["indent"] = &builtin{params: []parameter{{name: "spaces", typ: tInt}, {name: "s", typ: tString}}, result: always(tString), doc: "s with spaces before every line but the first",
		call: func(a []cty.Value) (cty.Value, error) {
			n := whole(a[0])
			if n < 0 || n > 1000 {
				return cty.NilVal, errors.New("between 0 and 1000 spaces are possible")
			}
			return cty.StringVal(strings.ReplaceAll(str(a[1]), "\n", "\n"+strings.Repeat(" ", int(n)))), nil
		}}
	fs["format"] = &builtin{params: []parameter{{name: "format", typ: tString}, {name: "values", typ: tAny, rest: true}}, result: always(tString), doc: "values in a text, as printf: %s %d %q %v %05d %.2f %x %%",
		call: func(a []cty.Value) (cty.Value, error) { return formatf(str(a[0]), a[1:]) }}
	fs["tostring"] = &builtin{params: []parameter{{name: "value", typ: tAny}}, doc: "a bool or a number as text",
		result: func(a []*Type) *Type {
			if a[0] == nil || !scalar(a[0]) || a[0].Optional || a[0].Kind == Nothing {
				return nil
			}
			return tString
		},
		typed: func(t []*Type, a []cty.Value) (cty.Value, error) { return cty.StringVal(plainText(a[0], t[0])), nil }}
	fs["parseint"] = &builtin{params: []parameter{{name: "s", typ: tString}, {name: "base", typ: tInt, optional: true}}, result: always(tInt), doc: "the number that s writes",
		call: func(a []cty.Value) (cty.Value, error) {
			base := int64(10)
			if a[1] != cty.NilVal {
				base = whole(a[1])
			}
			if base < 2 || base > 36 {
				return cty.NilVal, errors.New("the base is between 2 and 36")
			}
			n, err := strconv.ParseInt(str(a[0]), int(base), 64)
			if err != nil {
				return cty.NilVal, fmt.Errorf("%q is no such number", str(a[0]))
			}
			return cty.NumberIntVal(n), nil
		}}
	listFunctions(fs)
	numberFunctions(fs)
	dataFunctions(fs)
	moreFunctions(fs)
	return fs
}

func formatf(format string, vals []cty.Value) (cty.Value, error) {
	args := make([]any, len(vals))
	for i, v := range vals {
		switch {
		case v.IsNull():
			args[i] = "null"
		case v.Type() == cty.String:
			args[i] = v.AsString()
		case v.Type() == cty.Bool:
			args[i] = v.True()
		case v.Type() == cty.Number:
			if n, ok := int64Of(v); ok {
				args[i] = n
			} else {
				args[i] = float64Of(v)
			}
		default:
			return cty.NilVal, errors.New("lists and objects have no form here; use join or jsonencode")
		}
	}
	if widths := regexp.MustCompile(`[0-9]{4,}`); widths.MatchString(format) {
		return cty.NilVal, errors.New("widths are of at most three digits")
	}
	out := fmt.Sprintf(format, args...)
	if strings.Contains(out, "%!") {
		return cty.NilVal, fmt.Errorf("the format and the values do not fit: %s", out)
	}
	return cty.StringVal(out), nil
}

func listFunctions(fs map[string]*builtin) {
	fs["length"] = &builtin{params: []parameter{{name: "value", typ: tAny}}, doc: "how many elements a list or map has, or characters a string",
		result: func(a []*Type) *Type {
			if a[0].Optional || number(a[0]) || a[0].Kind == Bool || a[0].Kind == Nothing {
				return nil
			}
			return tInt
		},
		call: func(a []cty.Value) (cty.Value, error) {
			if a[0].IsNull() {
				return cty.NilVal, errors.New("the value is null")
			}
			if a[0].Type() == cty.String {
				return cty.NumberIntVal(int64(utf8.RuneCountInString(str(a[0])))), nil
			}
			if !a[0].CanIterateElements() {
				return cty.NilVal, errors.New("it has no elements")
			}
			return cty.NumberIntVal(int64(a[0].LengthInt())), nil
		}}
	list := func(doc string, f func([]cty.Value) ([]cty.Value, error)) *builtin {
		return &builtin{params: []parameter{{name: "list", typ: tList}}, result: same, doc: doc,
			call: func(a []cty.Value) (cty.Value, error) {
				out, err := f(a[0].AsValueSlice())
				return tuple(out), err
			}}
	}
	fs["reverse"] = list("the list from its end", func(v []cty.Value) ([]cty.Value, error) { slices.Reverse(v); return v, nil })
	fs["distinct"] = list("each element once", func(v []cty.Value) ([]cty.Value, error) {
		var out []cty.Value
		seen := map[string]bool{}
		for _, x := range v {
			if text := FormatValue(x, nil); !seen[text] {
				seen[text] = true
				out = append(out, x)
			}
		}
		return out, nil
	})
	fs["sort"] = &builtin{params: []parameter{{name: "list", typ: tStrings}}, result: always(tStrings), doc: "the strings in order",
		call: func(a []cty.Value) (cty.Value, error) {
			s := stringsOf(a[0])
			slices.Sort(s)
			return stringTuple(s), nil
		}}
	fs["compact"] = &builtin{params: []parameter{{name: "list", typ: tStrings}}, result: always(tStrings), doc: "the strings that are not empty",
		call: func(a []cty.Value) (cty.Value, error) {
			return stringTuple(slices.DeleteFunc(stringsOf(a[0]), func(s string) bool { return s == "" })), nil
		}}
	fs["concat"] = &builtin{params: []parameter{{name: "lists", typ: tList, rest: true}}, doc: "one list of all elements",
		result: func(a []*Type) *Type {
			elem := &Type{Kind: Nothing}
			for _, t := range a {
				if elem = join(elem, t.Elem); elem == nil {
					return nil
				}
			}
			return listType(elem)
		},
		call: func(a []cty.Value) (cty.Value, error) {
			var out []cty.Value
			for _, v := range a {
				out = append(out, v.AsValueSlice()...)
			}
			return tuple(out), nil
		}}
	fs["flatten"] = &builtin{params: []parameter{{name: "list", typ: tList}}, doc: "one list of the elements of the lists in a list",
		result: func(a []*Type) *Type {
			if a[0].Elem.Kind != List || a[0].Elem.Optional {
				return a[0]
			}
			return a[0].Elem
		},
		call: func(a []cty.Value) (cty.Value, error) {
			var out []cty.Value
			for _, v := range a[0].AsValueSlice() {
				if v.CanIterateElements() && (v.Type().IsTupleType() || v.Type().IsListType()) {
					out = append(out, v.AsValueSlice()...)
				} else {
					out = append(out, v)
				}
			}
			return tuple(out), nil
		}}
	fs["contains"] = &builtin{params: []parameter{{name: "list", typ: tList}, {name: "value", typ: tAny}}, result: always(tBool), doc: "whether a list has an element equal to value",
		call: func(a []cty.Value) (cty.Value, error) {
			return cty.BoolVal(slices.ContainsFunc(a[0].AsValueSlice(), func(x cty.Value) bool { return equal(x, a[1]) })), nil
		}}
	fs["element"] = &builtin{params: []parameter{{name: "list", typ: tList}, {name: "index", typ: tInt}}, result: elemOf, doc: "the element with this index, counted round and round",
		call: func(a []cty.Value) (cty.Value, error) {
			v := a[0].AsValueSlice()
			if len(v) == 0 {
				return cty.NilVal, errors.New("the list is empty")
			}
			n := whole(a[1]) % int64(len(v))
			if n < 0 {
				n += int64(len(v))
			}
			return v[n], nil
		}}
	fs["slice"] = &builtin{params: []parameter{{name: "list", typ: tList}, {name: "start", typ: tInt}, {name: "end", typ: tInt}}, result: same, doc: "the elements from start up to, not including, end",
		call: func(a []cty.Value) (cty.Value, error) {
			v, from, to := a[0].AsValueSlice(), whole(a[1]), whole(a[2])
			if from < 0 || to < from || to > int64(len(v)) {
				return cty.NilVal, fmt.Errorf("a list of %d elements has no part from %d to %d", len(v), from, to)
			}
			return tuple(v[from:to]), nil
		}}
	fs["range"] = &builtin{params: []parameter{par("start", tInt), maybe("end", tInt), maybe("step", tInt)}, result: always(&Type{Kind: List, Elem: tInt}), doc: "the numbers from start (0 where only one is given) up to, not including, end",
		call: func(a []cty.Value) (cty.Value, error) {
			from, to, step := int64(0), whole(a[0]), int64(1)
			if a[1] != cty.NilVal {
				from, to = to, whole(a[1])
			}
			if a[2] != cty.NilVal {
				step = whole(a[2])
			}
			if step == 0 {
				return cty.NilVal, errors.New("the step is 0")
			}
			var vals []cty.Value
			for i := from; step > 0 && i < to || step < 0 && i > to; i += step {
				if len(vals) == 100_000 {
					return cty.NilVal, errors.New("a range has 100000 numbers at most")
				}
				vals = append(vals, cty.NumberIntVal(i))
				if step > 0 && i > math.MaxInt64-step || step < 0 && i < math.MinInt64-step {
					break
				}
			}
			return tuple(vals), nil
		}}
	fs["keys"] = &builtin{params: []parameter{{name: "map", typ: tMap}}, result: always(tStrings), doc: "the keys of a map, in order",
		call: func(a []cty.Value) (cty.Value, error) { return stringTuple(sortedKeys(a[0].AsValueMap())), nil }}
	fs["values"] = &builtin{params: []parameter{{name: "map", typ: tMap}}, doc: "the values of a map, in the order of its keys",
		result: func(a []*Type) *Type { return listType(a[0].Elem) },
		call: func(a []cty.Value) (cty.Value, error) {
			m := a[0].AsValueMap()
			var out []cty.Value
			for _, k := range sortedKeys(m) {
				out = append(out, m[k])
			}
			return tuple(out), nil
		}}
	fs["merge"] = &builtin{params: []parameter{{name: "maps", typ: tMap, rest: true}}, doc: "one map of all; later ones win",
		result: func(a []*Type) *Type {
			elem := &Type{Kind: Nothing}
			for _, t := range a {
				if elem = join(elem, t.Elem); elem == nil {
					elem = tAny
				}
			}
			return &Type{Kind: Map, Elem: elem}
		},
		call: func(a []cty.Value) (cty.Value, error) {
			out := map[string]cty.Value{}
			for _, v := range a {
				for k, x := range v.AsValueMap() {
					out[k] = x
				}
			}
			return objectVal(out), nil
		}}
	fs["lookup"] = &builtin{params: []parameter{{name: "map", typ: tMap}, {name: "key", typ: tString}, {name: "otherwise", typ: tAny}}, doc: "the value of a key, or otherwise",
		result: func(a []*Type) *Type {
			return join(a[0].Elem, a[2])
		},
		call: func(a []cty.Value) (cty.Value, error) {
			if v, ok := a[0].AsValueMap()[str(a[1])]; ok {
				return v, nil
			}
			return a[2], nil
		}}
	fs["zipmap"] = &builtin{params: []parameter{{name: "keys", typ: tStrings}, {name: "values", typ: tList}}, doc: "a map of keys and values",
		result: func(a []*Type) *Type { return &Type{Kind: Map, Elem: a[1].Elem} },
		call: func(a []cty.Value) (cty.Value, error) {
			k, v := stringsOf(a[0]), a[1].AsValueSlice()
			if len(k) != len(v) {
				return cty.NilVal, fmt.Errorf("there are %d keys and %d values", len(k), len(v))
			}
			out := map[string]cty.Value{}
			for i := range k {
				out[k[i]] = v[i]
			}
			return objectVal(out), nil
		}}
	fs["coalesce"] = &builtin{params: []parameter{{name: "strings", typ: tString, rest: true}}, result: always(tString), doc: "the first string that is not empty",
		call: func(a []cty.Value) (cty.Value, error) {
			for _, v := range a {
				if str(v) != "" {
					return v, nil
				}
			}
			return cty.NilVal, errors.New("all are empty")
		}}
	every := func(doc string, stop bool) *builtin {
		return &builtin{params: []parameter{{name: "list", typ: &Type{Kind: List, Elem: tBool}}}, result: always(tBool), doc: doc,
			call: func(a []cty.Value) (cty.Value, error) {
				for _, v := range a[0].AsValueSlice() {
					if v.True() == stop {
						return cty.BoolVal(stop), nil
					}
				}
				return cty.BoolVal(!stop), nil
			}}
	}
	fs["alltrue"] = every("whether all are true", false)
	fs["anytrue"] = every("whether one at least is true", true)
}

func numberFunctions(fs map[string]*builtin) {
	round := func(doc string, f func(float64) float64) *builtin {
		return &builtin{params: []parameter{{name: "x", typ: tFloat}}, result: always(tInt), doc: doc,
			call: func(a []cty.Value) (cty.Value, error) {
				x := f(float64Of(a[0]))
				if math.Abs(x) >= 1<<63 {
					return cty.NilVal, errors.New("it does not fit in 64 bits")
				}
				return cty.NumberIntVal(int64(x)), nil
			}}
	}
	fs["ceil"] = round("the next whole number up", math.Ceil)
	fs["floor"] = round("the next whole number down", math.Floor)
	fs["round"] = round("the nearest whole number", math.Round)
	fs["abs"] = &builtin{params: []parameter{{name: "x", typ: tAny}}, doc: "without its sign",
		result: func(a []*Type) *Type {
			if !number(a[0]) || a[0].Optional {
				return nil
			}
			return a[0]
		},
		call: func(a []cty.Value) (cty.Value, error) {
			return cty.NumberVal(new(big.Float).Abs(a[0].AsBigFloat())), nil
		}}
	extreme := func(doc string, sign int) *builtin {
		return &builtin{params: []parameter{{name: "first", typ: tAny}, {name: "others", typ: tAny, rest: true}}, doc: doc,
			result: func(a []*Type) *Type {
				t := a[0]
				for _, o := range a {
					if !number(o) || o.Optional {
						return nil
					}
					if t = join(t, o); t == nil {
						return nil
					}
				}
				return t
			},
			call: func(a []cty.Value) (cty.Value, error) {
				return slices.MaxFunc(a, func(x, y cty.Value) int { return sign * x.AsBigFloat().Cmp(y.AsBigFloat()) }), nil
			}}
	}
	fs["max"] = extreme("the largest", 1)
	fs["min"] = extreme("the smallest", -1)
	fs["sum"] = &builtin{params: []parameter{{name: "list", typ: &Type{Kind: List, Elem: tInt}}}, result: always(tInt), doc: "all added up",
		call: func(a []cty.Value) (cty.Value, error) {
			t := new(big.Int)
			for _, v := range a[0].AsValueSlice() {
				t.Add(t, big.NewInt(whole(v)))
			}
			if !t.IsInt64() {
				return cty.NilVal, errors.New("it does not fit in 64 bits")
			}
			return cty.NumberIntVal(t.Int64()), nil
		}}
}

func dataFunctions(fs map[string]*builtin) {
	fs["jsonencode"] = &builtin{params: []parameter{{name: "value", typ: tAny}}, result: always(tString), doc: "a value as JSON",
		call: func(a []cty.Value) (cty.Value, error) {
			b, err := json.Marshal(toJSON(a[0]))
			return cty.StringVal(string(b)), err
		}}
	fs["jsondecode"] = &builtin{params: []parameter{{name: "s", typ: tString}}, result: always(tAny), doc: "what JSON text says",
		call: func(a []cty.Value) (cty.Value, error) {
			var v any
			if err := json.Unmarshal([]byte(str(a[0])), &v); err != nil {
				return cty.NilVal, errors.New("this is not JSON")
			}
			return fromJSON(v), nil
		}}
}

// toJSON makes of a known value without marks what encoding/json can write.
func toJSON(v cty.Value) any {
	t := v.Type()
	switch {
	case v.IsNull():
		return nil
	case t == cty.String:
		return v.AsString()
	case t == cty.Bool:
		return v.True()
	case t == cty.Number:
		if n, ok := int64Of(v); ok {
			return n
		}
		return float64Of(v)
	case t.IsTupleType() || t.IsListType():
		out := []any{}
		for _, x := range v.AsValueSlice() {
			out = append(out, toJSON(x))
		}
		return out
	case t.IsObjectType() || t.IsMapType():
		out := map[string]any{}
		for k, x := range v.AsValueMap() {
			out[k] = toJSON(x)
		}
		return out
	}
	return nil
}

// Function is what there is to say of a function of the language.
type Function struct {
	Name      string
	Signature string // how it is called: join(separator: string, list: list(string))
	Doc       string // what it gives
}

// Functions lists the functions of the language by name.
func Functions() []Function {
	var out []Function
	for name, b := range functions() {
		out = append(out, Function{name, callee{name, b.params}.signature(), b.doc})
	}
	slices.SortFunc(out, func(a, b Function) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// JSON makes of a known value what encoding/json can write. Secrets are not taken out: a caller has none, or hides them.
func JSON(v cty.Value) any {
	plain, _ := strip(v)
	return toJSON(plain)
}
