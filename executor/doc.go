// Package executor does what a plan says: it walks the units in the order of their dependencies, runs builders, steps and
// post chains, keeps the journal, and tells what happens as one stream of events. It knows components by their contract
// alone, and decides nothing about what has to be done: that is the plan.
//
// Start reading at Apply in apply.go, then unit.go for one unit's run, then recover.go for what a crash left.
package executor
