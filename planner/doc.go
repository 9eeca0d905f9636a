// Package planner compares a program with what was built before, and says what apply will do and why. It holds the
// state file, the digests, the plan and its printed forms. It changes nothing outside its own files in .imgc, and looks
// at nothing but the program's local input files: what exists elsewhere is observed by others and passed in.
//
// Start reading at plan.go and state.go for the plan and the state as data; then digest.go (with paths.go and files.go) for
// what is compared, make.go (with match.go) for how, and view.go for how it is printed. store.go and saved.go keep the
// state and plans on disk.
package planner
