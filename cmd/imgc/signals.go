package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
)

// interruptible gives a context that the first Ctrl-C (or SIGTERM) ends: what is under way is then cleaned
// up. The second calls leave, which says what is left, and ends the process. stop takes the signals away.
func (a *app) interruptible(parent context.Context, leave func()) (ctx context.Context, interrupted func() bool, stop func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	var hit atomic.Bool
	go func() {
		for {
			select {
			case <-done:
				return
			case <-signals:
				if hit.Swap(true) {
					leave()
					os.Exit(exitInterrupted)
				}
				fmt.Fprintln(a.err, "\nInterrupted: cleaning up. Press Ctrl-C again to leave at once.")
				cancel()
			}
		}
	}()
	return ctx, hit.Load, func() {
		signal.Stop(signals)
		close(done)
		cancel()
	}
}
