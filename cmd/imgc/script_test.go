package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"imgc/executor/machine/sandbox"
	"imgc/stdlib/aws/rehearsal"
)

var update = flag.Bool("update", false, "write what the scripts compare with")

// TestMain makes imgc a command of the scripts: this test binary under another name.
func TestMain(m *testing.M) {
	sandbox.Init()
	testscript.Main(m, map[string]func(){
		"imgc": func() {
			a := newApp()
			a.onJournal = journalHook(os.Getenv("IMGC_TEST_KILL_AT"), os.Getenv("IMGC_TEST_JOURNAL"))
			os.Exit(a.main(os.Args[1:]))
		},
	})
}

// journalHook makes a hook of the journal that keeps a copy of it in a file, and ends this process as kill -9 does once
// the entry with this number has reached the disk.
func journalHook(entry, file string) func(int) {
	n, err := strconv.Atoi(entry)
	if err != nil && file == "" {
		return nil
	}
	seen := 0
	return func(int) {
		if file != "" {
			b, err := os.ReadFile(filepath.Join(".imgc", "journal.jsonl"))
			if err == nil {
				err = os.WriteFile(file, b, 0o600)
			}
			if err != nil {
				panic(err)
			}
		}
		if seen++; seen == n {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
	}
}

// TestScript runs the sessions in testdata/script. They are also meant to be read: each shows one thing a
// person does with imgc, and what comes of it.
func TestScript(t *testing.T) { scripts(t, "script") }

// TestPackerDefects runs the sessions in testdata/packer: each is something that Packer 1.16 does wrong.
func TestPackerDefects(t *testing.T) { scripts(t, "packer") }

func scripts(t *testing.T, folder string) {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join(root, "testdata", folder),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       *update,
		Setup: func(env *testscript.Env) error {
			env.Setenv("ROOT", root)
			env.Values[cloudKey{}] = new(*rehearsal.Cloud)
			env.Setenv("NO_COLOR", "1")
			env.Setenv("GOCACHE", goEnv("GOCACHE", filepath.Join(must(os.UserCacheDir()), "go-build")))
			env.Setenv("GOMODCACHE", goEnv("GOMODCACHE", filepath.Join(must(os.UserHomeDir()), "go", "pkg", "mod")))
			env.Setenv("GOFLAGS", "-mod=mod")
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"copytree":  copyTree,
			"noecho":    noEcho,
			"waitfor":   waitFor,
			"gone":      gone,
			"jsonlines": jsonLines,
			"serve":     serve,
			"subset":    subset,
			"cloud":     cloudCommand,
		},
	})
}

func goEnv(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

func must(s string, err error) string {
	if err != nil {
		panic(err)
	}
	return s
}

// copyTree is `copytree SRC DST`: a folder with all that is in it.
func copyTree(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: copytree SRC DST")
	}
	ts.Check(os.CopyFS(ts.MkAbs(args[1]), os.DirFS(ts.MkAbs(args[0]))))
}

// forms are the ways in which a secret could be written somewhere.
func forms(secret string) map[string]string {
	js, _ := json.Marshal(secret)
	b64 := base64.StdEncoding.EncodeToString([]byte(secret))
	return map[string]string{
		"as it is":    secret,
		"base64":      strings.TrimRight(b64, "="),
		"base64 URL":  strings.TrimRight(base64.URLEncoding.EncodeToString([]byte(secret)), "="),
		"hex":         hex.EncodeToString([]byte(secret)),
		"HEX":         strings.ToUpper(hex.EncodeToString([]byte(secret))),
		"URL query":   url.QueryEscape(secret),
		"URL path":    url.PathEscape(secret),
		"JSON":        strings.Trim(string(js), `"`),
		"JSON, plain": jsonPlain(secret),
	}
}

func jsonPlain(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s)
	return strings.Trim(strings.TrimSpace(b.String()), `"`)
}

// noEcho is `noecho SECRET FILE…`: none of the files (or folders; or stdout, stderr) holds the secret in any form.
func noEcho(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: noecho SECRET FILE…")
	}
	look := func(where, text string) {
		for form, f := range forms(args[0]) {
			if strings.Contains(text, f) {
				ts.Fatalf("%s holds the secret (%s)", where, form)
			}
		}
	}
	for _, name := range args[1:] {
		if name == "stdout" || name == "stderr" {
			look(name, ts.ReadFile(name))
			continue
		}
		seen := 0
		ts.Check(filepath.WalkDir(ts.MkAbs(name), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			seen++
			if !d.Type().IsRegular() {
				return nil
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			look(path, path+"\n"+string(text))
			return nil
		}))
		if seen == 0 {
			ts.Fatalf("there is no file in %s: the check would see nothing", name)
		}
	}
}

// serve is `serve FOLDER`: an HTTP server of a folder, at $URL, until the script ends.
func serve(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: serve FOLDER")
	}
	srv := httptest.NewServer(http.FileServer(http.Dir(ts.MkAbs(args[0]))))
	ts.Defer(srv.Close)
	ts.Setenv("URL", srv.URL)
}

// subset is `subset POLICY OTHER`: the actions that an IAM policy allows are among those of another, and fewer.
func subset(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: subset POLICY OTHER")
	}
	var sets [2]map[string]bool
	for i, file := range args {
		var doc struct{ Statement []struct{ Action []string } }
		ts.Check(json.Unmarshal([]byte(ts.ReadFile(file)), &doc))
		sets[i] = map[string]bool{}
		for _, s := range doc.Statement {
			for _, a := range s.Action {
				sets[i][strings.ToLower(a)] = true // IAM takes them in any case
			}
		}
	}
	for a := range sets[0] {
		if !sets[1][a] {
			ts.Fatalf("%s allows %s, and %s does not", args[0], a, args[1])
		}
	}
	if len(sets[0]) == 0 || len(sets[0]) >= len(sets[1]) {
		ts.Fatalf("%s allows %d actions, and %s %d", args[0], len(sets[0]), args[1], len(sets[1]))
	}
}

// jsonLines is `jsonlines FILE`: each line of the file (or of stdout) is JSON.
func jsonLines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: jsonlines FILE")
	}
	for i, line := range strings.Split(strings.TrimRight(ts.ReadFile(args[0]), "\n"), "\n") {
		if !json.Valid([]byte(line)) {
			ts.Fatalf("line %d of %s is not JSON: %s", i+1, args[0], line)
		}
	}
}

// waitFor is `waitfor FILE`: waits until another process has made the file.
func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: waitfor FILE")
	}
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
	}
	ts.Fatalf("%s was not made within a minute", args[0])
}

// gone is `gone FILE`: the process whose id is in the file has ended.
func gone(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: gone FILE")
	}
	pid, err := strconv.Atoi(strings.TrimSpace(ts.ReadFile(args[0])))
	ts.Check(err)
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
	}
	ts.Fatalf("process %d still runs", pid)
}
