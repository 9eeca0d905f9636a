package lang

var planningCodes = []CodeInfo{
	{"E0801", "an input file cannot be read", `The option names a file or folder whose content is part of what is built, and it is not there, or may not be read, or is
neither a file nor a folder. Paths are relative to the program's folder.

A file that an earlier step of the same unit makes need not exist, if that step's option says where it writes.`},
	{"E0802", "no such unit", `--target and --replace take a unit, web.ec2, or a build, web, which stands for all its units, or a pattern such as 'web.*'.
imgc show lists what was built, imgc graph what a program builds.`},
	{"E0803", "reading the input files was interrupted", `Nothing was changed. Start the command again.`},
	{"E0804", "data that cannot be found", `data is looked up when the plan is made: with check it is not. The message says what was asked and what came back.`},
}
