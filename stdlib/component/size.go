package component

import (
	"math"
	"strconv"
	"strings"
)

// Size is a number of bytes, as an option of type size has it.
type Size int64

// String writes the size as a program would: "20GiB", "1536MiB", "10B". Reading it back gives the same number.
func (s Size) String() string {
	if s == math.MinInt64 {
		return strconv.FormatInt(int64(s), 10) + "B"
	}
	n := int64(s)
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	u := 0
	for n != 0 && n%1024 == 0 && u < len(units)-1 {
		n /= 1024
		u++
	}
	return strconv.FormatInt(n, 10) + units[u]
}

// Approx writes the size for people to read, rounded to one decimal: "1.4 GiB".
func (s Size) Approx() string {
	f := float64(s)
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	u := 0
	for math.Abs(f) >= 1024 && u < len(units)-1 {
		f /= 1024
		u++
	}
	if u == 0 {
		return strconv.FormatInt(int64(s), 10) + " B"
	}
	return strings.TrimSuffix(strconv.FormatFloat(f, 'f', 1, 64), ".0") + " " + units[u]
}
