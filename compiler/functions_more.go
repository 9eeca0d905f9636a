package compiler

import (
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/google/uuid"
	"github.com/zclconf/go-cty-yaml"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
	"golang.org/x/text/encoding/ianaindex"

	"imgc/lang"
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
				return cty.NilVal, fmt.Errorf("the pattern is wrong: %v", err)
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

func networks(fs map[string]*builtin) {
	prefix := func(s string) (netip.Prefix, error) {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return p, fmt.Errorf("%q is no network such as 10.0.0.0/16", s)
		}
		return p.Masked(), nil
	}
	fs["cidrhost"] = &builtin{params: []parameter{par("network", tString), par("number", tInt)}, result: always(tString), doc: "the address with a number in a network; a negative number counts from its end",
		call: func(a []cty.Value) (cty.Value, error) {
			p, err := prefix(str(a[0]))
			if err != nil {
				return cty.NilVal, err
			}
			addr, err := addressIn(p, whole(a[1]))
			return text(addr.String(), err)
		}}
	fs["cidrnetmask"] = &builtin{params: []parameter{par("network", tString)}, result: always(tString), doc: "the mask of an IPv4 network: 255.255.0.0",
		call: func(a []cty.Value) (cty.Value, error) {
			p, err := prefix(str(a[0]))
			if err != nil {
				return cty.NilVal, err
			}
			if !p.Addr().Is4() {
				return cty.NilVal, errors.New("only IPv4 has such masks")
			}
			m := ^uint32(0) << (32 - p.Bits())
			if p.Bits() == 0 {
				m = 0
			}
			return text(netip.AddrFrom4([4]byte{byte(m >> 24), byte(m >> 16), byte(m >> 8), byte(m)}).String(), nil)
		}}
	fs["cidrsubnet"] = &builtin{params: []parameter{par("network", tString), par("bits", tInt), par("number", tInt)}, result: always(tString), doc: "the network with a number among those whose prefix is longer by some bits",
		call: func(a []cty.Value) (cty.Value, error) {
			p, err := prefix(str(a[0]))
			if err != nil {
				return cty.NilVal, err
			}
			s, err := subnet(p, whole(a[1]), whole(a[2]))
			return text(s.String(), err)
		}}
	fs["cidrsubnets"] = &builtin{params: []parameter{par("network", tString), restOf("bits", tInt)}, result: always(tStrings), doc: "networks one after another, each with its prefix longer by some bits",
		call: func(a []cty.Value) (cty.Value, error) {
			p, err := prefix(str(a[0]))
			if err != nil {
				return cty.NilVal, err
			}
			var out []string
			next := p.Addr()
			for _, v := range a[1:] {
				bits := p.Bits() + int(min(max(whole(v), 0), 128))
				if whole(v) < 1 || bits > p.Addr().BitLen() {
					return cty.NilVal, fmt.Errorf("%s cannot be divided by %d bits", p, whole(v))
				}
				s := netip.PrefixFrom(next, bits).Masked()
				if s.Addr().Compare(next) < 0 {
					if s, err = following(s); err != nil {
						return cty.NilVal, err
					}
				}
				if !p.Contains(s.Addr()) {
					return cty.NilVal, fmt.Errorf("%s has no room for all of them", p)
				}
				out = append(out, s.String())
				if after, err := following(s); err == nil {
					next = after.Addr()
				} else {
					next = netip.Addr{}
				}
				if !next.IsValid() && len(out) < len(a)-1 {
					return cty.NilVal, fmt.Errorf("%s has no room for all of them", p)
				}
			}
			return stringTuple(out), nil
		}}
}

// addressIn is the address with a number in a network.
func addressIn(p netip.Prefix, n int64) (netip.Addr, error) {
	free := p.Addr().BitLen() - p.Bits()
	if free < 63 && (n >= 1<<free || n < -(1<<free)) {
		return netip.Addr{}, fmt.Errorf("%s has no address with number %d", p, n)
	}
	b := p.Addr().AsSlice()
	if n < 0 { // from the last address of the network
		for i := p.Bits(); i < len(b)*8; i++ {
			b[i/8] |= 1 << (7 - i%8)
		}
		n++
	}
	carry := n
	for i := len(b) - 1; i >= 0 && carry != 0; i-- {
		sum := int64(b[i]) + carry&0xff
		b[i] = byte(sum)
		carry = carry>>8 + sum>>8
	}
	addr, _ := netip.AddrFromSlice(b)
	return addr, nil
}

func subnet(p netip.Prefix, bits, n int64) (netip.Prefix, error) {
	all := p.Addr().BitLen()
	if bits < 0 || bits > int64(all-p.Bits()) || bits > 62 {
		return netip.Prefix{}, fmt.Errorf("%s cannot be divided by %d bits", p, bits)
	}
	if n < 0 || n >= 1<<bits {
		return netip.Prefix{}, fmt.Errorf("with %d bits more there are %d networks, so none has number %d", bits, int64(1)<<bits, n)
	}
	to := p.Bits() + int(bits)
	b := p.Addr().AsSlice()
	for i := range int(bits) {
		if n>>i&1 == 1 {
			at := to - 1 - i
			b[at/8] |= 1 << (7 - at%8)
		}
	}
	addr, _ := netip.AddrFromSlice(b)
	return netip.PrefixFrom(addr, to), nil
}

// following is the network after another of the same size.
func following(p netip.Prefix) (netip.Prefix, error) {
	b := p.Addr().AsSlice()
	for at := p.Bits() - 1; at >= 0; at-- {
		b[at/8] ^= 1 << (7 - at%8)
		if b[at/8]>>(7-at%8)&1 == 1 {
			addr, _ := netip.AddrFromSlice(b)
			return netip.PrefixFrom(addr, p.Bits()), nil
		}
	}
	return netip.Prefix{}, errors.New("there are no addresses left")
}

// maxFile bounds what a function may read.
const maxFile = 16 << 20

func readFile(cfg Config, name string) ([]byte, error) {
	if !filepath.IsAbs(name) {
		name = filepath.Join(cfg.Dir, filepath.FromSlash(name))
	}
	if cfg.ReadFile != nil {
		return cfg.ReadFile(name)
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is no file")
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("it has %d bytes, and %d are the most", info.Size(), maxFile)
	}
	b, err := os.ReadFile(name)
	var pathErr *os.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	return b, err
}

func files(fs map[string]*builtin) {
	tPath := &Type{Kind: Path}
	reader := func(doc string, t *Type, f func([]byte) (cty.Value, error)) *builtin {
		return &builtin{params: []parameter{par("path", tPath)}, result: always(t), doc: doc,
			reads: func(cfg Config, a []cty.Value) (cty.Value, error) {
				b, err := readFile(cfg, str(a[0]))
				if err != nil {
					return cty.NilVal, fmt.Errorf("reading %s: %w", str(a[0]), err)
				}
				return f(b)
			}}
	}
	fs["file"] = reader("the text of a file; its content is part of what uses it", tString, func(b []byte) (cty.Value, error) {
		if !utf8.Valid(b) {
			return cty.NilVal, errors.New("the file is not UTF-8 text; use filebase64")
		}
		return text(string(b), nil)
	})
	fs["filebase64"] = reader("the bytes of a file, in base64", tString, func(b []byte) (cty.Value, error) {
		return text(base64.StdEncoding.EncodeToString(b), nil)
	})
	fs["filesha256"] = reader("the SHA-256 of a file, in hex", tString, func(b []byte) (cty.Value, error) {
		h := sha256.Sum256(b)
		return text(hexOf(h[:]), nil)
	})
	fs["filesha512"] = reader("the SHA-512 of a file, in hex", tString, func(b []byte) (cty.Value, error) {
		h := sha512.Sum512(b)
		return text(hexOf(h[:]), nil)
	})
	fs["fileexists"] = &builtin{params: []parameter{par("path", tPath)}, result: always(tBool), doc: "whether there is a file",
		reads: func(cfg Config, a []cty.Value) (cty.Value, error) {
			name := str(a[0])
			if !filepath.IsAbs(name) {
				name = filepath.Join(cfg.Dir, filepath.FromSlash(name))
			}
			info, err := os.Stat(name)
			return cty.BoolVal(err == nil && info.Mode().IsRegular()), nil
		}}
	fs["fileset"] = &builtin{params: []parameter{par("folder", tPath), par("pattern", tString)}, result: always(tStrings), doc: `the files of a folder that match a pattern such as "**/*.sh", in order`,
		reads: func(cfg Config, a []cty.Value) (cty.Value, error) {
			dir := str(a[0])
			if !filepath.IsAbs(dir) {
				dir = filepath.Join(cfg.Dir, filepath.FromSlash(dir))
			}
			if !doublestar.ValidatePattern(str(a[1])) || slices.Contains(strings.Split(path.Clean(str(a[1])), "/"), "..") || path.IsAbs(str(a[1])) {
				return cty.NilVal, fmt.Errorf("%q is no pattern of names below the folder", str(a[1]))
			}
			found, err := doublestar.Glob(os.DirFS(dir), path.Clean(str(a[1])), doublestar.WithFilesOnly(), doublestar.WithFailOnIOErrors())
			if err != nil {
				return cty.NilVal, fmt.Errorf("looking through %s: %w", str(a[0]), err)
			}
			slices.Sort(found)
			return stringTuple(found), nil
		}}
}

// language are the functions that look at how their arguments are evaluated.
func language(fs map[string]*builtin) {
	fs["try"] = &builtin{params: []parameter{restOf("values", tAny)}, doc: "the first value that can be computed", special: (*evaluator).try}
	fs["can"] = &builtin{params: []parameter{par("value", tAny)}, doc: "whether a value can be computed", special: (*evaluator).can}
	fs["templatefile"] = &builtin{params: []parameter{par("path", &Type{Kind: Path}), par("values", tMap)}, doc: "the text of a file with each ${…} in it replaced; the values are its names, $${ stands for ${", special: (*evaluator).templateFile}
}

// attempt evaluates an expression. Where only its value cannot be computed, nothing is reported and computed is false.
func (ev *evaluator) attempt(e lang.Expr) (r result, computed bool) {
	before := ev.c.ds
	ev.c.ds = diags{}
	r = ev.eval(e, nil)
	found := ev.c.ds.list
	ev.c.ds = before
	for _, d := range found {
		if d.Code != "E0305" {
			ev.c.ds.add(d)
			computed = true // it is no value, and that has been reported
		}
	}
	return r, computed || len(found) == 0
}

func (ev *evaluator) try(e *lang.Call) result {
	if len(e.Args) == 0 {
		return ev.fail(lang.Diagnostic{Code: "E0304", Message: "try needs a value", Range: ev.at(e), Help: "write try(value, otherwise)"})
	}
	var chosen *result
	t := &Type{Kind: Nothing}
	for _, a := range e.Args {
		r, computed := ev.attempt(a.Value)
		switch {
		case r.typ == nil && computed:
			return poison
		case !computed && r.typ == nil:
			continue
		}
		if t = join(t, r.typ); t == nil {
			return ev.fail(lang.Diagnostic{Code: "E0301", Message: fmt.Sprintf("this is %s, which the values before are not", article(r.typ)), Range: ev.at(a.Value), Help: "the values of try have one type"})
		}
		if chosen == nil && computed {
			chosen = &r
		}
	}
	if chosen == nil {
		return ev.fail(lang.Diagnostic{Code: "E0305", Message: "try: none of the values can be computed", Range: ev.at(e), Help: "end it with a value that always can: try(x, null)"})
	}
	return result{t, chosen.val}
}

func (ev *evaluator) can(e *lang.Call) result {
	if len(e.Args) != 1 {
		return ev.fail(lang.Diagnostic{Code: "E0304", Message: "can takes one value", Range: ev.at(e), Help: "write can(value)"})
	}
	r, computed := ev.attempt(e.Args[0].Value)
	if r.typ == nil && computed {
		return poison
	}
	if raw, secret := strip(r.val); computed && !raw.IsWhollyKnown() {
		return result{tBool, mark(cty.DynamicVal, secret)}
	}
	return result{tBool, cty.BoolVal(computed)}
}

func (ev *evaluator) templateFile(e *lang.Call) result {
	f := callee{"templatefile", ev.c.functions["templatefile"].params}
	exprs, ok := ev.arguments(e, f)
	if !ok {
		return poison
	}
	name := ev.convert(ev.eval(exprs[0], f.params[0].typ), f.params[0].typ, exprs[0])
	vals := ev.eval(exprs[1], nil)
	if name.typ == nil || vals.typ == nil {
		return poison
	}
	if vals.typ.Optional || vals.typ.Kind != Object && vals.typ.Kind != Map {
		return ev.fail(lang.Diagnostic{Code: "E0301", Message: fmt.Sprintf("templatefile takes an object, not %s", article(vals.typ)), Range: ev.at(exprs[1]), Help: "write { name = value }"})
	}
	n, secretName := strip(name.val)
	raw, marks := vals.val.Unmark()
	if !n.IsKnown() || !raw.IsKnown() {
		return result{tString, mark(cty.DynamicVal, secretName || vals.val.ContainsMarked())}
	}
	b, err := readFile(ev.c.cfg, str(n))
	if err == nil && !utf8.Valid(b) {
		err = errors.New("the file is not UTF-8 text")
	}
	if err != nil {
		return ev.fail(lang.Diagnostic{Code: "E0305", Message: fmt.Sprintf("templatefile: reading %s: %v", told(str(n), secretName), err), Range: ev.at(exprs[0]), Help: "the path is relative to the file that writes it"})
	}
	lit, decl, ds := lang.ParseTemplate(str(n), string(b))
	sub := &compilation{cfg: ev.c.cfg, functions: ev.c.functions, root: newModule(), noEval: ev.c.noEval, steps: ev.c.steps, maxSteps: ev.c.maxSteps, late: map[any]result{}}
	if len(ds) == 0 {
		locals := map[string]*binding{}
		for k, v := range raw.AsValueMap() {
			t := vals.typ.Elem
			if vals.typ.Kind == Object {
				if f := fieldNamed(vals.typ.Fields, k); f != nil {
					t = f.Type
				}
			}
			locals[k] = &binding{result: result{t, mark(v, len(marks) > 0)}}
		}
		inner := sub.evaluator(scope{m: sub.root, decl: decl, locals: locals}, ev.rt)
		r := inner.str(lit)
		ev.c.steps = sub.steps
		if ds = sub.ds.list; len(ds) == 0 {
			return ev.weigh(r, e)
		}
	}
	d := ds[0]
	p := lang.PositionOf(string(b), d.Range.Start)
	return ev.fail(lang.Diagnostic{Code: d.Code, Message: fmt.Sprintf("%s:%d:%d: %s", told(str(n), secretName), p.Line, p.Column, d.Message), Range: ev.at(e), Help: d.Help})
}
