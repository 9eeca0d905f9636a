//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"imgc/stdlib/aws/rehearsal"
)

// TestManyAMIsAtOnce builds 200 images at the same time in a cloud with EC2's request limits, and prints what a build costs. The tokens of the limits come
// back ten times as fast as EC2's; with -exhaustive as fast.
func TestManyAMIsAtOnce(t *testing.T) {
	const builds = 200
	limits := 10.0
	if *exhaustive {
		limits = 1
	}
	cloud, err := rehearsal.New(rehearsal.Options{Dir: filepath.Join(t.TempDir(), "cloud"), Machines: true, Pace: 500 * time.Millisecond, Limits: limits})
	fatal(t, err)
	t.Cleanup(func() { fatal(t, cloud.Close()) })
	dir := t.TempDir()
	var names []string
	for i := range builds {
		names = append(names, fmt.Sprintf("%q", fmt.Sprintf("n%d", i)))
	}
	program := `
source s = aws.ebs {
  region      = "us-east-1"
  source_ami  = "ami-0885b1f6bd170450c"
  ami_name    = "many"
  access_from = ["127.0.0.0/8"]
  ssh         = { username = "ubuntu", port = ` + strconv.Itoa(cloud.SSHPort()) + ` }
}
build many for n in [` + strings.Join(names, ", ") + `] {
  from s { ami_name = "many-${n}" }
  provision shell { inline = ["echo ${n} > /etc/marker"] }
}
`
	fatal(t, os.WriteFile(filepath.Join(dir, "main.imgc"), []byte(program), 0o600))
	name, err := exec.LookPath("imgc")
	fatal(t, err)
	cmd := exec.Command(name, "apply", "--parallel", strconv.Itoa(builds))
	cmd.Dir = dir
	cmd.Env = awsEnviron(cloud.Endpoint(), time.Second, 5*time.Second)
	start := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	taken := time.Since(start)
	images := map[string]bool{}
	for _, i := range cloud.Inventory() {
		switch i.Kind {
		case "image":
			images[i.Name] = i.State == "available"
		case "snapshot":
		default:
			t.Errorf("%s %s %s is left", i.Kind, i.ID, i.Name)
		}
	}
	if len(images) != builds {
		t.Errorf("there are %d images", len(images))
	}
	total, looks := 0, 0
	for call, n := range cloud.Calls() {
		total += n
		if strings.HasPrefix(call.Action, "Describe") {
			looks += n
		}
	}
	usage, _ := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	t.Logf("%d builds in %s: %.1f MB each at most, %.1f calls each, %.1f of them to look", builds, taken.Round(time.Second), float64(usage.Maxrss)/1024/builds, float64(total)/builds, float64(looks)/builds)
	if made := len(regexp.MustCompile(`(?m)made us-east-1:`).FindAll(out, -1)); made != builds {
		t.Errorf("%d builds say that they made an image", made)
	}
}
