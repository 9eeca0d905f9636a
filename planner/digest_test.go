package planner

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/zclconf/go-cty/cty"

	"imgc/compiler"
	"imgc/lang"
)

func digestOf(t *testing.T, w *world, us ...*compiler.Unit) string {
	t.Helper()
	d, ds := Digest(context.Background(), w.input(us...))
	if ds.HasErrors() {
		t.Fatal(ds)
	}
	return d.Units[us[len(us)-1].Addr].Digest()
}

// What changes how, or how patiently, an image is made, and not what it is, is no part of a digest.
func TestLeftOut(t *testing.T) {
	w := newWorld(t)
	w.file("a", "x")
	make := func(edit func(u *compiler.Unit)) string {
		u := unit("a.vm", call(vmSchema, "", size(1)), call(shellSchema, "one", script("a"),
			option(fieldUploads, cty.TupleVal([]cty.Value{upload("a", 3)}))))
		edit(u)
		return digestOf(t, w, u)
	}
	same := make(func(*compiler.Unit) {})
	for why, edit := range map[string]func(u *compiler.Unit){
		"a program may be written in another file or on another line": func(u *compiler.Unit) {
			u.Steps[0].Range = lang.Range{File: "b.imgc", Start: 7, End: 9}
			u.Range.Start = 3
		},
		"a timeout decides whether a step ends, not how": func(u *compiler.Unit) { u.Steps[0].Timeout = time.Hour },
		"a step that was tried twice did the same":       func(u *compiler.Unit) { u.Steps[0].Retry = 3 },
		"a pause changes nothing on the machine":         func(u *compiler.Unit) { u.Steps[0].Pause = time.Second },
		"a label is a name for people":                   func(u *compiler.Unit) { u.Steps[0].Label = "two" },
		"a schema says that the option is free": func(u *compiler.Unit) {
			u.Steps[0].Options = append(u.Steps[0].Options, option(fieldWait, cty.NumberIntVal(9)))
		},
		"a schema says that the field of an object is free": func(u *compiler.Unit) {
			u.Steps[0].Options[1] = option(fieldUploads, cty.TupleVal([]cty.Value{upload("a", 4)}))
		},
		"documentation is for people":                       func(u *compiler.Unit) { u.Doc = "Makes a." },
		"what is done after a failure is in no image":       func(u *compiler.Unit) { u.OnError = call(shellSchema, "") },
		"keeping the raw artifact changes nothing about it": func(u *compiler.Unit) { u.Builder.Keep = true },
		"post chains begin where the image is finished":     func(u *compiler.Unit) { u.Posts = []*compiler.Chain{chain(call(compressSchema, ""))} },
		"an option that is null is absent": func(u *compiler.Unit) {
			u.Builder.Options = append(u.Builder.Options, option(fieldFrom, cty.NullVal(cty.String)))
		},
		"a list and a tuple of the same values are the same": func(u *compiler.Unit) {
			u.Steps[0].Options[1] = option(fieldUploads, cty.ListVal([]cty.Value{upload("a", 3)}))
		},
	} {
		if make(edit) != same {
			t.Errorf("the digest differs, though %s", why)
		}
	}
	for what, edit := range map[string]func(u *compiler.Unit){
		"an option": func(u *compiler.Unit) { u.Builder.Options[0] = size(2) },
		"a field of an object": func(u *compiler.Unit) {
			u.Steps[0].Options[1] = option(fieldUploads, cty.TupleVal([]cty.Value{upload("a", 3), upload("a", 3)}))
		},
		"another component": func(u *compiler.Unit) { u.Steps[0].Schema = downloadSchema },
		"a step more":       func(u *compiler.Unit) { u.Steps = append(u.Steps, u.Steps[0]) },
		"where a download goes": func(u *compiler.Unit) {
			u.Steps[0].Options = append(u.Steps[0].Options, option(fieldTo, cty.StringVal("b")))
		},
		"an empty string": func(u *compiler.Unit) {
			u.Builder.Options = append(u.Builder.Options, option(fieldFrom, cty.StringVal("")))
		},
		"a string like a number": func(u *compiler.Unit) { u.Builder.Options[0] = option(fieldSize, cty.StringVal("1073741824")) },
	} {
		if make(edit) == same {
			t.Errorf("%s does not change the digest", what)
		}
	}
	before := same
	w.file("a", "y")
	if make(func(*compiler.Unit) {}) == before {
		t.Error("the content of a file does not change the digest")
	}
}

func upload(source string, retries int64) cty.Value {
	return cty.ObjectVal(map[string]cty.Value{"source": cty.StringVal(source), "target": cty.StringVal("/t"), "retries": cty.NumberIntVal(retries)})
}

// The parts of a list do not run into each other.
func TestUnambiguous(t *testing.T) {
	w := newWorld(t)
	seen := map[string]string{}
	for _, lines := range [][]string{{"ab"}, {"a", "b"}, {"", "ab"}, {"ab", ""}, {"a", "", "b"}, {}, {"s\x01a"}, {"a\x00b"}} {
		d := digestOf(t, w, unit("a.vm", call(vmSchema, "", inline(lines...))))
		if other, ok := seen[d]; ok {
			t.Errorf("%q and %s have one digest", lines, other)
		}
		seen[d] = fmt.Sprintf("%q", lines)
	}
}

func TestSecrets(t *testing.T) {
	w := newWorld(t)
	prog := func(secret string) *compiler.Unit {
		env := cty.ObjectVal(map[string]cty.Value{"USER": cty.StringVal("admin"), "PASS": cty.StringVal(secret).Mark(compiler.Secret)})
		return unit("a.vm", call(vmSchema, "", token(secret), option(fieldEnv, env)),
			call(shellSchema, "", &compiler.Option{Field: fieldFrom, Value: cty.UnknownVal(cty.String), Pending: &compiler.Pending{Text: `"${run.id}${s}"`,
				Refs: []string{"run.id"}, Known: map[string]cty.Value{"s": cty.StringVal(secret).Mark(compiler.Secret)}}}))
	}
	w.apply(prog("hunter2"))
	if got := summary(w.plan(prog("hunter2"))); got != "" {
		t.Error(got)
	}
	p := w.plan(prog("other3"))
	want := `rebuild a.vm: the secret in option env changed in source vm; the secret in option token changed in source vm; what option from is made from changed in step 1 (shell)`
	if got := summary(p); got != want {
		t.Errorf("got %s", got)
	}
	state, err := json.Marshal(w.state)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(state), string(plan)} {
		if strings.Contains(text, "hunter2") || strings.Contains(text, "other3") {
			t.Errorf("a secret is in %s", text)
		}
	}
	if !strings.Contains(string(state), "admin") {
		t.Error("what lies beside a secret is public")
	}
	// Without the key nothing about a secret can be told, and nothing of it goes into a digest.
	digest := digestOf(t, w, prog("hunter2"))
	w.key = []byte("another")
	if digestOf(t, w, prog("hunter2")) == digest {
		t.Error("the digest of a secret does not depend on the key")
	}
	w.key = nil
	if digestOf(t, w, prog("hunter2")) != digestOf(t, w, prog("other3")) {
		t.Error("without a key the digest gives a secret away")
	}
	if got := summary(w.plan(prog("hunter2"))); !strings.Contains(got, "option token in source vm cannot be compared") {
		t.Error(got)
	}
}

func TestReferences(t *testing.T) {
	w := newWorld(t)
	digest := func(n int64, ref string) string {
		a := unit("a.vm", call(vmSchema, "", size(n)))
		b := unit("b.vm", call(vmSchema, "", later(fieldFrom, "x", ref)))
		b.DependsOn = []string{"a.vm"}
		return digestOf(t, w, a, b)
	}
	if digest(1, "a.vm.path") == digest(2, "a.vm.path") {
		t.Error("what a unit uses does not change its digest")
	}
	if digest(1, "run.id") != digest(2, "run.id") {
		t.Error("run.id makes a plan dirty")
	}
}

// A file that a step makes need not be there, and what it holds before the step does not count.
func TestMadeBefore(t *testing.T) {
	w := newWorld(t)
	u := unit("a.vm", call(vmSchema, ""), call(downloadSchema, "", option(fieldTo, cty.StringVal("./out"))), call(shellSchema, "", script("out/app")))
	before := digestOf(t, w, u)
	w.file("out/app", "made")
	if digestOf(t, w, u) != before {
		t.Error("a plan right after apply would not be empty")
	}
}

func TestFileErrors(t *testing.T) {
	w := newWorld(t)
	w.file("setup.sh", "")
	if err := syscall.Mkfifo(filepath.Join(w.dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	at := lang.Range{File: "a.imgc", Start: 5, End: 9}
	for path, want := range map[string]struct{ message, help string }{
		"stup.sh":      {"script stup.sh does not exist", `did you mean "setup.sh"?`},
		"no/folder":    {"script no/folder does not exist", "make it, or correct the path; it is relative to the program's folder"},
		"pipe":         {"script pipe cannot be read: " + filepath.Join(w.dir, "pipe") + " is a named pipe, not a file or a folder", "let it be a file or a folder that you may read"},
		"setup.sh/two": {"script setup.sh/two cannot be read: not a directory", "let it be a file or a folder that you may read"},
	} {
		o := script(path)
		o.Range = at
		_, ds := Digest(context.Background(), w.input(unit("a.vm", call(vmSchema, "", o))))
		if len(ds) != 1 || ds[0].Message != want.message || ds[0].Help != want.help || ds[0].Range != at {
			t.Errorf("%s: %+v", path, ds)
		}
	}
	secret := option(fieldScript, cty.StringVal("hunter2").Mark(compiler.Secret))
	_, ds := Digest(context.Background(), w.input(unit("a.vm", call(vmSchema, "", secret))))
	if len(ds) != 1 || strings.Contains(ds[0].Message+ds[0].Help, "hunter2") {
		t.Errorf("%+v", ds)
	}
}

func TestFolders(t *testing.T) {
	w := newWorld(t)
	w.file("in/a", "1")
	w.file("in/b/c", "2")
	digest := func() string {
		t.Helper()
		sum, err := NewFiles(w.dir).Digest(context.Background(), "in")
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	last := digest()
	changes := func(what string, f func() error) {
		t.Helper()
		if err := f(); err != nil {
			t.Fatal(err)
		}
		now := digest()
		if now == last {
			t.Errorf("%s does not change the digest", what)
		}
		last = now
	}
	in := func(name string) string { return filepath.Join(w.dir, "in", name) }
	changes("a file's content", func() error { w.file("in/b/c", "3"); return nil })
	changes("a file's name", func() error { return os.Rename(in("a"), in("z")) })
	changes("a file that may be run", func() error { return os.Chmod(in("z"), 0o755) })
	changes("an empty folder", func() error { return os.Mkdir(in("e"), 0o755) })
	changes("a link", func() error { return os.Symlink("z", in("l")) })
	changes("where a link leads", func() error { return os.Rename(in("l"), in("k")) })
	same := func(what string, f func() error) {
		t.Helper()
		if err := f(); err != nil {
			t.Fatal(err)
		}
		if digest() != last {
			t.Errorf("%s changes the digest", what)
		}
	}
	same("the time of a file", func() error { return os.Chtimes(in("z"), time.Unix(1, 0), time.Unix(1, 0)) })
	same("who may read it", func() error { return os.Chmod(in("z"), 0o700) })
	if err := os.Rename(filepath.Join(w.dir, "in"), filepath.Join(w.dir, "moved")); err != nil {
		t.Fatal(err)
	}
	same("reaching it by a link", func() error { return os.Symlink("moved", filepath.Join(w.dir, "in")) })
	whole := func() string {
		sum, err := NewFiles(w.dir).Digest(context.Background(), ".")
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	before := whole()
	w.file(".imgc/state.json", "{}")
	if whole() != before {
		t.Error("imgc's own state changes the digest of the program's folder")
	}
}

func TestStatCache(t *testing.T) {
	w := newWorld(t)
	w.file(".imgc/x", "")
	big := strings.Repeat("x", cachedFrom)
	w.file("big", big)
	path := filepath.Join(w.dir, "big")
	digest := func() (string, int) {
		f := NewFiles(w.dir)
		sum, err := f.Digest(context.Background(), "big")
		if err != nil {
			t.Fatal(err)
		}
		f.cache.save()
		return sum, len(f.cache.files)
	}
	first, n := digest()
	if n != 0 {
		t.Error("a file that was written just now is trusted")
	}
	// As if the file had been read long after it was written.
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	st, ok := statOf(info)
	if !ok {
		t.Skip("this system has no change times")
	}
	remember := func(st fileStat) {
		b, err := json.Marshal(map[string]statEntry{path: {Stat: st, Sum: strings.Repeat("a", 64)}})
		if err != nil {
			t.Fatal(err)
		}
		w.file(".imgc/files.json", string(b))
	}
	remember(st)
	if sum, _ := digest(); sum != strings.Repeat("a", 64) {
		t.Error("what is remembered is not used")
	}
	st.CTime--
	remember(st)
	if sum, _ := digest(); sum != first {
		t.Error("a file that was changed is not read")
	}
	w.file(".imgc/files.json", `{"half`)
	if sum, _ := digest(); sum != first {
		t.Error("a broken cache is not ignored")
	}
}
