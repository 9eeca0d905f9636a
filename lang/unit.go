package lang

import (
	"fmt"
	"math"
	"math/big"
	"strings"
)

var sizeUnits = []struct {
	name  string
	bytes int64
}{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"B", 1},
}

var durationUnits = []struct {
	name string
	ns   int64
}{
	{"d", 24 * 3600e9}, {"h", 3600e9}, {"m", 60e9}, {"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1},
}

// ParseSize reads a size such as 20GiB and returns bytes.
func ParseSize(text string) (int64, error) {
	for _, u := range sizeUnits {
		if num, ok := strings.CutSuffix(text, u.name); ok {
			return scaled(num, u.bytes)
		}
	}
	return 0, fmt.Errorf("%q has no unit of size: write B, KB, MB, GB, TB, KiB, MiB, GiB or TiB", text)
}

// ParseDuration reads a duration such as 1h30m and returns nanoseconds.
func ParseDuration(text string) (int64, error) {
	if text == "" {
		return 0, fmt.Errorf("a duration is empty")
	}
	var total int64
	for rest := text; rest != ""; {
		i := strings.IndexFunc(rest, func(r rune) bool { return !('0' <= r && r <= '9') && r != '.' && r != '_' })
		if i <= 0 {
			return 0, fmt.Errorf("%q is no duration: write 30s, 10m, 1h30m", text)
		}
		j := i
		for j < len(rest) && isNameStart(rest[j]) {
			j++
		}
		unit := int64(0)
		for _, u := range durationUnits {
			if u.name == rest[i:j] {
				unit = u.ns
			}
		}
		if unit == 0 {
			return 0, fmt.Errorf("%q is no unit of time: write ns, us, ms, s, m, h or d", rest[i:j])
		}
		n, err := scaled(rest[:i], unit)
		if err != nil {
			return 0, err
		}
		if total > math.MaxInt64-n {
			return 0, fmt.Errorf("%q is too long", text)
		}
		total += n
		rest = rest[j:]
	}
	return total, nil
}

// scaled multiplies a decimal number by a unit, exactly.
func scaled(num string, unit int64) (int64, error) {
	num = strings.ReplaceAll(num, "_", "")
	r, ok := new(big.Rat).SetString(num)
	if !ok || num == "" || len(num) > 40 {
		return 0, fmt.Errorf("%q is no number", num)
	}
	r.Mul(r, new(big.Rat).SetInt64(unit))
	if !r.IsInt() {
		r = new(big.Rat).SetInt(new(big.Int).Quo(r.Num(), r.Denom()))
	}
	if !r.Num().IsInt64() {
		return 0, fmt.Errorf("%q is too large", num)
	}
	return r.Num().Int64(), nil
}
