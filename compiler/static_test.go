package compiler

import (
	"errors"
	"testing"
)

func TestUnitLiterals(t *testing.T) {
	for _, c := range []struct {
		read func(string) (int64, error)
		text string
		want int64
		err  error
	}{
		{intLiteral, "0x1F", 31, nil},
		{intLiteral, "1_000", 1000, nil},
		{intLiteral, "9223372036854775808", 0, errRange},
		{durationLiteral, "1h30m", 5400e9, nil},
		{durationLiteral, "250ms", 250e6, nil},
		{durationLiteral, "2d", 2 * 86400e9, nil},
		{durationLiteral, "0.1ns", 0, errFraction},
		{durationLiteral, "3", 0, errLiteral},
		{durationLiteral, "", 0, errLiteral},
		{sizeLiteral, "20GiB", 20 << 30, nil},
		{sizeLiteral, "1.5GB", 15e8, nil},
		{sizeLiteral, "10B", 10, nil},
		{sizeLiteral, "99999999TiB", 0, errRange},
	} {
		got, err := c.read(c.text)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%q: %d, %v; want %d, %v", c.text, got, err, c.want, c.err)
		}
	}
}

func FuzzUnitLiterals(f *testing.F) {
	f.Add("1h30m")
	f.Add("1.5GB")
	f.Fuzz(func(t *testing.T, text string) {
		if n, err := sizeLiteral(text); err == nil {
			if back, err := sizeLiteral(formatSize(n)); err != nil || back != n {
				t.Errorf("%q is %d, written as %s, read as %d, %v", text, n, formatSize(n), back, err)
			}
		}
	})
}

func TestAssignable(t *testing.T) {
	str, num := &Type{Kind: String}, &Type{Kind: Int}
	object := &Type{Kind: Object, Fields: []*Field{{Name: "a", Type: num, Required: true}}}
	for _, c := range []struct {
		from, to *Type
		want     bool
	}{
		{num, &Type{Kind: Float}, true},
		{&Type{Kind: Float}, num, false},
		{str, &Type{Kind: Path}, false},
		{&Type{Kind: Path}, str, true},
		{&Type{Kind: String, Optional: true}, str, false},
		{str, &Type{Kind: String, Optional: true}, true},
		{&Type{Kind: Int}, &Type{Kind: Size}, false},
		{object, &Type{Kind: Map, Elem: num}, true},
		{object, &Type{Kind: Map, Elem: str}, false},
		{&Type{Kind: Object}, object, false},
		{object, &Type{Kind: Object}, false},
		{&Type{Kind: Enum, Values: []string{"a"}}, &Type{Kind: Enum, Values: []string{"a", "b"}}, true},
	} {
		if got := assignable(c.from, c.to); got != c.want {
			t.Errorf("%s to %s: %v", c.from, c.to, got)
		}
	}
}
