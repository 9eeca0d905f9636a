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

// bucket is that of an action in a region; the lock is held. The sizes are those of EC2's user guide (request throttling):
// non-mutating calls 100 and 20 a second, mutating ones 50 and 5, and a few by themselves.
func (c *Cloud) bucket(action, region string) *bucket {
	class, size, rate := "mutating", 50.0, 5.0
	switch {
	case strings.HasPrefix(action, "Describe"):
		class, size, rate = "describe "+action, 100, 20
	case strings.HasPrefix(action, "Get"):
		class, size, rate = "get", 100, 20
	case action == "RunInstances" || action == "StartInstances":
		class, size, rate = action, 5, 2
	case action == "TerminateInstances":
		class, size, rate = action, 100, 5
	}
	b := c.buckets[region+" "+class]
	if b == nil {
		b = &bucket{size: size, rate: rate, have: size}
		c.buckets[region+" "+class] = b
	}
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
