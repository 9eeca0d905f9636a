package rehearsal

import (
	"strings"
	"time"
)

// bucket is a token bucket, as EC2 limits requests: each call takes a token, and tokens come back at a rate.
type bucket struct {
	size, rate, have float64
	last             time.Time
}

// bucket is that of an action in a region; the lock is held. Each action has its own. The sizes are those of EC2's developer guide ("Request
// throttling for the Amazon EC2 API"): calls that only look 100, and 20 a second; those that change something 50 and 5; and a few by themselves.
func (c *Cloud) bucket(action, region string) *bucket {
	b := c.buckets[region+" "+action]
	if b != nil {
		return b
	}
	size, rate := 50.0, 5.0
	switch {
	case strings.HasPrefix(action, "Describe"), strings.HasPrefix(action, "Get"):
		size, rate = 100, 20
	case action == "RunInstances", action == "StartInstances":
		size, rate = 5, 2
	case action == "TerminateInstances":
		size, rate = 100, 5
	}
	b = &bucket{size: size, rate: rate * c.opts.Limits, have: size}
	c.buckets[region+" "+action] = b
	return b
}

func (b *bucket) take(now time.Time) bool {
	if !b.last.IsZero() {
		b.have = min(b.size, b.have+b.rate*now.Sub(b.last).Seconds())
	}
	b.last = now
	if b.have < 1 {
		return false
	}
	b.have--
	return true
}
