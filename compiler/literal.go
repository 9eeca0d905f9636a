package compiler

import (
	"errors"
	"math/big"
	"strconv"
	"strings"
)

var (
	errLiteral  = errors.New("not a number with a unit")
	errRange    = errors.New("does not fit in 64 bits")
	errFraction = errors.New("is not a whole number of its smallest unit")
)

type unit struct {
	name  string
	scale int64
}

func durationUnits() []unit {
	return []unit{{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {"d", 86400e9}}
}

func sizeUnits() []unit {
	return []unit{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
		{"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}}
}

// intLiteral reads 10, 0x1F, 0b11, 0o755, 1_000.
func intLiteral(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 0, 64)
	if errors.Is(err, strconv.ErrRange) {
		return 0, errRange
	}
	if err != nil {
		return 0, errLiteral
	}
	return n, nil
}

// durationLiteral reads 30s, 1h30m, 2d and gives nanoseconds.
func durationLiteral(text string) (int64, error) { return scaled(text, durationUnits()) }

// sizeLiteral reads 20GiB, 1.5GB and gives bytes.
func sizeLiteral(text string) (int64, error) { return scaled(text, sizeUnits()) }

// scaled adds up number-unit pairs exactly: a fraction must come out whole in the smallest unit.
func scaled(text string, units []unit) (int64, error) {
	sum := new(big.Rat)
	for rest := text; rest != "" || text == ""; {
		end := strings.IndexFunc(rest, func(r rune) bool { return r != '.' && r != '_' && (r < '0' || r > '9') })
		// More digits than this are no size or time; it bounds the work.
		if end <= 0 || end > 64 {
			return 0, errLiteral
		}
		number, ok := new(big.Rat).SetString(strings.ReplaceAll(rest[:end], "_", ""))
		if !ok {
			return 0, errLiteral
		}
		rest = rest[end:]
		word := rest
		if i := strings.IndexAny(rest, "0123456789"); i >= 0 {
			word = rest[:i]
		}
		scale := int64(0)
		for _, u := range units {
			if u.name == word {
				scale = u.scale
			}
		}
		if scale == 0 {
			return 0, errLiteral
		}
		rest = rest[len(word):]
		sum.Add(sum, number.Mul(number, new(big.Rat).SetInt64(scale)))
	}
	if !sum.IsInt() {
		return 0, errFraction
	}
	if !sum.Num().IsInt64() {
		return 0, errRange
	}
	return sum.Num().Int64(), nil
}
