package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"imgc/stdlib/aws/rehearsal"
)

// TestAWSData looks up an image, a parameter, and secrets, which are not shown.
func TestAWSData(t *testing.T) {
	cloud, err := rehearsal.New(rehearsal.Options{Pace: time.Millisecond})
	fatal(t, err)
	t.Cleanup(func() { fatal(t, cloud.Close()) })
	creds := credentials.NewStaticCredentialsProvider("x", "y", "")
	store := ssm.New(ssm.Options{Region: "us-east-1", BaseEndpoint: sdk.String(cloud.Endpoint()), Credentials: creds})
	for name, kind := range map[string]ssmtypes.ParameterType{"/plain": "String", "/hidden": "SecureString"} {
		_, err := store.PutParameter(t.Context(), &ssm.PutParameterInput{Name: &name, Value: sdk.String("value-of-" + name), Type: kind})
		fatal(t, err)
	}
	_, err = secretsmanager.New(secretsmanager.Options{Region: "us-east-1", BaseEndpoint: sdk.String(cloud.Endpoint()), Credentials: creds}).
		CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: sdk.String("db"), SecretString: sdk.String(`{"password":"correct-horse"}`)})
	fatal(t, err)
	for name, value := range awsVariables(cloud.Endpoint(), time.Millisecond, time.Second) {
		t.Setenv(name, value)
	}
	for _, c := range []struct {
		name, program, says string
		code                int
		never               string
	}{
		{"image", `data x = aws.ami { region = "us-east-1", owners = ["099720109477"], name = "ubuntu/images/hvm-ssd/ubuntu-jammy-*", latest = true }` + "\noutput o = x.name", "ubuntu-jammy-22.04-amd64-server-20260601", 0, ""},
		{"several images", `data x = aws.ami { region = "us-east-1", owners = ["099720109477"], name = "ubuntu/images/hvm-ssd/ubuntu-jammy-*" }` + "\noutput o = x.name", "there are 2 images in us-east-1", 1, ""},
		{"no image", `data x = aws.ami { region = "us-east-1", owners = ["self"], name = "nothing" }` + "\noutput o = x.id", `there is no image in us-east-1 with owners self, name "nothing"`, 1, ""},
		{"nobody's image", `data x = aws.ami { region = "us-east-1", owners = [], name = "nothing" }` + "\noutput o = x.id", "owners is empty", 1, ""},
		{"a region that is none", `data x = aws.ami { region = "us-esat-1", owners = ["self"] }` + "\noutput o = x.id", "looking for images in us-esat-1", 1, ""},
		{"parameter", `data x = aws.parameter { region = "us-east-1", name = "/plain" }` + "\noutput o = x.value", "value-of-/plain", 0, ""},
		{"a parameter that is none", `data x = aws.parameter { region = "us-east-1", name = "/other" }` + "\noutput o = x.value", "reading the parameter /other in us-east-1", 1, ""},
		{"a parameter that is secret", `data x = aws.parameter { region = "us-east-1", name = "/hidden" }` + "\noutput o = x.value", "read it with data aws.secret_parameter", 1, "value-of-/hidden"},
		{"a secret parameter in an output", `data x = aws.secret_parameter { region = "us-east-1", name = "/hidden" }` + "\noutput o = x.value", "E0402", 1, "value-of-/hidden"},
		{"secret", `data x = aws.secret { region = "us-east-1", name = "db" }` + "\nlet db = jsondecode(x.value)\nsource s = file { content = \"p=${db.password}\", target = \"f\" }\nbuild b { from s }", "b.s will be built", 0, "correct-horse"},
		{"a secret in an output", `data x = aws.secret { region = "us-east-1", name = "db" }` + "\noutput o = x.value", "E0402", 1, "correct-horse"},
		{"a secret that is none", `data x = aws.secret { region = "us-east-1", name = "other" }` + "\noutput o = length(x.value)", "reading the secret other in us-east-1", 1, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			fatal(t, os.WriteFile(filepath.Join(dir, "main.imgc"), []byte(c.program+"\n"), 0o600))
			var out strings.Builder
			a := newApp()
			a.out, a.err = &out, &out
			if code := a.main([]string{"plan", dir}); code != c.code || !strings.Contains(strings.Join(strings.Fields(out.String()), " "), c.says) {
				t.Errorf("exit code %d, and it does not say %q:\n%s", code, c.says, out.String())
			}
			if c.never != "" && strings.Contains(out.String(), c.never) {
				t.Errorf("it shows the secret:\n%s", out.String())
			}
		})
	}
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
