// Package script is what the provisioners that run scripts share: reading scripts, finding out how to start
// them, and keeping the last lines of what they print. It runs nothing.
//
// Start reading at FromInline and FromFile.
package script

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
)

// Script is a script that is ready to be put on a machine.
type Script struct {
	Name    string // for people: "build.sh", "the inline commands"
	Content []byte
	// Argv starts the script: the path of the script is put after it. It is empty when the script has to
	// be started by itself, as a binary.
	Argv []string
}

// FromInline joins inline commands to one script. Its first line may be a #! line.
func FromInline(lines, interpreter []string) (Script, error) {
	s := Script{Name: "the inline commands", Content: []byte(strings.Join(lines, "\n") + "\n")}
	if len(lines) == 1 && !strings.Contains(lines[0], "\n") {
		s.Name = "the inline command"
	}
	return s.start(interpreter)
}

// FromFile reads a script file. Unless binary is set, Windows line ends become Unix ones. name is the path for people.
func FromFile(path, name string, binary bool, interpreter []string) (Script, error) {
	content, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Script{}, fmt.Errorf("the script %s does not exist; the path is taken from the program's folder", name)
	case err != nil:
		return Script{}, fmt.Errorf("reading the script %s: %w", name, err)
	}
	s := Script{Name: name, Content: content}
	if binary {
		return s, nil
	}
	s.Content = bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n"))
	return s.start(interpreter)
}

// start reads the #! line as the kernel does: an interpreter and at most one argument. Starting the
// interpreter ourselves works where the script's folder is mounted noexec too.
func (s Script) start(interpreter []string) (Script, error) {
	s.Argv = slices.Clone(interpreter)
	if first, _, _ := bytes.Cut(s.Content, []byte("\n")); bytes.HasPrefix(first, []byte("#!")) {
		line := strings.TrimSpace(strings.TrimPrefix(string(first), "#!"))
		name, arg, _ := strings.Cut(line, " ")
		s.Argv = []string{name}
		if arg = strings.TrimSpace(arg); arg != "" {
			s.Argv = append(s.Argv, arg)
		}
	}
	if len(s.Argv) == 0 || s.Argv[0] == "" {
		return Script{}, fmt.Errorf("nothing says how to start %s: give it a #! line or set interpreter", s.Name)
	}
	return s, nil
}

// Quote writes words as one command line for a POSIX shell.
func Quote(words ...string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		if w != "" && strings.Trim(w, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:,+@%") == "" {
			quoted[i] = w
			continue
		}
		quoted[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
	}
	return strings.Join(quoted, " ")
}

// Tail is a writer that keeps the last lines it was given: at most 10 lines of at most 4 KiB in all.
type Tail struct {
	mu  sync.Mutex
	buf []byte
}

const tailBytes, tailLines = 4 << 10, 10

func (t *Tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	keep := p
	if len(keep) > tailBytes {
		keep = keep[len(keep)-tailBytes:]
	}
	t.buf = append(t.buf, keep...)
	if len(t.buf) > tailBytes {
		t.buf = append(t.buf[:0], t.buf[len(t.buf)-tailBytes:]...)
	}
	return len(p), nil
}

// Lines are the last lines.
func (t *Tail) Lines() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := strings.TrimRight(strings.ToValidUTF8(string(t.buf), "\uFFFD"), "\n")
	if text == "" {
		return nil
	}
	lines := strings.Split(text, "\n")
	return lines[max(0, len(lines)-tailLines):]
}

// ExitError says that a script ended with a code that does not count as success.
func ExitError(name string, code int, valid []int, stderr, stdout *Tail) error {
	what := "standard error"
	lines := stderr.Lines()
	if len(lines) == 0 {
		what, lines = "standard output", stdout.Lines()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s ended with exit code %d", name, code)
	switch code {
	case 126:
		b.WriteString(" (a command was found but could not be started: is it executable, and for this machine?)")
	case 127:
		b.WriteString(" (a command was not found: is it installed, and in PATH?)")
	}
	if len(lines) > 0 {
		fmt.Fprintf(&b, "; the last lines of its %s:\n  %s\n", what, strings.Join(lines, "\n  "))
	} else {
		b.WriteString(" and printed nothing; ")
	}
	fmt.Fprintf(&b, "mend the script, or add the code to valid_exit_codes if it means success (now %v)", valid)
	return errors.New(b.String())
}

// Variables are what every script is told of the build, with Packer's names so that scripts move over.
func Variables(build, source, builder string) map[string]string {
	return map[string]string{
		"IMGC_BUILD_NAME":     build,
		"IMGC_SOURCE_NAME":    source,
		"IMGC_BUILDER_TYPE":   builder,
		"PACKER_BUILD_NAME":   source,
		"PACKER_BUILDER_TYPE": builder,
	}
}
