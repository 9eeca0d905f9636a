package main

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"imgc/stdlib/aws/rehearsal"
)

// cloudKey is where a script's cloud is kept.
type cloudKey struct{}

// cloudCommand is `cloud start`: an EC2 of its own process for the script, at AWS_ENDPOINT_URL and $SSHPORT; `cloud called REGION ACTION`: waits
// until it has been called; `cloud empty`: nothing is left in it.
func cloudCommand(ts *testscript.TestScript, neg bool, args []string) {
	switch {
	case !neg && len(args) == 1 && args[0] == "start":
		c, err := rehearsal.New(rehearsal.Options{Dir: filepath.Join(ts.MkAbs("."), ".cloud"), Machines: true, Pace: 300 * time.Millisecond})
		ts.Check(err)
		ts.Defer(func() { ts.Check(c.Close()) })
		*ts.Value(cloudKey{}).(**rehearsal.Cloud) = c
		for name, value := range map[string]string{"AWS_ENDPOINT_URL": c.Endpoint(), "SSHPORT": strconv.Itoa(c.SSHPort()), "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y", "AWS_CONFIG_FILE": "/dev/null",
			"AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "IMGC_AWS_POLL": "50ms", "IMGC_AWS_SETTLE": "1s", "NO_PROXY": "*", "no_proxy": "*"} {
			ts.Setenv(name, value)
		}
	case !neg && len(args) == 3 && args[0] == "called":
		c := *ts.Value(cloudKey{}).(**rehearsal.Cloud)
		for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
			if c.Calls()[rehearsal.Call{Service: "ec2", Region: args[1], Action: args[2]}] > 0 {
				return
			}
			if time.Now().After(end) {
				ts.Fatalf("%s was not called in %s within a minute", args[2], args[1])
			}
		}
	case !neg && len(args) == 1 && args[0] == "empty":
		c := *ts.Value(cloudKey{}).(**rehearsal.Cloud)
		var left []string
		for _, i := range c.Inventory() {
			left = append(left, fmt.Sprintf("%s %s in %s", i.Kind, i.ID, i.Region))
		}
		if len(left) > 0 {
			ts.Fatalf("the cloud still has %s", strings.Join(left, ", "))
		}
	default:
		ts.Fatalf("usage: cloud start | cloud called REGION ACTION | cloud empty")
	}
}
