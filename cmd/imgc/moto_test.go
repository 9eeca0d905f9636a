//go:build linux

package main

import (
	"bytes"
	"encoding/xml"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"golang.org/x/crypto/ssh"

	"imgc/executor/machine/sshtest"
)

const motoProgram = `
param host: string
param port: int
param user: string
param note: string = "one"

data base = aws.ami {
  region = "us-east-1"
  owners = ["099720109477"]
  name   = "ubuntu/images/hvm-ssd/ubuntu-*-amd64-server-*"
  latest = true
}

source s = aws.ebs {
  region        = "us-east-1"
  source_ami    = base.id
  instance_type = "t3a.nano"
  ami_name      = "web-${run.digest}"
  regions       = ["eu-west-1"]
  access_from   = ["127.0.0.0/8"]
  tags          = { Note = note }
  ssh           = { username = user, port = port, host = host, host_key = "first_use" }
}

build b {
  from s
  provision shell { inline = ["echo on $(hostname)"] }
}

output ami    = b.s.id
output copies = b.s.images
`

// moto starts an EC2 server that is not ours. In front of it, a proxy lets a local OpenSSH server know the key pairs that are made, as an
// instance would: moto's instances have no machine behind them.
func moto(t *testing.T, keys string) string {
	t.Helper()
	name, err := exec.LookPath("moto_server")
	if err != nil {
		t.Skipf("the EC2 server moto is not here (pip install 'moto[server]'): AMIs are not tried against it: %v", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	fatal(t, err)
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	cmd := exec.Command(name, "-H", "127.0.0.1", "-p", strconv.Itoa(port)) //nolint:noctx // the clean-up ends it
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	fatal(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
	})
	target := &url.URL{Scheme: "http", Host: "127.0.0.1:" + strconv.Itoa(port)}
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		c, err := net.Dial("tcp", target.Host)
		if err == nil {
			c.Close()
			break
		}
		if time.Now().After(end) {
			t.Fatalf("moto does not answer: %s", log.String())
		}
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ModifyResponse = func(r *http.Response) error {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		var made struct {
			XMLName  xml.Name
			Material string `xml:"keyMaterial"`
		}
		if err := xml.Unmarshal(body, &made); err != nil || made.XMLName.Local != "CreateKeyPairResponse" {
			return nil //nolint:nilerr // some other answer
		}
		k, err := ssh.ParsePrivateKey([]byte(made.Material))
		if err != nil {
			return err
		}
		return os.WriteFile(keys, ssh.MarshalAuthorizedKey(k.PublicKey()), 0o600)
	}
	srv := httptest.NewServer(proxy)
	t.Cleanup(srv.Close)
	return srv.URL
}

// TestAMIOnMoto builds, changes and replaces an image on an EC2 server that is not ours, reached by AWS_ENDPOINT_URL for both regions.
func TestAMIOnMoto(t *testing.T) {
	sshd := sshtest.Start(t, sshtest.Config{})
	endpoint := moto(t, filepath.Join(sshd.Dir, "authorized_keys"))
	dir := t.TempDir()
	fatal(t, os.WriteFile(filepath.Join(dir, "main.imgc"), []byte(motoProgram), 0o600))
	imgc := func(args ...string) (int, string) {
		t.Helper()
		name, err := exec.LookPath("imgc")
		fatal(t, err)
		args = append(args, "-p", "host="+sshd.Host, "-p", "port="+strconv.Itoa(sshd.Port), "-p", "user="+sshd.User)
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		cmd.Env = awsEnviron(endpoint, 50*time.Millisecond, 2*time.Second)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		_ = cmd.Run() // the exit code says it
		return cmd.ProcessState.ExitCode(), out.String()
	}
	code, out := imgc("apply")
	if code != 0 || !strings.Contains(out, "| on ") {
		t.Fatalf("apply: %d\n%s", code, out)
	}
	images := func(region string) []types.Image {
		c := ec2.New(ec2.Options{Region: region, BaseEndpoint: sdk.String(endpoint), Credentials: credentials.NewStaticCredentialsProvider("x", "y", "")})
		found, err := c.DescribeImages(t.Context(), &ec2.DescribeImagesInput{Owners: []string{"self"}})
		fatal(t, err)
		running, err := c.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{Filters: []types.Filter{{Name: sdk.String("instance-state-name"), Values: []string{"pending", "running", "stopped"}}}})
		fatal(t, err)
		groups, err := c.DescribeSecurityGroups(t.Context(), &ec2.DescribeSecurityGroupsInput{})
		fatal(t, err)
		keys, err := c.DescribeKeyPairs(t.Context(), &ec2.DescribeKeyPairsInput{})
		fatal(t, err)
		for _, g := range groups.SecurityGroups {
			if strings.HasPrefix(*g.GroupName, "imgc") {
				t.Errorf("the security group %s is left in %s", *g.GroupName, region)
			}
		}
		if len(running.Reservations)+len(keys.KeyPairs) > 0 {
			t.Errorf("%d instances and %d key pairs are left in %s", len(running.Reservations), len(keys.KeyPairs), region)
		}
		return found.Images
	}
	for _, region := range []string{"us-east-1", "eu-west-1"} {
		if list := images(region); len(list) != 1 || !strings.HasPrefix(*list[0].Name, "web-") || tagOf(list[0], "Note") != "one" {
			t.Errorf("in %s there are %+v", region, list)
		}
	}
	if code, out := imgc("plan", "--detailed-exitcode"); code != 0 {
		t.Errorf("the plan after apply is not empty: %d\n%s", code, out)
	}
	if code, out := imgc("apply", "-p", "note=two"); code != 0 || !strings.Contains(out, "updated in place") || strings.Contains(out, "starting a") {
		t.Errorf("changing a tag: %d\n%s", code, out)
	}
	for _, region := range []string{"us-east-1", "eu-west-1"} {
		if list := images(region); len(list) != 1 || tagOf(list[0], "Note") != "two" {
			t.Errorf("after changing a tag there are in %s %+v", region, list)
		}
	}
	fatal(t, os.RemoveAll(filepath.Join(dir, ".imgc", "state.json")))
	if code, out := imgc("plan", "--detailed-exitcode", "-p", "note=two"); code != 0 || !strings.Contains(out, "was found") {
		t.Errorf("without a state: %d\n%s", code, out)
	}
}

func tagOf(i types.Image, key string) string {
	for _, t := range i.Tags {
		if *t.Key == key {
			return *t.Value
		}
	}
	return ""
}
