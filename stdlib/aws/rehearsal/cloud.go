// Package rehearsal is an EC2 inside the imgc process: the Query API on a loopback port, with the state machines, error codes,
// pagination, eventual consistency, request limits and permissions that the real one documents, and machines that are sandboxes of
// this computer. It is there to try a program without an account, and to test the components of aws against.
//
// It is no EC2 to leave running: it serves one user, bills nobody, and has no network but loopback. What it does not know, it
// refuses; it never pretends. The names of parameters, fields and errors follow EC2's published API model.
//
// Start reading at New, then actions.go, which lists what it can do.
package rehearsal

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/renameio/v2"
)

// Options say how the cloud behaves. The zero value has no machines behind its instances, and keeps nothing.
type Options struct {
	// Dir keeps what there is between processes, and the disks of machines; it is needed for machines.
	Dir string
	// Machines starts a sandbox for each instance, with an SSH server in front; without it, nothing answers at an instance's address.
	Machines bool
	// Root is the folder with what the disks of images hold that are not made here; this computer's shell and file commands when it is
	// empty.
	Root string
	// Images are the ids of public images that there are besides those of the catalogue, in the region that is asked first.
	Images []string
	// Pace is how long each pending state lasts; 300 ms when 0.
	Pace time.Duration
	// Lag is how long a thing that has been made is not seen by later calls.
	Lag time.Duration
	// Throttle is the share of calls that are refused with RequestLimitExceeded, from 0 to 1.
	Throttle float64
	// Limits refuses calls beyond EC2's documented request rates: with 1 as they are, with 10 tokens come back ten times as fast. 0 is no limit.
	Limits float64
	// Policy, when not nil, is all that callers may do.
	Policy *Policy
	// Before and After are called around each call, without a lock; an error of Before is the call's answer. For tests.
	Before func(Call) error
	After  func(Call)
}

// Call is one call of the API.
type Call struct {
	Service string // "ec2"
	Action  string // "RunInstances"
	Region  string
}

// Account is the account that everything belongs to.
const Account = "123456789012"

// Cloud is a running cloud.
type Cloud struct {
	opts   Options
	http   *http.Server
	addr   string
	port   int          // of SSH, the same for every instance
	held   net.Listener // keeps others from the port
	closed context.CancelFunc
	ctx    context.Context

	mu      sync.Mutex
	calls   map[Call]int // how often
	data    data
	buckets map[string]*bucket
	guests  map[string]*guest
	nextIP  int
	serving sync.WaitGroup
}

// data is what lasts.
type data struct {
	Images    map[string]*image    `json:"images"`
	Snapshots map[string]*snapshot `json:"snapshots"`
	Instances map[string]*instance `json:"instances"`
	Volumes   map[string]*volume   `json:"volumes"`
	Groups    map[string]*group    `json:"security_groups"`
	Keys      map[string]*key      `json:"key_pairs"`
	Tokens    map[string]string    `json:"tokens"` // client token, by region and action: what it made
	// Parameters are those of the parameter store and the secrets, by region, service and name; a parameter has its type before it.
	Parameters map[string]string `json:"parameters"`
}

// base is what every resource has.
type base struct {
	ID      string            `json:"id"`
	Region  string            `json:"region"`
	Created time.Time         `json:"created"`
	Tags    map[string]string `json:"tags,omitempty"`
}

// New starts a cloud. Close ends it.
func New(o Options) (*Cloud, error) {
	if o.Pace == 0 {
		o.Pace = 300 * time.Millisecond
	}
	c := &Cloud{opts: o, calls: map[Call]int{}, buckets: map[string]*bucket{}, guests: map[string]*guest{}}
	c.data = data{map[string]*image{}, map[string]*snapshot{}, map[string]*instance{}, map[string]*volume{}, map[string]*group{}, map[string]*key{}, map[string]string{}, map[string]string{}}
	if o.Dir != "" {
		if err := os.MkdirAll(o.Dir, 0o700); err != nil {
			return nil, fmt.Errorf("starting the rehearsal: %w", err)
		}
		if err := c.load(); err != nil {
			return nil, err
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("starting the rehearsal: %w", err)
	}
	// A port that is free on one loopback address is free on the others, unless somebody takes it for all. It is held on that one, so that another cloud,
	// whose instances have the same addresses, has another.
	if c.held, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, errors.Join(fmt.Errorf("starting the rehearsal: %w", err), l.Close())
	}
	c.port = c.held.Addr().(*net.TCPAddr).Port
	c.addr = "http://" + l.Addr().String()
	c.ctx, c.closed = context.WithCancel(context.Background())
	c.http = &http.Server{Handler: http.HandlerFunc(c.serve), ReadHeaderTimeout: 10 * time.Second}
	c.serving.Go(func() { _ = c.http.Serve(l) }) // it ends with Close
	return c, nil
}

// Endpoint is the address of the API, for AWS_ENDPOINT_URL.
func (c *Cloud) Endpoint() string { return c.addr }

// SSHPort is the port on which instances serve SSH: 22 is not for everybody to listen on.
func (c *Cloud) SSHPort() int { return c.port }

// AddressURL answers with the caller's address, as checkip.amazonaws.com does.
func (c *Cloud) AddressURL() string { return c.addr + "/address" }

// Close ends the machines and the server. What there is stays in Dir.
func (c *Cloud) Close() error {
	c.closed()
	err := errors.Join(c.http.Close(), c.held.Close())
	c.mu.Lock()
	guests := slices.Collect(maps.Values(c.guests))
	clear(c.guests)
	c.mu.Unlock()
	for _, g := range guests {
		err = errors.Join(err, g.stop())
	}
	c.serving.Wait()
	return err
}

// Calls counts the calls so far, by service, action and region.
func (c *Cloud) Calls() map[Call]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.calls)
}

func (c *Cloud) path() string { return filepath.Join(c.opts.Dir, "cloud.json") }

func (c *Cloud) load() error {
	b, err := os.ReadFile(c.path())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(b, &c.data)
	}
	if err != nil {
		return fmt.Errorf("reading the rehearsal's cloud: %w; remove %s to begin with an empty one", err, c.opts.Dir)
	}
	return nil
}

// save keeps the data; the lock is held.
func (c *Cloud) save() error {
	if c.opts.Dir == "" {
		return nil
	}
	b, err := json.Marshal(c.data)
	if err != nil {
		return err
	}
	return renameio.WriteFile(c.path(), b, 0o600)
}

// request is a call under way; the cloud's lock is held while it is answered.
type request struct {
	*params
	c      *Cloud
	action string
	region string
	now    time.Time
}

var scope = regexp.MustCompile(`Credential=[^/]+/\d+/([^/]+)/([^/]+)/`)

func (c *Cloud) serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/address" {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		fmt.Fprintln(w, host)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return
	}
	m := scope.FindStringSubmatch(r.Header.Get("Authorization"))
	if m == nil {
		c.answer(w, "", nil, &apiError{401, "AuthFailure", "AWS was not able to validate the provided access credentials"})
		return
	}
	region, service := m[1], m[2]
	switch service {
	case "ec2":
		c.ec2(w, r, body, region)
	case "ssm", "secretsmanager":
		c.jsonService(w, r, body, service, region)
	case "sts":
		c.sts(w, body, region)
	default:
		c.answer(w, "", nil, failure("InvalidAction", "The rehearsal has no service %s.", service))
	}
}

// called counts a call and asks whether it is let through.
func (c *Cloud) called(service, action, region string) (Call, error) {
	c.mu.Lock()
	call := Call{service, action, region}
	c.calls[call]++
	refused := c.opts.Throttle > 0 && mathrand.Float64() < c.opts.Throttle || c.opts.Limits > 0 && !c.bucket(action, region).take(time.Now())
	c.mu.Unlock()
	if c.opts.Before != nil {
		if err := c.opts.Before(call); err != nil {
			return call, err
		}
	}
	if refused {
		return call, &apiError{503, "RequestLimitExceeded", "Request limit exceeded."}
	}
	return call, nil
}

func (c *Cloud) ec2(w http.ResponseWriter, r *http.Request, body []byte, region string) {
	form, err := parseForm(r, body)
	if err != nil {
		c.answer(w, "", nil, failure("MalformedQueryString", "The query string contains a syntax error"))
		return
	}
	rq := &request{params: parseParams(form), c: c, action: form.Get("Action"), region: region}
	call, err := c.called("ec2", rq.action, region)
	var out []any
	if err == nil {
		out, err = rq.run()
	}
	if c.opts.After != nil {
		c.opts.After(call)
	}
	c.answer(w, rq.action, out, err)
}

func (rq *request) run() ([]any, error) {
	c := rq.c
	do, ok := actions[rq.action]
	if !ok {
		return nil, failure("InvalidAction", "The action %s is not valid for this web service.", rq.action)
	}
	if !slices.Contains(regions, rq.region) {
		return nil, &apiError{401, "AuthFailure", "The rehearsal has no region " + rq.region}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	rq.now = time.Now()
	c.advance(rq.now)
	out, err := do(rq)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(rq.action, "Describe") && !strings.HasPrefix(rq.action, "Get") {
		if err := c.save(); err != nil {
			return nil, &apiError{500, "InternalError", err.Error()}
		}
	}
	return out, nil
}

func (c *Cloud) answer(w http.ResponseWriter, action string, out []any, err error) {
	id := hexID(16)
	var doc el
	status := http.StatusOK
	if err != nil {
		var e *apiError
		if !errors.As(err, &e) {
			e = &apiError{500, "InternalError", err.Error()}
		}
		status = e.status
		doc = node("Response", node("Errors", node("Error", node("Code", e.code), node("Message", e.message))), node("RequestID", id))
	} else {
		doc = node(action+"Response", append([]any{node("requestId", id)}, out...)...)
	}
	b, err := xml.Marshal(doc)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/xml;charset=UTF-8")
	w.WriteHeader(status)
	_, _ = w.Write(append([]byte(xml.Header), b...)) // the caller may be gone
}

// visible says whether a resource can be seen yet.
func (rq *request) visible(b base) bool {
	return b.Region == rq.region && !rq.now.Before(b.Created.Add(rq.c.opts.Lag))
}

func (c *Cloud) base(region, prefix string, now time.Time, tags map[string]string) base {
	if tags == nil {
		tags = map[string]string{}
	}
	return base{ID: prefix + "-0" + hexID(8), Region: region, Created: now, Tags: maps.Clone(tags)}
}

func hexID(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// sorted are resources in the order in which they were made.
func sorted[T interface{ of() base }](m map[string]T) []T {
	return slices.SortedFunc(maps.Values(m), func(a, b T) int {
		if d := a.of().Created.Compare(b.of().Created); d != 0 {
			return d
		}
		return strings.Compare(a.of().ID, b.of().ID)
	})
}

func (b base) of() base { return b }

// once answers a repeated call that carries the client token of an earlier one with what that one made.
func (rq *request) once(token string) (string, func(id string)) {
	if token == "" {
		return "", func(string) {}
	}
	k := rq.region + "/" + rq.action + "/" + token
	return rq.c.data.Tokens[k], func(id string) { rq.c.data.Tokens[k] = id }
}

// Item is one thing in the cloud that belongs to the account.
type Item struct {
	Kind, Region, ID, Name, State string
	Tags                          map[string]string
	// Disk are the folders that an image's root disk consists of, the topmost first.
	Disk []string
}

// Inventory lists what the account has, but for instances that have ended: what costs money, and what has to be tidied up.
func (c *Cloud) Inventory() []Item {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance(time.Now())
	var out []Item
	add := func(kind string, b base, name, state string) {
		out = append(out, Item{Kind: kind, Region: b.Region, ID: b.ID, Name: name, State: state, Tags: maps.Clone(b.Tags)})
	}
	for _, i := range sorted(c.data.Images) {
		if i.Owner != Account {
			continue
		}
		add("image", i.base, i.Name, i.State)
		for _, d := range i.Devices {
			if s := c.data.Snapshots[d.Snapshot]; s != nil && d.Name == i.RootDevice {
				for _, l := range s.Layers {
					out[len(out)-1].Disk = append(out[len(out)-1].Disk, filepath.Join(c.opts.Dir, "layers", l))
				}
			}
		}
	}
	for _, s := range sorted(c.data.Snapshots) {
		if s.Owner == Account {
			add("snapshot", s.base, s.Description, s.State)
		}
	}
	for _, i := range sorted(c.data.Instances) {
		if i.State != terminated {
			add("instance", i.base, i.Image, i.State)
		}
	}
	for _, v := range sorted(c.data.Volumes) {
		add("volume", v.base, v.Device, v.State)
	}
	for _, g := range sorted(c.data.Groups) {
		add("security group", g.base, g.Name, "")
	}
	for _, k := range sorted(c.data.Keys) {
		add("key pair", k.base, k.Name, "")
	}
	return out
}
