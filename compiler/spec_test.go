package compiler_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"imgc/compiler"
	"imgc/lang"
	"imgc/stdlib"
)

// TestSpecification compiles every imgc block of SPEC.md and README.md with the components there are, and holds its table of functions
// against the functions there are.
func TestSpecification(t *testing.T) {
	b, err := os.ReadFile("../SPEC.md")
	if err != nil {
		t.Fatal(err)
	}
	schemas, ds := compiler.LoadSchemas(stdlib.Schemas())
	if len(ds) > 0 {
		t.Fatal(ds)
	}
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```imgc\n(.*?)```").FindAllStringSubmatch(string(b)+string(readme), -1)
	if len(blocks) == 0 {
		t.Fatal("SPEC.md has no program")
	}
	for _, m := range blocks {
		_, ds := compiler.Compile(compiler.Config{Dir: t.TempDir(), Files: []*lang.File{lang.Parse("SPEC.md", m[1])}, Schemas: schemas, AllowMissing: true})
		if len(ds) > 0 {
			t.Errorf("%s\n%v", m[1], ds)
		}
	}
	rows := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z0-9_]+\\(.*)` \\| (.*) \\|$").FindAllStringSubmatch(string(b), -1) {
		rows[strings.ReplaceAll(m[1]+": "+m[2], `\|`, "|")] = true
	}
	for _, f := range compiler.Functions() {
		row := f.Signature + ": " + f.Doc
		if !rows[row] {
			t.Errorf("the table of functions lacks: %s", row)
		}
		delete(rows, row)
	}
	for r := range rows {
		t.Errorf("the table of functions has what there is not: %s", r)
	}
}

// packerFunctions are those of Packer 1.16's HCL.
const packerFunctions = `abs abspath alltrue anytrue aws_secretsmanager aws_secretsmanager_raw base64decode base64encode base64gzip basename
bcrypt can ceil chomp chunklist cidrhost cidrnetmask cidrsubnet cidrsubnets coalesce coalescelist compact concat consul_key contains
convert csvdecode dirname distinct element endswith env file filebase64 fileexists fileset flatten floor format formatdate formatlist
indent index join jsondecode jsonencode keys legacy_isotime legacy_strftime length log lookup lower max md5 merge min parseint pathexpand
pow range regex regex_replace regexall replace reverse rfc3339_parse rsadecrypt setintersection setproduct setunion sha1 sha256 sha512
signum slice sort split startswith strcontains strrev substr sum templatefile textdecodebase64 textencodebase64 timeadd timestamp title
trim trimprefix trimspace trimsuffix try unix_timestamp_parse upper urlencode uuidv4 uuidv5 values vault yamldecode yamlencode zipmap`

// TestPackerFunctions holds that each function of Packer is here, or that SPEC.md says what is there instead.
func TestPackerFunctions(t *testing.T) {
	b, err := os.ReadFile("../SPEC.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(b), "### Packer's functions")
	if !ok {
		t.Fatal("SPEC.md has no table of Packer's functions")
	}
	table, _, _ = strings.Cut(table, "\n## ")
	here := map[string]bool{}
	for _, f := range compiler.Functions() {
		here[f.Name] = true
	}
	names := strings.Fields(packerFunctions)
	for _, name := range names {
		if !here[name] && !strings.Contains(table, "`"+name+"`") {
			t.Errorf("%s is not here, and SPEC.md does not say what to use instead", name)
		}
	}
	t.Logf("%d functions of Packer", len(names))
}
