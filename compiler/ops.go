package compiler

import (
	"fmt"
	"math"
	"math/big"

	"github.com/zclconf/go-cty/cty"

	"imgc/lang"
)

func int64Of(v cty.Value) (int64, bool) {
	if v.Type() != cty.Number {
		return 0, false
	}
	f := v.AsBigFloat()
	if !f.IsInt() {
		return 0, false
	}
	n, acc := f.Int64()
	return n, acc == big.Exact
}

func float64Of(v cty.Value) float64 {
	f, _ := v.AsBigFloat().Float64()
	return f
}

func (ev *evaluator) unary(e *lang.Unary) result {
	r := ev.eval(e.X, nil)
	if r.typ == nil {
		return poison
	}
	v, secret := strip(r.val)
	bad := r.typ.Optional
	switch e.Op {
	case "!":
		bad = bad || r.typ.Kind != Bool
	case "-":
		bad = bad || !number(r.typ)
	}
	if bad {
		return ev.fail(lang.Diagnostic{Code: "E0302", Message: fmt.Sprintf("%s cannot be applied to %s", e.Op, article(r.typ)), Range: ev.at(e), Help: "! takes a bool, - takes a number"})
	}
	if !v.IsKnown() || v.IsNull() {
		return result{r.typ, mark(cty.DynamicVal, secret)}
	}
	if e.Op == "!" {
		return result{r.typ, mark(cty.BoolVal(!v.True()), secret)}
	}
	if n, ok := int64Of(v); ok && r.typ.Kind != Float {
		if n == math.MinInt64 {
			return ev.overflow(e)
		}
		return result{r.typ, mark(cty.NumberIntVal(-n), secret)}
	}
	return result{r.typ, mark(v.Negate(), secret)}
}

func (ev *evaluator) overflow(e lang.Node) result {
	return ev.fail(lang.Diagnostic{Code: "E0305", Message: "the result does not fit in 64 bits", Range: ev.at(e), Help: "use smaller numbers, or floats: 1.0 instead of 1"})
}

func number(t *Type) bool {
	return t.Kind == Int || t.Kind == Float || t.Kind == Duration || t.Kind == Size
}

func textual(t *Type) bool { return t.Kind == String || t.Kind == Path || t.Kind == Enum }

func (ev *evaluator) binary(e *lang.Binary, want *Type) result {
	switch e.Op {
	case "&&", "||":
		return ev.logic(e)
	case "??":
		return ev.coalesce(e, want)
	}
	x, y := ev.eval(e.X, nil), ev.eval(e.Y, nil)
	if x.typ == nil || y.typ == nil {
		return poison
	}
	t := operatorType(e.Op, x.typ, y.typ)
	if t == nil {
		return ev.fail(lang.Diagnostic{Code: "E0302", Message: fmt.Sprintf("%s cannot be applied to %s and %s", e.Op, article(x.typ), article(y.typ)), Range: ev.at(e), Help: operatorHelp(e.Op, x.typ, y.typ)})
	}
	a, s1 := strip(x.val)
	b, s2 := strip(y.val)
	secret := s1 || s2
	if !a.IsWhollyKnown() || !b.IsWhollyKnown() {
		return result{t, mark(cty.DynamicVal, secret)}
	}
	if e.Op == "==" || e.Op == "!=" {
		return result{t, mark(cty.BoolVal(equal(a, b) == (e.Op == "==")), secret)}
	}
	if a.IsNull() || b.IsNull() {
		return ev.fail(lang.Diagnostic{Code: "E0305", Message: "the value is null", Range: ev.at(e), Help: "give a value for when it is absent, with ??"})
	}
	v, why := apply(e.Op, a, b, t)
	if why != "" {
		if why == "overflow" {
			return ev.overflow(e)
		}
		return ev.fail(lang.Diagnostic{Code: "E0305", Message: why, Range: ev.at(e), Help: "check the divisor first: if b == 0 then … else a / b"})
	}
	return result{t, mark(v, secret)}
}

// operatorType is the type of x op y, or nil when there is none.
func operatorType(op string, x, y *Type) *Type {
	if op == "==" || op == "!=" {
		if assignable(x, y) || assignable(y, x) || textual(x) && textual(y) || number(x) && x.Kind == y.Kind || optionalPair(x, y) {
			return &Type{Kind: Bool}
		}
		return nil
	}
	if x.Kind == Any || y.Kind == Any || x.Kind == Nothing || y.Kind == Nothing || x.Optional || y.Optional {
		return nil
	}
	same := x.Kind == y.Kind
	mixed := (x.Kind == Int || x.Kind == Float) && (y.Kind == Int || y.Kind == Float)
	arith := &Type{Kind: Int}
	if x.Kind == Float || y.Kind == Float {
		arith = &Type{Kind: Float}
	}
	unit := func(t *Type) bool { return t.Kind == Duration || t.Kind == Size }
	switch op {
	case "<", "<=", ">", ">=":
		if mixed || same && number(x) || textual(x) && textual(y) {
			return &Type{Kind: Bool}
		}
	case "+", "-":
		if mixed {
			return arith
		}
		if same && unit(x) {
			return &Type{Kind: x.Kind}
		}
	case "*":
		if mixed {
			return arith
		}
		if unit(x) && y.Kind == Int {
			return &Type{Kind: x.Kind}
		}
		if unit(y) && x.Kind == Int {
			return &Type{Kind: y.Kind}
		}
	case "/":
		if mixed {
			return arith
		}
		if unit(x) && y.Kind == Int {
			return &Type{Kind: x.Kind}
		}
		if same && unit(x) {
			return &Type{Kind: Float}
		}
	case "%":
		if x.Kind == Int && y.Kind == Int {
			return arith
		}
	}
	return nil
}

func optionalPair(x, y *Type) bool {
	a, b := *x, *y
	a.Optional, b.Optional = false, false
	return (x.Optional || y.Optional) && (assignable(&a, &b) || assignable(&b, &a))
}

func operatorHelp(op string, x, y *Type) string {
	switch {
	case x.Optional || y.Optional:
		return "one of them may be absent: give a value for that with ??"
	case x.Kind == Any || y.Kind == Any:
		return "say its type first: let x: int = …"
	case op == "+" && (textual(x) || textual(y)):
		return `join strings by interpolation: "${a}${b}"`
	case op == "+" && x.Kind == List:
		return "join lists with concat(a, b)"
	case op == "==" || op == "!=":
		return "compare values of one type"
	}
	return "arithmetic takes numbers of one unit; a duration or size may be multiplied and divided by an int"
}

// apply computes x op y of known numbers or strings; why is not empty when it cannot.
func apply(op string, a, b cty.Value, t *Type) (v cty.Value, why string) {
	if a.Type() == cty.String {
		x, y := a.AsString(), b.AsString()
		switch op {
		case "<":
			return cty.BoolVal(x < y), ""
		case "<=":
			return cty.BoolVal(x <= y), ""
		case ">":
			return cty.BoolVal(x > y), ""
		}
		return cty.BoolVal(x >= y), ""
	}
	cmp := a.AsBigFloat().Cmp(b.AsBigFloat())
	switch op {
	case "<":
		return cty.BoolVal(cmp < 0), ""
	case "<=":
		return cty.BoolVal(cmp <= 0), ""
	case ">":
		return cty.BoolVal(cmp > 0), ""
	case ">=":
		return cty.BoolVal(cmp >= 0), ""
	}
	if t.Kind == Float {
		x, y := float64Of(a), float64Of(b)
		var f float64
		switch op {
		case "+":
			f = x + y
		case "-":
			f = x - y
		case "*":
			f = x * y
		case "/":
			if y == 0 {
				return cty.NilVal, "this divides by zero"
			}
			f = x / y
		}
		if math.IsInf(f, 0) || math.IsNaN(f) {
			return cty.NilVal, "overflow"
		}
		return cty.NumberFloatVal(f), ""
	}
	x, okx := int64Of(a)
	y, oky := int64Of(b)
	if !okx || !oky {
		return cty.NilVal, "overflow"
	}
	r := new(big.Int)
	bx, by := big.NewInt(x), big.NewInt(y)
	switch op {
	case "+":
		r.Add(bx, by)
	case "-":
		r.Sub(bx, by)
	case "*":
		r.Mul(bx, by)
	case "/", "%":
		if y == 0 {
			return cty.NilVal, "this divides by zero"
		}
		if op == "/" {
			r.Quo(bx, by)
		} else {
			r.Rem(bx, by)
		}
	}
	if !r.IsInt64() {
		return cty.NilVal, "overflow"
	}
	return cty.NumberIntVal(r.Int64()), ""
}

// equal compares known values without marks. Lists and objects are equal when their elements are.
func equal(a, b cty.Value) bool {
	if a.IsNull() || b.IsNull() {
		return a.IsNull() && b.IsNull()
	}
	ta, tb := a.Type(), b.Type()
	switch {
	case ta == cty.Number && tb == cty.Number:
		return a.AsBigFloat().Cmp(b.AsBigFloat()) == 0
	case ta == cty.String && tb == cty.String:
		return a.AsString() == b.AsString()
	case ta == cty.Bool && tb == cty.Bool:
		return a.True() == b.True()
	case (ta.IsTupleType() || ta.IsListType()) && (tb.IsTupleType() || tb.IsListType()):
		x, y := a.AsValueSlice(), b.AsValueSlice()
		if len(x) != len(y) {
			return false
		}
		for i := range x {
			if !equal(x[i], y[i]) {
				return false
			}
		}
		return true
	case (ta.IsObjectType() || ta.IsMapType()) && (tb.IsObjectType() || tb.IsMapType()):
		x, y := a.AsValueMap(), b.AsValueMap()
		if len(x) != len(y) {
			return false
		}
		for k, v := range x {
			w, ok := y[k]
			if !ok || !equal(v, w) {
				return false
			}
		}
		return true
	}
	return false
}

// logic is && and ||. Both sides are typed; the right one is evaluated quietly when the left one decides.
func (ev *evaluator) logic(e *lang.Binary) result {
	boolean := &Type{Kind: Bool}
	x := ev.convert(ev.eval(e.X, boolean), boolean, e.X)
	a, s1 := strip(x.val)
	decided := x.typ != nil && a.IsKnown() && !a.IsNull() && a.True() == (e.Op == "||")
	y := ev.branch(e.Y, boolean, decided)
	if y.typ != nil {
		y = ev.convert(y, boolean, e.Y)
	}
	if x.typ == nil || y.typ == nil && !decided {
		return poison
	}
	if decided {
		return result{boolean, x.val}
	}
	b, s2 := strip(y.val)
	secret := s1 || s2
	if !a.IsKnown() || !b.IsKnown() {
		return result{boolean, mark(cty.DynamicVal, secret)}
	}
	return result{boolean, mark(b, secret)}
}

// branch evaluates an expression that may not be taken: then only its type matters, and failures of its evaluation,
// such as a division by zero, are none.
func (ev *evaluator) branch(e lang.Expr, want *Type, skipped bool) result {
	if !skipped {
		return ev.eval(e, want)
	}
	was := ev.c.noEval
	ev.c.noEval = true
	defer func() { ev.c.noEval = was }()
	return ev.eval(e, want)
}

func (ev *evaluator) coalesce(e *lang.Binary, want *Type) result {
	x := ev.eval(e.X, want)
	a, secret := strip(x.val)
	here := x.typ != nil && a.IsKnown() && !a.IsNull()
	y := ev.branch(e.Y, want, here)
	if x.typ == nil || y.typ == nil {
		return poison
	}
	if !x.typ.Optional && x.typ.Kind != Any {
		return ev.fail(lang.Diagnostic{Code: "E0302", Message: fmt.Sprintf("?? is for a value that may be absent, and %s is always there", article(x.typ)), Range: ev.at(e.X), Help: "remove the ?? and what follows it"})
	}
	plain := *x.typ
	plain.Optional = false
	t := join(&plain, y.typ)
	if lit := stringLiteral(e.Y); lit != nil && (plain.Kind == Path || plain.Kind == Enum) {
		if r := ev.convert(y, &plain, e.Y); r.typ == nil {
			return poison
		}
		t = &plain
	}
	if t == nil {
		return ev.fail(lang.Diagnostic{Code: "E0301", Message: fmt.Sprintf("this is %s, but the value before ?? is %s", article(y.typ), article(&plain)), Range: ev.at(e.Y), Help: "both sides of ?? have one type"})
	}
	switch {
	case here:
		return result{t, adapt(x.val, t)}
	case !a.IsKnown():
		_, s := strip(y.val)
		return result{t, mark(cty.DynamicVal, secret || s)}
	}
	return result{t, mark(adapt(y.val, t), secret)}
}

func (ev *evaluator) cond(e *lang.Cond, want *Type) result {
	boolean := &Type{Kind: Bool}
	c := ev.convert(ev.eval(e.If, boolean), boolean, e.If)
	v, secret := strip(c.val)
	known := c.typ != nil && v.IsKnown() && !v.IsNull()
	x := ev.branch(e.Then, want, known && !v.True())
	y := ev.branch(e.Else, want, known && v.True())
	if want != nil {
		x, y = ev.convert(x, want, e.Then), ev.convert(y, want, e.Else)
	}
	if c.typ == nil || x.typ == nil || y.typ == nil {
		return poison
	}
	t := join(x.typ, y.typ)
	if t == nil {
		return ev.fail(lang.Diagnostic{Code: "E0301", Message: fmt.Sprintf("then gives %s, else gives %s", article(x.typ), article(y.typ)), Range: ev.at(e.Else), Related: []lang.Label{{Range: ev.at(e.Then), Text: article(x.typ)}}, Help: "both branches have one type"})
	}
	switch {
	case !known:
		_, s1 := strip(x.val)
		_, s2 := strip(y.val)
		return result{t, mark(cty.DynamicVal, secret || s1 || s2)}
	case v.True():
		return result{t, mark(x.val, secret)}
	}
	return result{t, mark(y.val, secret)}
}
