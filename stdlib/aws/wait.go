package aws

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// Waiter looks at many things of one kind with one call, for all who wait for one of them: two hundred builds ask as often as one does.
type Waiter[T any] struct {
	every time.Duration
	look  func(ctx context.Context, ids []string) (map[string]T, error)

	mu      sync.Mutex
	waiting map[string]int
	round   *round[T]
	busy    bool
}

// round is one look: done is closed when its answer is there.
type round[T any] struct {
	done  chan struct{}
	found map[string]T
	err   error
}

// maxIDs is how many values a filter takes.
const maxIDs = 200

func newWaiter[T any](every time.Duration, look func(context.Context, []string) (map[string]T, error)) *Waiter[T] {
	return &Waiter[T]{every: every, look: look, waiting: map[string]int{}, round: &round[T]{done: make(chan struct{})}}
}

// Until waits until ready says yes to the thing with an id, or gives an error; seen is false when nothing of that name is there (yet).
func (w *Waiter[T]) Until(ctx context.Context, id string, ready func(thing T, seen bool) (bool, error)) (T, error) {
	var none T
	w.mu.Lock()
	w.waiting[id]++
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		if w.waiting[id]--; w.waiting[id] == 0 {
			delete(w.waiting, id)
		}
		w.mu.Unlock()
	}()
	for {
		w.mu.Lock()
		r := w.round
		if !w.busy {
			w.busy = true
			go w.run() //nolint:contextcheck // it serves all who wait, whatever becomes of the first
		}
		w.mu.Unlock()
		select {
		case <-ctx.Done():
			return none, context.Cause(ctx)
		case <-r.done:
		}
		if r.err != nil {
			return none, r.err
		}
		thing, seen := r.found[id]
		switch ok, err := ready(thing, seen); {
		case err != nil:
			return none, err
		case ok:
			return thing, nil
		}
	}
}

// run looks while somebody waits. The first look comes soon, and the time between two grows to every.
func (w *Waiter[T]) run() {
	delay := w.every / 16
	for {
		time.Sleep(delay)
		delay = min(delay*2, w.every)
		w.mu.Lock()
		ids := slices.Sorted(maps.Keys(w.waiting))
		if len(ids) == 0 {
			w.busy = false
			w.mu.Unlock()
			return
		}
		w.mu.Unlock()
		found, err := w.all(ids)
		w.mu.Lock()
		r := w.round
		r.found, r.err = found, err
		w.round = &round[T]{done: make(chan struct{})}
		close(r.done)
		w.mu.Unlock()
	}
}

func (w *Waiter[T]) all(ids []string) (map[string]T, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	out := map[string]T{}
	for some := range slices.Chunk(ids, maxIDs) {
		found, err := w.look(ctx, some)
		if err != nil {
			return nil, err
		}
		maps.Copy(out, found)
	}
	return out, nil
}

// Within bounds what f waits for, and says so when the time is over.
func Within(ctx context.Context, limit time.Duration, what string, f func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := f(bounded)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return fmt.Errorf("%s took longer than %s", what, limit)
	}
	return err
}

// Repeat calls f until it says that it is done, or fails, or a time has come. The pauses grow, up to an eighth of what a thing that was just made may stay
// unseen.
func (r *Region) Repeat(ctx context.Context, until time.Time, f func() (done bool, err error)) error {
	for delay := r.Settle / 200; ; delay = min(2*delay, r.Settle/8) {
		if done, err := f(); done || err != nil || time.Now().After(until) {
			return err
		}
		if err := Sleep(ctx, delay); err != nil {
			return err
		}
	}
}

// Eventually repeats f while it says that a thing does not exist, for as long as one that was just made may stay unseen.
func (r *Region) Eventually(ctx context.Context, f func() error) error {
	var last error
	if err := r.Repeat(ctx, time.Now().Add(r.Settle), func() (bool, error) {
		last = f()
		return !IsGone(last), nil
	}); err != nil {
		return err
	}
	return last
}

// Whole runs a call that makes or removes something to its end, also when ctx is cancelled meanwhile: a call that is broken off may still
// be carried out, after what looks for its traces has looked. It is not begun when ctx has ended.
func Whole(ctx context.Context, f func(context.Context) error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	return f(late)
}

// Sleep waits, unless ctx ends first.
func Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
