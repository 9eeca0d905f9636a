package compiler

import (
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	yaml "github.com/zclconf/go-cty-yaml"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
	"golang.org/x/text/encoding/ianaindex"
)

// instead says what to write for functions that people know from Packer and Terraform and that imgc does not have: most of them
// give another result each time, and a plan would never be empty.
var instead = map[string]string{
	"timestamp":              "a time that changes makes every plan dirty: use run.time, which is known when apply begins",
	"uuidv4":                 "a new id each time makes every plan dirty: use run.id, or uuidv5 of a name",
	"abspath":                "paths are relative to the file that writes them, so that the program means the same on every machine",
	"abs_path":               "paths are relative to the file that writes them, so that the program means the same on every machine",
	"bcrypt":                 "its salt changes each time: make the hash once and give it as a secret param",
	"rsadecrypt":             "give what it would decrypt as a secret param",
	"vault":                  "give the value as a secret param, or with env in its default",
	"consul_key":             "give the value as a param",
	"aws_secretsmanager":     "give the value as a secret param, or look it up with data",
	"aws_secretsmanager_raw": "give the value as a secret param, or look it up with data",
	"legacy_isotime":         "use run.time, or formatdate of a param", "isotime": "use run.time, or formatdate of a param",
	"legacy_strftime": "use run.time, or formatdate of a param", "strftime": "use run.time, or formatdate of a param",
	"convert": "values have their types from their declarations: let x: list(string) = …",
	"tolist":  "a list is written [a, b], and has its type from its declaration", "toset": "use distinct(list)",
	"tomap": "an object is a map where one is wanted", "tonumber": "use parseint(s) or parsefloat(s)", "tobool": `compare it: s == "true"`,
	"concat_strings": `join strings by interpolation: "${a}${b}"`, "sensitive": "declare it: secret param", "nonsensitive": "what is secret stays secret",
	"one": "use list[0], or element(list, 0)", "base64gunzip": "keep the text itself in the program's folder, and use file",
	"pathexpand": "paths are relative to the file that writes them", "print": "use output", "env": "declare param x: string = env(\"X\")",
	"setsubtract": "use [for x in a if !contains(b, x): x]", "matchkeys": "use a comprehension", "transpose": "use a comprehension",
}

// fromLibrary makes a function of one of go-cty's. What it gives is put into the shapes of values here: tuples and objects.
func fromLibrary(fn function.Function, doc string, result func([]*Type) *Type, params ...parameter) *builtin {
	return &builtin{params: params, result: result, doc: doc, call: func(a []cty.Value) (v cty.Value, err error) {
		defer func() { // the library panics on some values that its types allow
			if r := recover(); r != nil {
				err = errors.New("it does not take this value")
			}
		}()
		args := slices.DeleteFunc(slices.Clone(a), func(v cty.Value) bool { return v == cty.NilVal })
		out, err := fn.Call(args)
		if err != nil {
			return cty.NilVal, err
		}
		return plainShape(out), nil
	}}
}

// plainShape makes tuples of lists and sets, and objects of maps.
func plainShape(v cty.Value) cty.Value {
	if !v.IsKnown() || v.IsNull() {
		return v
	}
	t := v.Type()
	switch {
	case t.IsListType() || t.IsSetType() || t.IsTupleType():
		var vals []cty.Value
		for _, x := range v.AsValueSlice() {
			vals = append(vals, plainShape(x))
		}
		return tuple(vals)
	case t.IsMapType() || t.IsObjectType():
		vals := map[string]cty.Value{}
		for k, x := range v.AsValueMap() {
			vals[k] = plainShape(x)
		}
		return objectVal(vals)
	}
	return v
}

func par(name string, t *Type) parameter          { return parameter{name: name, typ: t} }
func maybe(name string, t *Type) parameter        { return parameter{name: name, typ: t, optional: true} }
func restOf(name string, t *Type) parameter       { return parameter{name: name, typ: t, rest: true} }
func text(s string, err error) (cty.Value, error) { return cty.StringVal(s), err }

func hexOf(sum []byte) string { return hex.EncodeToString(sum) }

func moreFunctions(fs map[string]*builtin) {
	fs["md5"] = fn1("its MD5, in hex; for old formats only", func(s string) string { h := md5.Sum([]byte(s)); return hexOf(h[:]) })
	fs["sha1"] = fn1("its SHA-1, in hex; for old formats only", func(s string) string { h := sha1.Sum([]byte(s)); return hexOf(h[:]) })
	fs["base64gzip"] = &builtin{params: []parameter{par("s", tString)}, result: always(tString), doc: "its gzip, in base64; the same text gives the same bytes",
		call: func(a []cty.Value) (cty.Value, error) {
			var b bytes.Buffer
			w := gzip.NewWriter(&b)
			if _, err := w.Write([]byte(str(a[0]))); err != nil {
				return cty.NilVal, err
			}
			err := w.Close()
			return text(base64.StdEncoding.EncodeToString(b.Bytes()), err)
		}}
	fs["textencodebase64"] = &builtin{params: []parameter{par("s", tString), par("encoding", tString)}, result: always(tString), doc: `text in a character encoding such as "UTF-16LE", in base64`,
		call: func(a []cty.Value) (cty.Value, error) {
			enc, err := ianaindex.IANA.Encoding(str(a[1]))
			if err != nil || enc == nil {
				return cty.NilVal, fmt.Errorf("%q is no known character encoding", str(a[1]))
			}
			out, err := enc.NewEncoder().String(str(a[0]))
			if err != nil {
				return cty.NilVal, errors.New("the text has characters that the encoding does not have")
			}
			return text(base64.StdEncoding.EncodeToString([]byte(out)), nil)
		}}
	fs["textdecodebase64"] = &builtin{params: []parameter{par("s", tString), par("encoding", tString)}, result: always(tString), doc: "the text that base64 in a character encoding stands for",
		call: func(a []cty.Value) (cty.Value, error) {
			enc, err := ianaindex.IANA.Encoding(str(a[1]))
			if err != nil || enc == nil {
				return cty.NilVal, fmt.Errorf("%q is no known character encoding", str(a[1]))
			}
			raw, err := base64.StdEncoding.DecodeString(str(a[0]))
			if err != nil {
				return cty.NilVal, errors.New("this is not base64")
			}
			out, err := enc.NewDecoder().Bytes(raw)
			if err != nil || !utf8.Valid(out) {
				return cty.NilVal, errors.New("the bytes are no text in this encoding")
			}
			return text(string(out), nil)
		}}
	fs["uuidv5"] = &builtin{params: []parameter{par("namespace", tString), par("name", tString)}, result: always(tString), doc: `the UUID of a name; the namespace is "dns", "url", "oid", "x500" or a UUID`,
		call: func(a []cty.Value) (cty.Value, error) {
			ns := map[string]uuid.UUID{"dns": uuid.NameSpaceDNS, "url": uuid.NameSpaceURL, "oid": uuid.NameSpaceOID, "x500": uuid.NameSpaceX500}[str(a[0])]
			if ns == uuid.Nil {
				var err error
				if ns, err = uuid.Parse(str(a[0])); err != nil {
					return cty.NilVal, fmt.Errorf("%q is no namespace", str(a[0]))
				}
			}
			return text(uuid.NewSHA1(ns, []byte(str(a[1]))).String(), nil)
		}}
	fs["regex"] = &builtin{params: []parameter{par("s", tString), par("pattern", tString)}, result: always(tStrings), doc: "the first match of a regular expression (RE2) and its groups; no match is an error, see matches",
		call: func(a []cty.Value) (cty.Value, error) {
			re, err := regexp.Compile(str(a[1]))
			if err != nil {
				return cty.NilVal, fmt.Errorf("the pattern is wrong: %w", err)
			}
			m := re.FindStringSubmatch(str(a[0]))
			if m == nil {
				return cty.NilVal, errors.New("the pattern does not match")
			}
			return stringTuple(m), nil
		}}
	fs["parsefloat"] = &builtin{params: []parameter{par("s", tString)}, result: always(tFloat), doc: "the number that s writes, with a fraction perhaps",
		call: func(a []cty.Value) (cty.Value, error) {
			v, err := cty.ParseNumberVal(str(a[0]))
			if err != nil {
				return cty.NilVal, fmt.Errorf("%q is no number", str(a[0]))
			}
			return cty.NumberFloatVal(float64Of(v)), nil
		}}
	anyList := &Type{Kind: List, Elem: tAny}
	fs["chunklist"] = &builtin{params: []parameter{par("list", anyList), par("size", tInt)}, result: func(a []*Type) *Type { return listType(a[0]) }, doc: "a list of lists of size elements",
		call: func(a []cty.Value) (cty.Value, error) {
			n := whole(a[1])
			if n < 1 {
				return cty.NilVal, errors.New("the size is 1 at least")
			}
			var out []cty.Value
			for c := range slices.Chunk(a[0].AsValueSlice(), int(min(n, maxItems))) {
				out = append(out, tuple(slices.Clone(c)))
			}
			return tuple(out), nil
		}}
	fs["coalescelist"] = &builtin{params: []parameter{restOf("lists", anyList)}, doc: "the first list that is not empty",
		result: fs["concat"].result,
		call: func(a []cty.Value) (cty.Value, error) {
			for _, v := range a {
				if v.LengthInt() > 0 {
					return v, nil
				}
			}
			return cty.NilVal, errors.New("all are empty")
		}}
	fs["index"] = &builtin{params: []parameter{par("list", anyList), par("value", tAny)}, result: always(tInt), doc: "where in a list a value first stands; it is an error where it does not, see contains",
		call: func(a []cty.Value) (cty.Value, error) {
			i := slices.IndexFunc(a[0].AsValueSlice(), func(x cty.Value) bool { return equal(x, a[1]) })
			if i < 0 {
				return cty.NilVal, errors.New("the list does not have the value")
			}
			return cty.NumberIntVal(int64(i)), nil
		}}
	sets := func(doc string, keep func(x cty.Value, others [][]cty.Value) bool) *builtin {
		return &builtin{params: []parameter{par("first", anyList), restOf("others", anyList)}, result: fs["concat"].result, doc: doc,
			call: func(a []cty.Value) (cty.Value, error) {
				var others [][]cty.Value
				all := 0
				for _, v := range a[1:] {
					others = append(others, v.AsValueSlice())
					all += v.LengthInt()
				}
				if a[0].LengthInt()*all > 50_000_000 {
					return cty.NilVal, errors.New("the lists are too long")
				}
				var out []cty.Value
				for _, x := range a[0].AsValueSlice() {
					if keep(x, others) && !slices.ContainsFunc(out, func(y cty.Value) bool { return equal(x, y) }) {
						out = append(out, x)
					}
				}
				return tuple(out), nil
			}}
	}
	in := func(x cty.Value, list []cty.Value) bool {
		return slices.ContainsFunc(list, func(y cty.Value) bool { return equal(x, y) })
	}
	fs["setintersection"] = sets("the elements that are in all lists, each once", func(x cty.Value, others [][]cty.Value) bool {
		return !slices.ContainsFunc(others, func(l []cty.Value) bool { return !in(x, l) })
	})
	fs["setsubtract"] = sets("the elements of the first list that are in no other, each once", func(x cty.Value, others [][]cty.Value) bool {
		return !slices.ContainsFunc(others, func(l []cty.Value) bool { return in(x, l) })
	})
	fs["setunion"] = &builtin{params: []parameter{restOf("lists", anyList)}, result: fs["concat"].result, doc: "the elements of all lists, each once",
		call: func(a []cty.Value) (cty.Value, error) {
			all, err := fs["concat"].call(a)
			if err != nil {
				return cty.NilVal, err
			}
			return fs["distinct"].call([]cty.Value{all})
		}}
	fs["setproduct"] = &builtin{params: []parameter{restOf("lists", anyList)}, doc: "all combinations of an element of each list: a list of lists",
		result: func(a []*Type) *Type { return listType(fs["concat"].result(a)) },
		call: func(a []cty.Value) (cty.Value, error) {
			rows := [][]cty.Value{nil}
			for _, v := range a {
				items := v.AsValueSlice()
				if len(rows)*len(items) > maxItems/8 {
					return cty.NilVal, errors.New("there are too many combinations")
				}
				var next [][]cty.Value
				for _, row := range rows {
					for _, x := range items {
						next = append(next, append(slices.Clone(row), x))
					}
				}
				rows = next
			}
			var out []cty.Value
			for _, row := range rows {
				out = append(out, tuple(row))
			}
			return tuple(out), nil
		}}
	fs["formatlist"] = &builtin{params: []parameter{par("format", tString), par("list", anyList)}, result: always(tStrings), doc: "format of each element of a list",
		call: func(a []cty.Value) (cty.Value, error) {
			var out []cty.Value
			for _, x := range a[1].AsValueSlice() {
				v, err := formatf(str(a[0]), []cty.Value{x})
				if err != nil {
					return cty.NilVal, err
				}
				out = append(out, v)
			}
			return tuple(out), nil
		}}
	float := func(doc string, f func(x, y float64) float64) *builtin {
		return &builtin{params: []parameter{par("x", tFloat), par("y", tFloat)}, result: always(tFloat), doc: doc,
			call: func(a []cty.Value) (cty.Value, error) {
				r := f(float64Of(a[0]), float64Of(a[1]))
				if math.IsNaN(r) || math.IsInf(r, 0) {
					return cty.NilVal, errors.New("the result is no number")
				}
				return cty.NumberFloatVal(r), nil
			}}
	}
	fs["pow"] = float("x to the power of y", math.Pow)
	fs["log"] = float("the logarithm of x to the base y", func(x, y float64) float64 { return math.Log(x) / math.Log(y) })
	fs["signum"] = &builtin{params: []parameter{par("x", tFloat)}, result: always(tInt), doc: "-1, 0 or 1, as x is below, at or above 0",
		call: func(a []cty.Value) (cty.Value, error) { return cty.NumberIntVal(int64(a[0].AsBigFloat().Sign())), nil }}
	fs["csvdecode"] = fromLibrary(stdlib.CSVDecodeFunc, "the rows of CSV text as maps; its first line has the names", always(&Type{Kind: List, Elem: &Type{Kind: Map, Elem: tString}}), par("s", tString))
	fs["yamldecode"] = fromLibrary(yaml.YAMLDecodeFunc, "what YAML text says", always(tAny), par("s", tString))
	fs["yamlencode"] = fromLibrary(yaml.YAMLEncodeFunc, "a value as YAML", always(tString), par("value", tAny))
	times(fs)
	networks(fs)
	files(fs)
	language(fs)
}

func times(fs map[string]*builtin) {
	fs["formatdate"] = fromLibrary(stdlib.FormatDateFunc, `a time such as run.time in another form: "YYYY-MM-DD hh:mm:ss"`, always(tString), par("form", tString), par("time", tString))
	fs["timeadd"] = &builtin{params: []parameter{par("time", tString), par("duration", &Type{Kind: Duration})}, result: always(tString), doc: "a time (RFC 3339) some while later, or earlier",
		call: func(a []cty.Value) (cty.Value, error) {
			t, err := time.Parse(time.RFC3339, str(a[0]))
			if err != nil {
				return cty.NilVal, fmt.Errorf("%q is no time such as 2026-01-31T12:00:00Z", str(a[0]))
			}
			return text(t.Add(time.Duration(whole(a[1]))).Format(time.RFC3339), nil)
		}}
	fs["unixtime"] = &builtin{params: []parameter{par("time", tString)}, result: always(tInt), doc: "the seconds from 1970 to a time (RFC 3339)",
		call: func(a []cty.Value) (cty.Value, error) {
			t, err := time.Parse(time.RFC3339, str(a[0]))
			if err != nil {
				return cty.NilVal, fmt.Errorf("%q is no time such as 2026-01-31T12:00:00Z", str(a[0]))
			}
			return cty.NumberIntVal(t.Unix()), nil
		}}
	fs["fromunixtime"] = &builtin{params: []parameter{par("seconds", tInt)}, result: always(tString), doc: "the time (RFC 3339) some seconds after 1970 began",
		call: func(a []cty.Value) (cty.Value, error) {
			n := whole(a[0])
			if n < -62135596800 || n > 253402300799 {
				return cty.NilVal, errors.New("the year is not between 1 and 9999")
			}
			return text(time.Unix(n, 0).UTC().Format(time.RFC3339), nil)
		}}
}
