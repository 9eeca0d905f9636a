// Package planner compares a program with what was built before, and says what apply will do and why. It holds the
// state file, the digests, the plan and its printed forms. It changes nothing outside its own files in .imgc, and looks
// at nothing but the program's local input files: what exists elsewhere is observed by others and passed in.
//
// Start reading at plan.go for the plan as data, then digest.go for what is compared, then make.go.
package planner
