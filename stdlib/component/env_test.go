package component

import "testing"

// TestFileName gives every unit a file name of its own that no file system refuses.
func TestFileName(t *testing.T) {
	seen := map[string]string{}
	for unit, want := range map[string]string{
		"web.ec2":               "web.ec2",
		"base.web.ec2":          "base.web.ec2",
		`web["amd64"].ec2`:      "web@amd64.ec2",
		`web["a.b"].ec2`:        "web@a.b.ec2",
		`web["../../etc"].ec2`:  "web@..%2F..%2Fetc.ec2",
		`web["a\"b"].ec2`:       "web@a%22b.ec2",
		`web["a@b ä"].ec2`:      "web@a%40b+%C3%A4.ec2",
		`web["\${x}"].ec2`:      "web@%24%7Bx%7D.ec2",
		`base.web["amd64"].ec2`: "base.web@amd64.ec2",
	} {
		got := (&Env{Unit: unit}).FileName()
		if got != want {
			t.Errorf("%s is %s, not %s", unit, got, want)
		}
		if other, taken := seen[got]; taken {
			t.Errorf("%s and %s are both %s", unit, other, got)
		}
		seen[got] = unit
	}
}
