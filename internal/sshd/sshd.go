// Package sshd is OpenSSH's server for tests: hosts that ssh logs in to, on this machine.
package sshd

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Start starts OpenSSH's server on a loopback port, and returns the command that reaches it as hosts good and
// stranger, and the folder of the programs that were copied there. A stranger's key is refused.
func Start(t testing.TB) (ssh []string, cache string) {
	t.Helper()
	const program = "/usr/sbin/sshd"
	if _, err := os.Stat(program); err != nil || os.Getuid() != 0 {
		t.Skip("needs root and OpenSSH's server (apt-get install openssh-server)")
	}
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	for _, key := range []string{"host", "user", "stranger"} {
		out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file(key)).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	_ = listener.Close()
	write := func(name, text string) {
		if err := os.WriteFile(file(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("sshd_config", fmt.Sprintf("Port %d\nListenAddress 127.0.0.1\nHostKey %s\nAuthorizedKeysFile %s\n"+
		"PidFile none\n"+
		"StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"+
		// Under the race detector, a program sleeps for a second before it ends unless it is told not to.
		"SetEnv XDG_CACHE_HOME=%s GORACE=atexit_sleep_ms=0\n",
		port, file("host"), file("user.pub"), file("cache")))
	write("config", fmt.Sprintf("Host *\n  HostName 127.0.0.1\n  Port %d\n  IdentitiesOnly yes\n  IdentityAgent none\n"+
		"  UserKnownHostsFile %s\n  StrictHostKeyChecking accept-new\n"+
		"Host good*\n  IdentityFile %s\nHost stranger\n  IdentityFile %s\n",
		port, file("known"), file("user"), file("stranger")))
	_ = os.MkdirAll("/run/sshd", 0o755) // Debian's server wants it
	server := exec.Command(program, "-D", "-f", file("sshd_config"))
	if err := server.Start(); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	for range 100 {
		if conn, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", port)); err == nil {
			_ = conn.Close()
			return []string{"ssh", "-F", file("config")}, filepath.Join(file("cache"), "bench", "bin")
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Skip("the server does not listen")
	return nil, ""
}
