package compiler

// suggest gives the name nearest to what was written, for "did you mean"; empty when none is near.
func suggest(written string, names []string) string {
	best, limit := "", len(written)/3+1
	for _, name := range names {
		d := distance(written, name, limit)
		if d < limit || d == limit && (best == "" || name < best) {
			best, limit = name, d
		}
	}
	return best
}

// distance is the Levenshtein distance in bytes; anything above limit may be given as limit+1.
func distance(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
