package lang

import "testing"

func TestNearest(t *testing.T) {
	names := []string{"inline", "script", "scripts", "env"}
	for written, want := range map[string]string{"inlin": "inline", "scirpt": "script", "zebra": "", "enc": "env", "env": "", "": ""} {
		if got := Nearest(written, names); got != want {
			t.Errorf("%q: %q, not %q", written, got, want)
		}
	}
}
