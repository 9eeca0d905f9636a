package lang

var compilingCodes = []CodeInfo{
	{"E0201", "an unknown name", `The name is that of no param, let or build here. Sources are no values: they are named by from, on, only, except and
override. The checks and the default of a param see no other name.`},
	{"E0202", "a name that is taken", `Two declarations, or two fields of an object, have the same name. All files of a program share one scope. run is a name of
imgc's own.`},
	{"E0203", "something made of itself", `Lets, types and units may use each other in any order, but not in a circle: then none of them could be the first.`},
	{"E0204", "an unknown function", `There is no function of that name. imgc doc functions lists those of the language; func declares one.`},
	{"E0205", "an unknown component", `source takes a builder, provision a provisioner, post a post-processor. imgc doc lists what there is of each.`},
	{"E0206", "an unknown type", `The types are string, int, float, bool, duration, size, path, list(T), map(T), objects { a: T }, optionals T?, enums
"a" | "b", and what a type declaration names.`},
	{"E0207", "a module that cannot be used", `use names a .imgc file or a folder of them, by a path relative to the file that says use. What it declares is then NAME.x, where
NAME is the last part of the path or what as says.`},
	{"E0208", "modules that use each other", `Modules may use the same module, but not each other in a circle.`},
	{"E0209", "a private name", `Names that begin with _ belong to their module alone.`},
	{"E0301", "another type is wanted", `Nothing is converted silently but an int to a float, and a literal string to a path or an enum. Make a string of a value by
interpolation: "${x}".`},
	{"E0302", "an operator that does not go with its operands", `Arithmetic takes numbers of one unit; a duration or a size may be multiplied and divided by an int. Strings are joined by
interpolation, lists by concat.`},
	{"E0303", "an unknown field", `The object, or the artifact, has no field of that name; or the value is no object.`},
	{"E0304", "wrong arguments", `The function takes other arguments, or another number of them. Arguments may be named: parseint("ff", base: 16).`},
	{"E0305", "a value that cannot be computed", `The types are right, but the value is not: a division by zero, a number that does not fit in 64 bits, an index or key that
is not there, text that a function cannot read.`},
	{"E0306", "a type that cannot be told", `A param needs a type or a default from which the type can be told. Write it: param hosts: list(string) = [].`},
	{"E0307", "not one of the values of an enum", `The option or param takes one of a few strings.`},
	{"E0308", "too much to evaluate", `A program always ends, but it may not use up the machine: a value has a million elements at most, a string 64 MiB, and the whole
program takes 4 million steps, and 50 more for each byte of it.`},
	{"E0401", "known too late", `What a program is made of is known before apply: counts, limits, labels, the names of fields. run.* and the artifacts of
builds are known only then; options and outputs may use them.`},
	{"E0402", "a secret in a public place", `Names, tags, labels, paths that are written and outputs are shown to everybody, so they refuse what is made of a secret param.`},
	{"E0403", "env outside the default of a param", `A plan depends on its parameters alone. So the environment is read by the default of a param, which says where the value came
from: param token: string = env("TOKEN").`},
	{"E0408", "a value that is not there at apply", `A unit whose artifact is used has not been built, or a parameter has no value.`},
	{"E0501", "an unknown option", `The component has no option of that name. imgc doc NAME lists its options.`},
	{"E0502", "a missing option", `The option, or the field of an object, has no default and is not optional.`},
	{"E0503", "options that exclude each other", `Of some options exactly one, or at most one, may be given.`},
	{"E0504", "an option given twice", `A body gives an option once. An override or a refinement gives it anew for one source.`},
	{"E0601", "an unknown source", `from names a declared source; on, only, except, override and references name a source of the build.`},
	{"E0602", "only and except together", `A step runs for the sources that only names, or for all but those that except names.`},
	{"E0603", "an override that is never used", `The step does not run for the source that the override is for.`},
	{"E0604", "a statement in the wrong place", `A build holds from, provision, on, on_error and post; a step holds options and only, except, override, retry, timeout and
pause; a post link may hold keep too; an override holds options.`},
	{"E0605", "a chain that cannot work", `Each post-processor takes certain kinds of artifact, and what stands before it gives another.`},
	{"E0606", "a step without a machine", `The source has no machine, and the provisioner needs one.`},
	{"E0607", "a source that stands twice in a build", `A unit is a build for a source, so a build has each source once.`},
	{"E0608", "a build without a source", `A build needs something to build on: from SOURCE.`},
	{"E0610", "a matrix whose builds have no names", `build NAME for v in EXPR makes one build for each element. The keys of a map, or the elements of a list of strings, numbers or
sizes, name them: each has to be there once.

  build web for arch in ["amd64", "arm64"] { … }
  build web for name, size in { small = 10GiB, large = 40GiB } { … }`},
	{"E0701", "a param without a value", `A param without a default has to be given: -p name=value, a vars file, or IMGC_PARAM_NAME.`},
	{"E0702", "a value that does not fit its param", `A string is taken as it stands; anything else is written as in a program.`},
	{"E0703", "a value for no param", `-p names a param that the program does not have.`},
	{"E0704", "a check of a param that does not hold", `The program says what values the param may have.`},
	{"E0705", "an assertion that does not hold", `The program says what has to be true, and it is not for these parameters.`},
	{"E0710", "a test that is wrong", `A test gives params and expects something:

  test "staging is small" {
    param stage = "staging"
    expect plan.units["web.vm"].options.size == 10GiB, "10 GiB are enough"
    expect error "E0704"
  }`},
	{"E0711", "a test that does not hold", `What the test expects of the program is not so.`},
}

var executingCodes = []CodeInfo{
	{"E0901", "a unit that could not be built", `A builder, a step or a post-processor failed, or was cancelled. What was finished is recorded: imgc apply goes on from there.`},
}

var warningCodes = []CodeInfo{
	{"W0201", "something that is not used", `Nothing uses the param, the let or the source. A name that begins with _ may stay unused.`},
	{"W0202", "a build that builds nothing", `What its for goes over is empty, so there is nothing to build.`},
	{"W0203", "two units that write the same file", `What one of them makes is lost, and every plan finds it changed. Give each a path of its own: in a matrix, with the name of the
build in it.`},
	{"W0706", "a value for no param in a vars file", `The vars file gives a value for a param that the program does not have. It may be meant for another program.`},
}
