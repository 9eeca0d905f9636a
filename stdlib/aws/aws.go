// Package aws is what the components of Amazon Web Services share: whose account it is, a client for each region, and waiting for
// many things at once with few calls. It builds nothing itself.
//
// Start reading at New, then Region and Waiter. The components are in the folders below; an EC2 to try programs and to test them
// against is in rehearsal.
package aws

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Schema declares the types that the components of AWS share.
//
//go:embed schema.imgc
var Schema string

// Account are the fields of the type aws_account; the schema says what they mean.
type Account struct {
	Profile    *string `imgc:"profile"`
	Role       *string `imgc:"role"`
	ExternalID *string `imgc:"external_id"`
	Session    string  `imgc:"session"`
}

// Options say where AWS is. The zero value is the real one, as the environment and its shared files have it.
type Options struct {
	// Endpoint is the address of a rehearsal; with it, nothing of the environment counts.
	Endpoint string
	// SSHPort takes the place of port 22 of instances, when it is not 0.
	SSHPort int
	// AddressURL answers with the caller's public address; https://checkip.amazonaws.com when it is empty.
	AddressURL string
	// Poll is the time between two looks at what is waited for; 3 s when 0, and IMGC_AWS_POLL of the environment.
	Poll time.Duration
	// Settle is how long a thing that was just made may stay unseen; 20 s when 0, and IMGC_AWS_SETTLE of the environment.
	Settle time.Duration
}

// Cloud gives clients. It is safe for concurrent use, and one serves all builds of a run, so that they share what they ask.
type Cloud struct {
	opts Options

	mu      sync.Mutex
	regions map[string]*Region
	configs map[string]sdk.Config
	address string
}

// New gives a cloud. Nothing is asked or read before it is used.
func New(o Options) *Cloud {
	for name, d := range map[string]*time.Duration{"IMGC_AWS_POLL": &o.Poll, "IMGC_AWS_SETTLE": &o.Settle} {
		if v, err := time.ParseDuration(os.Getenv(name)); err == nil && *d == 0 {
			*d = v
		}
	}
	if o.Poll == 0 {
		o.Poll = 3 * time.Second
	}
	if o.Settle == 0 {
		o.Settle = 20 * time.Second
	}
	if o.AddressURL == "" {
		o.AddressURL = "https://checkip.amazonaws.com"
	}
	return &Cloud{opts: o, regions: map[string]*Region{}, configs: map[string]sdk.Config{}}
}

// SSHPort is the port of an instance whose program says p.
func (c *Cloud) SSHPort(p int) int {
	if c.opts.SSHPort != 0 && p == 22 {
		return c.opts.SSHPort
	}
	return p
}

// Region is EC2 in one region, for one account.
type Region struct {
	*ec2.Client
	Name string
	// Settle is how long a thing that was just made may stay unseen.
	Settle    time.Duration
	Instances *Waiter[types.Instance]
	Images    *Waiter[types.Image]
	Snapshots *Waiter[types.Snapshot]
}

// Region gives a region's client. Clients of one account share their credentials.
func (c *Cloud) Region(ctx context.Context, a Account, name string) (*Region, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := a.key()
	if r := c.regions[key+"/"+name]; r != nil {
		return r, nil
	}
	cfg, err := c.config(ctx, a, name)
	if err != nil {
		return nil, err
	}
	client := ec2.NewFromConfig(cfg, func(o *ec2.Options) { o.Region = name })
	r := &Region{Client: client, Name: name, Settle: c.opts.Settle}
	r.Instances = newWaiter(c.opts.Poll, func(ctx context.Context, ids []string) (map[string]types.Instance, error) {
		out := map[string]types.Instance{}
		p := ec2.NewDescribeInstancesPaginator(client, &ec2.DescribeInstancesInput{Filters: []types.Filter{{Name: sdk.String("instance-id"), Values: ids}}})
		for p.HasMorePages() {
			page, err := p.NextPage(ctx)
			if err != nil {
				return nil, err
			}
			for _, res := range page.Reservations {
				for _, i := range res.Instances {
					out[sdk.ToString(i.InstanceId)] = i
				}
			}
		}
		return out, nil
	})
	r.Images = newWaiter(c.opts.Poll, func(ctx context.Context, ids []string) (map[string]types.Image, error) {
		out := map[string]types.Image{}
		p := ec2.NewDescribeImagesPaginator(client, &ec2.DescribeImagesInput{Owners: []string{"self"}, Filters: []types.Filter{{Name: sdk.String("image-id"), Values: ids}}})
		for p.HasMorePages() {
			page, err := p.NextPage(ctx)
			if err != nil {
				return nil, err
			}
			for _, i := range page.Images {
				out[sdk.ToString(i.ImageId)] = i
			}
		}
		return out, nil
	})
	r.Snapshots = newWaiter(c.opts.Poll, func(ctx context.Context, ids []string) (map[string]types.Snapshot, error) {
		out := map[string]types.Snapshot{}
		p := ec2.NewDescribeSnapshotsPaginator(client, &ec2.DescribeSnapshotsInput{OwnerIds: []string{"self"}, Filters: []types.Filter{{Name: sdk.String("snapshot-id"), Values: ids}}})
		for p.HasMorePages() {
			page, err := p.NextPage(ctx)
			if err != nil {
				return nil, err
			}
			for _, s := range page.Snapshots {
				out[sdk.ToString(s.SnapshotId)] = s
			}
		}
		return out, nil
	})
	c.regions[key+"/"+name] = r
	return r, nil
}

func (a Account) key() string {
	return strings.Join([]string{sdk.ToString(a.Profile), sdk.ToString(a.Role), sdk.ToString(a.ExternalID), a.Session}, "\x00")
}

// Config is the configuration for clients of other services than EC2.
func (c *Cloud) Config(ctx context.Context, a Account, region string) (sdk.Config, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	cfg, err := c.config(ctx, a, region)
	cfg.Region = region
	return cfg, err
}

// config reads the account's configuration once; the lock is held.
func (c *Cloud) config(ctx context.Context, a Account, region string) (sdk.Config, error) {
	if cfg, ok := c.configs[a.key()]; ok {
		return cfg, nil
	}
	retryer := func() sdk.Retryer {
		// The client's own budget of retries is for servers that must be spared; EC2 says itself when it is too much.
		return retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts, o.MaxBackoff, o.RateLimiter = 20, c.opts.Settle, ratelimit.None
		})
	}
	var opts []func(*config.LoadOptions) error
	opts = append(opts, config.WithRetryer(retryer), config.WithRegion(region), config.WithHTTPClient(httpClient(c.opts.Endpoint)))
	switch {
	case c.opts.Endpoint != "":
		opts = append(opts, config.WithBaseEndpoint(c.opts.Endpoint), config.WithSharedConfigFiles(nil), config.WithSharedCredentialsFiles(nil),
			config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider("AKIAREHEARSAL", "rehearsal", "")))
	case a.Profile != nil:
		opts = append(opts, config.WithSharedConfigProfile(*a.Profile))
	}
	cfg, err := config.LoadDefaultConfig(ctx, opts...)
	if err != nil {
		return cfg, fmt.Errorf("reading whose AWS account it is: %w", err)
	}
	if a.Role != nil && c.opts.Endpoint == "" {
		cfg.Credentials = sdk.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), *a.Role, func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName, o.ExternalID = a.Session, a.ExternalID
		}))
	}
	c.configs[a.key()] = cfg
	return cfg, nil
}

// httpClient goes to a rehearsal directly: a proxy of the environment is not for loopback.
func httpClient(endpoint string) *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().WithTimeout(2 * time.Minute).WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConnsPerHost = 16
		if endpoint != "" {
			t.Proxy = nil
		}
	})
}

// Address is the public address of this computer, as EC2 sees it.
func (c *Cloud) Address(ctx context.Context) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.address != "" {
		return c.address, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.opts.AddressURL, nil)
	if err != nil {
		return "", err
	}
	res, err := httpClient(c.opts.Endpoint).Do(req)
	if err != nil {
		return "", fmt.Errorf("asking %s for this computer's public address, to open the security group to it only: %w; give access_from instead", c.opts.AddressURL, err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 100))
	text := strings.TrimSpace(string(b))
	if err != nil || net.ParseIP(text) == nil {
		return "", fmt.Errorf("%s did not answer with an address but with %q; give access_from instead", c.opts.AddressURL, text)
	}
	c.address = text
	return text, nil
}

// Code is the code of an API error; empty for any other error.
func Code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// Throttled says whether EC2 refused a call because there were too many.
func Throttled(err error) bool {
	c := Code(err)
	return c == "RequestLimitExceeded" || c == "Throttling" || c == "ThrottlingException"
}

// Broken says whether the server failed, rather than refused.
func Broken(err error) bool {
	var r *smithyhttp.ResponseError
	return errors.As(err, &r) && r.HTTPStatusCode() >= 500 && !Throttled(err)
}

// IsGone says whether an error says that a thing does not exist.
func IsGone(err error) bool {
	switch c := Code(err); {
	case strings.HasSuffix(c, ".NotFound"), strings.HasSuffix(c, ".Unavailable"), c == "ParameterNotFound", c == "ResourceNotFoundException":
		return true
	}
	return false
}

// Explain makes an error of the API one for people: what was being done, what AWS said, and what to do where that is known.
func Explain(doing string, err error) error {
	if err == nil {
		return nil
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	help := ""
	switch api.ErrorCode() {
	case "UnauthorizedOperation", "AccessDenied", "AccessDeniedException":
		help = "; `imgc policy` prints the permissions that this program needs"
	case "AuthFailure", "InvalidClientTokenId", "UnrecognizedClientException", "ExpiredToken", "RequestExpired":
		help = "; log in again, or check AWS_PROFILE and the account option"
	case "VcpuLimitExceeded", "InstanceLimitExceeded", "MaxSpotInstanceCountExceeded":
		help = "; ask AWS for a higher quota, or build fewer at a time with --parallel"
	case "InsufficientInstanceCapacity":
		help = "; try another instance_type or availability_zone"
	case "RequestLimitExceeded", "Throttling", "ThrottlingException":
		help = "; EC2 refused it again and again: build fewer at a time with --parallel"
	}
	return &Error{fmt.Sprintf("%s: %s (%s)%s", doing, strings.TrimSuffix(api.ErrorMessage(), "."), api.ErrorCode(), help), err}
}

// Error is an error of the API in words for people.
type Error struct {
	text string
	err  error
}

func (e *Error) Error() string { return e.text }

// Unwrap gives the error of the API.
func (e *Error) Unwrap() error { return e.err }
