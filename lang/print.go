package lang

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// PrintExpr writes an expression on one line in canonical form. Spacing, comments, line breaks and brackets that
// change nothing leave no trace, so equal meaning of equal shape gives equal text.
func PrintExpr(e Expr) string {
	var b strings.Builder
	printExpr(&b, e, 0)
	return b.String()
}

func printExpr(b *strings.Builder, e Expr, min int) {
	switch e := e.(type) {
	case *Name:
		b.WriteString(e.Name)
	case *BoolLit:
		b.WriteString(strconv.FormatBool(e.Value))
	case *NullLit:
		b.WriteString("null")
	case *IntLit:
		b.WriteString(e.Text)
	case *FloatLit:
		b.WriteString(e.Text)
	case *SizeLit:
		b.WriteString(e.Text)
	case *DurationLit:
		b.WriteString(e.Text)
	case *StringLit:
		b.WriteByte('"')
		for _, p := range e.Parts {
			if p.Expr != nil {
				b.WriteString("${")
				printExpr(b, p.Expr, 0)
				b.WriteByte('}')
				continue
			}
			printText(b, p.Text)
		}
		b.WriteByte('"')
	case *ListLit:
		b.WriteByte('[')
		for i, x := range e.Items {
			if i > 0 {
				b.WriteString(", ")
			}
			printExpr(b, x, 0)
		}
		b.WriteByte(']')
	case *ObjectLit:
		b.WriteByte('{')
		for i, f := range e.Fields {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteByte(' ')
			switch k := f.KeyExpr.(type) {
			case nil:
				b.WriteString(f.Key.Name)
			case *StringLit:
				printExpr(b, k, 0)
			case *Paren:
				b.WriteByte('(')
				printExpr(b, k.X, 0)
				b.WriteByte(')')
			default:
				printExpr(b, k, 0)
			}
			b.WriteString(" = ")
			printExpr(b, f.Value, 0)
		}
		b.WriteString(" }")
	case *ListComp:
		b.WriteByte('[')
		printHead(b, e.For)
		printExpr(b, e.Value, 0)
		b.WriteByte(']')
	case *ObjectComp:
		b.WriteByte('{')
		printHead(b, e.For)
		printExpr(b, e.Key, 0)
		b.WriteString(" = ")
		printExpr(b, e.Value, 0)
		b.WriteByte('}')
	case *Unary:
		open(b, min > 8)
		b.WriteString(e.Op)
		printExpr(b, e.X, 8)
		shut(b, min > 8)
	case *Binary:
		prec := precedence[e.Op]
		left, right := prec-1, prec
		if e.Op == "??" {
			left, right = prec, prec-1
		}
		open(b, prec <= min)
		printExpr(b, e.X, left)
		b.WriteString(" " + e.Op + " ")
		printExpr(b, e.Y, right)
		shut(b, prec <= min)
	case *Cond:
		open(b, min > 0)
		b.WriteString("if ")
		printExpr(b, e.If, 0)
		b.WriteString(" then ")
		printExpr(b, e.Then, 0)
		b.WriteString(" else ")
		printExpr(b, e.Else, 0)
		shut(b, min > 0)
	case *Select:
		printExpr(b, e.X, 9)
		b.WriteString("." + e.Name.Name)
	case *Index:
		printExpr(b, e.X, 9)
		b.WriteByte('[')
		printExpr(b, e.Index, 0)
		b.WriteByte(']')
	case *Call:
		b.WriteString(e.Func.String() + "(")
		for i, a := range e.Args {
			if i > 0 {
				b.WriteString(", ")
			}
			if a.Name != nil {
				b.WriteString(a.Name.Name + ": ")
			}
			printExpr(b, a.Value, 0)
		}
		b.WriteByte(')')
	case *Paren:
		printExpr(b, e.X, min)
	}
}

// printText writes text with the escapes of the language, so that it is read as it was.
func printText(b *strings.Builder, text string) {
	for i, r := range text {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '"' || r == '\\' || r == '$' && strings.HasPrefix(text[i:], "${"):
			b.WriteByte('\\')
			b.WriteRune(r)
		case !unicode.IsPrint(r):
			fmt.Fprintf(b, `\u{%X}`, r)
		default:
			b.WriteRune(r)
		}
	}
}

func printHead(b *strings.Builder, h ForHead) {
	b.WriteString("for ")
	if h.Key != nil {
		b.WriteString(h.Key.Name + ", ")
	}
	b.WriteString(h.Value.Name + " in ")
	printExpr(b, h.In, 0)
	if h.If != nil {
		b.WriteString(" if ")
		printExpr(b, h.If, 0)
	}
	b.WriteString(": ")
}

func open(b *strings.Builder, yes bool) {
	if yes {
		b.WriteByte('(')
	}
}

func shut(b *strings.Builder, yes bool) {
	if yes {
		b.WriteByte(')')
	}
}

// PrintType writes a type on one line in canonical form.
func PrintType(t TypeExpr) string {
	switch t := t.(type) {
	case *NamedType:
		return t.Name.String()
	case *ListType:
		return "list(" + PrintType(t.Elem) + ")"
	case *MapType:
		return "map(" + PrintType(t.Elem) + ")"
	case *OptionalType:
		return PrintType(t.Elem) + "?"
	case *PublicType:
		return "public " + PrintType(t.Elem)
	case *EnumType:
		var vs []string
		for _, v := range t.Values {
			vs = append(vs, PrintExpr(v))
		}
		return strings.Join(vs, " | ")
	case *ObjectType:
		var fs []string
		for _, f := range t.Fields {
			s := f.Name.Name + ": " + PrintType(f.Type)
			if f.Default != nil {
				s += " = " + PrintExpr(f.Default)
			}
			fs = append(fs, s)
		}
		return "{ " + strings.Join(fs, ", ") + " }"
	}
	return ""
}

// String is the name as written: aws.ebs.
func (d Dotted) String() string {
	var parts []string
	for _, p := range d.Parts {
		parts = append(parts, p.Name)
	}
	return strings.Join(parts, ".")
}
