package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"imgc/stdlib/aws"
	"imgc/stdlib/aws/rehearsal"
)

// rehearsalPart is the part of the state folder that a rehearsal has for itself: what it builds is nowhere else.
const rehearsalPart = "rehearsal"

// part is the part of the state folder that this session works in.
func (s *session) part() string {
	if s.cloud != nil {
		return rehearsalPart
	}
	return ""
}

// open gives the cloud that components of AWS work in: the real one, or a rehearsal inside this process.
func (s *session) open(r *rehearsalFlags) (*aws.Cloud, error) {
	if !r.on {
		if r.root != "" || r.policy != "" || len(r.images) > 0 {
			return nil, errUsage{errors.New("--rehearse-root, --rehearse-image and --rehearse-policy go with --rehearse")}
		}
		return aws.New(aws.Options{}), nil
	}
	dir, err := filepath.Abs(s.dir)
	if err != nil {
		return nil, err
	}
	o := rehearsal.Options{Dir: filepath.Join(dir, ".imgc", rehearsalPart, "cloud"), Machines: true, Root: r.root, Images: r.images}
	if r.policy != "" {
		text, err := os.ReadFile(r.policy)
		if err != nil {
			return nil, fmt.Errorf("reading the policy to rehearse with: %w", err)
		}
		if o.Policy, err = rehearsal.ParsePolicy(text); err != nil {
			return nil, err
		}
	}
	if s.cloud, err = rehearsal.New(o); err != nil {
		return nil, err
	}
	return aws.New(aws.Options{Endpoint: s.cloud.Endpoint(), SSHPort: s.cloud.SSHPort(), AddressURL: s.cloud.AddressURL(), Poll: 200 * time.Millisecond, Settle: 2 * time.Second}), nil
}
