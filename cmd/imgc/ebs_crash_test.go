//go:build linux

package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"imgc/stdlib/aws/rehearsal"
)

var exhaustive = flag.Bool("exhaustive", false, "crash the builds of AMIs also at every call of the slow conditions: throttling, and read-after-write lag")

// crashProgram builds an encrypted image in two regions, of which the one before goes.
const crashProgram = `
param port: int
param marker: string
param note: string = "first"

source s = aws.ebs {
  region        = "us-east-1"
  source_ami    = "ami-0885b1f6bd170450c"
  instance_type = "t3a.nano"
  ami_name      = "crash"
  replace       = true
  encrypt       = true
  regions       = ["eu-west-1"]
  access_from   = ["127.0.0.0/8"]
  tags          = { Note = note }
  ssh           = { username = "ubuntu", port = port }
}

build b {
  from s
  provision shell { inline = ["echo ${marker} > /etc/marker"] }
}
`

// crash is a program and a cloud of its own, in which imgc runs as a process of its own.
type crash struct {
	t     testing.TB
	dir   string
	cloud *rehearsal.Cloud

	mu    sync.Mutex
	cmd   *exec.Cmd
	at    int // which call of the process to act at; 0 for none
	how   string
	seen  int
	calls []string
}

// The conditions in which a cloud is.
type condition struct {
	name     string
	throttle float64
	lag      time.Duration
}

func newCrash(t testing.TB, cond condition) *crash {
	c := &crash{t: t, dir: t.TempDir()}
	var err error
	c.cloud, err = rehearsal.New(rehearsal.Options{Dir: filepath.Join(t.TempDir(), "cloud"), Machines: true, Pace: 5 * time.Millisecond, Lag: cond.lag, Throttle: cond.throttle, Before: c.before, After: c.after})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.cloud.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := os.WriteFile(filepath.Join(c.dir, "main.imgc"), []byte(crashProgram), 0o600); err != nil {
		t.Fatal(err)
	}
	return c
}

// options adds options to the source of the program.
func (c *crash) options(text string) {
	c.t.Helper()
	program := strings.Replace(crashProgram, "  encrypt       = true\n", "  encrypt       = true\n"+text+"\n", 1)
	if err := os.WriteFile(filepath.Join(c.dir, "main.imgc"), []byte(program), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

var errNotMade = errors.New("the caller was killed before this call")

func (c *crash) before(call rehearsal.Call) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen++
	c.calls = append(c.calls, call.Region+" "+call.Action)
	if c.seen != c.at {
		return nil
	}
	switch c.how {
	case "kill before":
		_ = c.cmd.Process.Kill() // it runs: it has just called
		return errNotMade
	case "cancel":
		_ = c.cmd.Process.Signal(syscall.SIGINT)
	}
	return nil
}

func (c *crash) after(rehearsal.Call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen == c.at && c.how == "kill after" {
		_ = c.cmd.Process.Kill()
		c.at = -1
	}
}

// run runs imgc, and acts at one of its calls.
func (c *crash) run(at int, how string, args ...string) (int, string) {
	c.t.Helper()
	name, err := exec.LookPath("imgc")
	if err != nil {
		c.t.Fatal(err)
	}
	cmd := exec.Command(name, append(args, "-p", "port="+strconv.Itoa(c.cloud.SSHPort()))...)
	cmd.Dir = c.dir
	cmd.Env = awsEnviron(c.cloud.Endpoint(), 10*time.Millisecond, 400*time.Millisecond)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	c.mu.Lock()
	c.cmd, c.at, c.how, c.seen, c.calls = cmd, at, how, 0, nil
	err = cmd.Start()
	c.mu.Unlock()
	if err != nil {
		c.t.Fatal(err)
	}
	// One that hangs tells where it is.
	hung := time.AfterFunc(90*time.Second, func() { _ = cmd.Process.Signal(syscall.SIGQUIT) })
	defer hung.Stop()
	_ = cmd.Wait() // the exit code says it
	return cmd.ProcessState.ExitCode(), out.String()
}

// images are the markers of the whole images by region.
func (c *crash) images() map[string]string {
	out := map[string]string{}
	for _, i := range c.cloud.Inventory() {
		if i.Kind == "image" && i.State == "available" {
			out[i.Region] += c.marker(i)
		}
	}
	return out
}

func (c *crash) marker(i rehearsal.Item) string {
	for _, layer := range i.Disk {
		if b, err := os.ReadFile(filepath.Join(layer, "etc", "marker")); err == nil {
			return strings.TrimSpace(string(b))
		}
	}
	return "nothing"
}

// right says what is wrong with what is there, when there ought to be images of a marker, with a note, and nothing else.
func (c *crash) right(marker, note string) string {
	var wrong []string
	count := map[string]int{}
	for _, i := range c.cloud.Inventory() {
		count[i.Kind]++
		switch i.Kind {
		case "image":
			if i.State != "available" || c.marker(i) != marker || i.Name != "crash" || i.Tags["Note"] != note {
				wrong = append(wrong, fmt.Sprintf("%s %s in %s is %s, named %q, holds %q, note %q", i.Kind, i.ID, i.Region, i.State, i.Name, c.marker(i), i.Tags["Note"]))
			}
		case "snapshot":
		default:
			wrong = append(wrong, fmt.Sprintf("%s %s %s in %s is left", i.Kind, i.ID, i.Name, i.Region))
		}
	}
	if count["image"] != 2 || count["snapshot"] != 2 {
		wrong = append(wrong, fmt.Sprintf("%d images and %d snapshots", count["image"], count["snapshot"]))
	}
	return strings.Join(wrong, "\n")
}

// orphans lists what gc must not leave: anything but whole sets of images.
func (c *crash) orphans() string {
	var left []string
	images, snapshots := map[string]int{}, map[string]int{}
	for _, i := range c.cloud.Inventory() {
		switch i.Kind {
		case "image":
			images[i.Region]++
			if i.State != "available" {
				left = append(left, i.ID+" is "+i.State)
			}
		case "snapshot":
			snapshots[i.Region]++
		default:
			left = append(left, fmt.Sprintf("%s %s in %s", i.Kind, i.ID, i.Region))
		}
	}
	for _, r := range []string{"us-east-1", "eu-west-1"} {
		if images[r] != snapshots[r] || images[r] > 1 || images[r] != images["us-east-1"] {
			left = append(left, fmt.Sprintf("%d images and %d snapshots in %s", images[r], snapshots[r], r))
		}
	}
	return strings.Join(left, ", ")
}

// crashCase is what imgc does when it is stopped: a first build, one that replaces an image, or a change in place.
type crashCase struct {
	name          string
	prepare, args []string
	marker, note  string
	options       string // that the program has besides
}

var crashCases = []crashCase{
	{"first", nil, []string{"-p", "marker=one"}, "one", "first", ""},
	{"replace", []string{"-p", "marker=old"}, []string{"-p", "marker=one"}, "one", "first", ""},
	{"update", []string{"-p", "marker=one"}, []string{"-p", "marker=one", "-p", "note=second"}, "one", "second", ""},
	// A disk besides the root is empty in a rehearsal, and so is an image that is made of it.
	{"root_from", nil, []string{"-p", "marker=one"}, "nothing", "first", `volumes = [{ device = "/dev/xvdf", size = 1GiB }]` + "\n" + `root_from = "/dev/xvdf"`},
}

// TestStoppedAtEveryCallOfAnAMI stops imgc at every call of the API that it makes: killed before the call, killed after it and before its answer, and
// cancelled. Then apply, and separately gc, has to leave nothing but the right images, one in each region.
func TestStoppedAtEveryCallOfAnAMI(t *testing.T) {
	conditions := []condition{{"calm", 0, 0}}
	if *exhaustive {
		conditions = append(conditions, condition{"throttled", 0.3, 0}, condition{"lagging", 0, 150 * time.Millisecond})
	}
	points := 0
	var pool errgroup.Group
	pool.SetLimit(8) // they mostly wait
	defer func() {
		_ = pool.Wait() // the tests say what went wrong
		t.Logf("stopped at %d points", points)
	}()
	for _, cond := range conditions {
		for _, cc := range crashCases {
			whole := newCrash(t, cond)
			whole.options(cc.options)
			whole.must(cc.prepare)
			if code, out := whole.run(0, "", append([]string{"apply"}, cc.args...)...); code != 0 {
				t.Fatalf("%s, %s: apply: %d\n%s", cond.name, cc.name, code, out)
			}
			if wrong := whole.right(cc.marker, cc.note); wrong != "" {
				t.Fatalf("%s, %s, not stopped: %s", cond.name, cc.name, wrong)
			}
			calls := slices.Clone(whole.calls)
			t.Logf("%s, %s: %d calls: %s", cond.name, cc.name, len(calls), strings.Join(calls, ", "))
			for k := 1; k <= len(calls); k++ {
				for _, how := range []string{"kill before", "kill after", "cancel"} {
					for _, then := range []string{"apply", "gc"} {
						points++
						pool.Go(func() error {
							t.Run(fmt.Sprintf("%s/%s/%d %s/%s/%s", cond.name, cc.name, k, calls[k-1], how, then), func(t *testing.T) { stoppedAt(t, cond, cc, k, how, then) })
							return nil
						})
					}
				}
			}
		}
	}
}

// must applies a program that has to work.
func (c *crash) must(args []string) {
	c.t.Helper()
	if args == nil {
		return
	}
	if code, out := c.run(0, "", append([]string{"apply"}, args...)...); code != 0 {
		c.t.Fatalf("apply: %d\n%s", code, out)
	}
}

func stoppedAt(t *testing.T, cond condition, cc crashCase, k int, how, then string) {
	c := newCrash(t, cond)
	c.options(cc.options)
	c.must(cc.prepare)
	before := len(c.images())
	_, first := c.run(k, how, append([]string{"apply"}, cc.args...)...)
	if before > 0 && len(c.images()) == 0 {
		t.Fatalf("it was stopped, and neither the old image nor the new one is there\n%s", first)
	}
	out := ""
	if then == "gc" {
		var code int
		if code, out = c.run(0, "", append([]string{"gc"}, cc.args...)...); code != 0 {
			t.Fatalf("gc: exit code %d\n%s\nafter\n%s", code, out, first)
		}
		if left := c.orphans(); left != "" {
			t.Fatalf("gc left %s\n%s\nafter\n%s", left, out, first)
		}
		if before > 0 && len(c.images()) == 0 {
			t.Fatalf("gc removed the image\n%s\nafter\n%s", out, first)
		}
	}
	code, again := c.run(0, "", append([]string{"apply"}, cc.args...)...)
	if code != 0 {
		t.Fatalf("apply: exit code %d\n%s\nafter\n%s%s", code, again, first, out)
	}
	if wrong := c.right(cc.marker, cc.note); wrong != "" {
		t.Fatalf("%s\n%s\nafter\n%s%s", wrong, again, first, out)
	}
	if code, out := c.run(0, "", append([]string{"plan", "--detailed-exitcode"}, cc.args...)...); code != 0 {
		t.Fatalf("the plan after it is not empty: %d\n%s", code, out)
	}
}
