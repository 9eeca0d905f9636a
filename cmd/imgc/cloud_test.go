package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"imgc/stdlib/aws/rehearsal"
)

// awsVariables make AWS an EC2 at an endpoint, and nothing of this computer's account; looks follow each other after poll, and what was just made
// may stay unseen for settle.
func awsVariables(endpoint string, poll, settle time.Duration) map[string]string {
	return map[string]string{
		"AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_EC2_METADATA_DISABLED": "true",
		"IMGC_AWS_POLL": poll.String(), "IMGC_AWS_SETTLE": settle.String(), "NO_PROXY": "*", "no_proxy": "*",
	}
}

// awsEnviron is this process's environment with them.
func awsEnviron(endpoint string, poll, settle time.Duration) []string {
	env := os.Environ()
	for name, value := range awsVariables(endpoint, poll, settle) {
		env = append(env, name+"="+value)
	}
	return env
}

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
		ts.Setenv("SSHPORT", strconv.Itoa(c.SSHPort()))
		for name, value := range awsVariables(c.Endpoint(), 50*time.Millisecond, time.Second) {
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
