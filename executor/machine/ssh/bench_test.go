package ssh

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"imgc/executor/machine/sshtest"
	"imgc/stdlib/component"
)

// openssh is OpenSSH's own client for a server of the tests, as the peer to compare with.
func openssh(b *testing.B, s *sshtest.Server, program string, args ...string) *exec.Cmd {
	b.Helper()
	known := filepath.Join(b.TempDir(), "known_hosts")
	if err := os.WriteFile(known, []byte(s.KnownHosts+"\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	port := "-p"
	if program == "scp" {
		port = "-P"
	}
	all := append([]string{"-q", "-i", s.KeyFile, port, strconv.Itoa(s.Port), "-o", "UserKnownHostsFile=" + known, "-o", "IdentitiesOnly=yes"}, args...)
	return exec.Command(program, all...)
}

// memory is a folder in memory where there is one, so that the transport is measured and not a disk.
func memory(b *testing.B) string {
	b.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "imgc-bench-")
	if err != nil {
		return b.TempDir()
	}
	b.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			b.Error(err)
		}
	})
	return dir
}

func must(b *testing.B, cmd *exec.Cmd) time.Duration {
	b.Helper()
	start := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%s: %v %s", cmd.Args[0], err, out)
	}
	return time.Since(start)
}

// benchUpload compares Upload, its connection included, with scp and, for folders, with tar over ssh, in turns.
func benchUpload(b *testing.B, src string, bytes int64, withTar bool) {
	s := sshtest.Start(b, sshtest.Config{})
	dst := memory(b)
	var ours, scp, tar time.Duration
	b.SetBytes(bytes)
	for i := 0; b.Loop(); i++ {
		to := func(name string) string { return filepath.Join(dst, name+strconv.Itoa(i)) }
		clean := func(name string) {
			if err := os.RemoveAll(to(name)); err != nil {
				b.Fatal(err)
			}
		}
		b.StopTimer()
		scp += must(b, openssh(b, s, "scp", "-r", src, s.User+"@"+s.Host+":"+to("scp")))
		clean("scp")
		if withTar {
			into := openssh(b, s, "ssh", s.User+"@"+s.Host, "mkdir "+to("tar")+" && tar -xf - -C "+to("tar"))
			pack := exec.Command("tar", "-C", src, "-cf", "-", ".")
			pipe, err := pack.StdoutPipe()
			if err != nil {
				b.Fatal(err)
			}
			into.Stdin = pipe
			if err := pack.Start(); err != nil {
				b.Fatal(err)
			}
			tar += must(b, into)
			if err := pack.Wait(); err != nil {
				b.Fatal(err)
			}
			clean("tar")
		}
		b.StartTimer()
		start := time.Now()
		m := dial(b, config(s))
		if err := m.Upload(context.Background(), src, to("imgc"), component.Transfer{}); err != nil {
			b.Fatal(err)
		}
		if err := m.Close(); err != nil {
			b.Fatal(err)
		}
		ours += time.Since(start)
		b.StopTimer()
		clean("imgc")
		b.StartTimer()
	}
	b.ReportMetric(scp.Seconds()/ours.Seconds(), "x-scp")
	if withTar {
		b.ReportMetric(tar.Seconds()/ours.Seconds(), "x-tar-ssh")
	}
}

func BenchmarkUploadFile(b *testing.B) {
	const size = 1 << 30
	src := filepath.Join(memory(b), "big")
	f, err := os.Create(src)
	if err != nil {
		b.Fatal(err)
	}
	block := make([]byte, 1<<20)
	for i := range block {
		block[i] = byte(i*i>>3 ^ i)
	}
	for range size >> 20 {
		if _, err := f.Write(block); err != nil {
			b.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	benchUpload(b, src, size, false)
}

func BenchmarkUploadFolder(b *testing.B) {
	src := filepath.Join(memory(b), "many")
	var bytes int64
	for i := range 10_000 {
		dir := filepath.Join(src, fmt.Sprint("d", i%100))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			b.Fatal(err)
		}
		text := fmt.Sprintf("file number %d\n%0*d\n", i, i%500, i)
		bytes += int64(len(text))
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint("f", i)), []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	benchUpload(b, src, bytes, true)
}

// BenchmarkTenCommands compares ten commands over one connection with ten calls of ssh.
func BenchmarkTenCommands(b *testing.B) {
	s := sshtest.Start(b, sshtest.Config{})
	var ours, ssh time.Duration
	for b.Loop() {
		b.StopTimer()
		for range 10 {
			ssh += must(b, openssh(b, s, "ssh", s.User+"@"+s.Host, "true"))
		}
		b.StartTimer()
		start := time.Now()
		m := dial(b, config(s))
		for range 10 {
			if code, err := m.Run(context.Background(), component.Command{Shell: "true"}); code != 0 || err != nil {
				b.Fatal(code, err)
			}
		}
		if err := m.Close(); err != nil {
			b.Fatal(err)
		}
		ours += time.Since(start)
	}
	b.ReportMetric(ssh.Seconds()/ours.Seconds(), "x-ssh")
}
