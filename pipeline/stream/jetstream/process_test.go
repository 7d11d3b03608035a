package jetstream

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := natsServer(); err == nil && dir != "" {
		_ = os.RemoveAll(filepath.Dir(dir))
	}
	os.Exit(code)
}

// building is whether any test wanted the server's binary.
var building atomic.Bool

// natsServer gives the path of nats-server, built from its module once a run; "" when no test has asked for it.
var natsServer = func() func() (string, error) {
	build := sync.OnceValues(func() (string, error) {
		dir, err := os.MkdirTemp("", "nats-server-")
		if err != nil {
			return "", err
		}
		binary := filepath.Join(dir, "nats-server")
		out, err := exec.Command("go", "build", "-o", binary, "github.com/nats-io/nats-server/v2").CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("build nats-server: %w\n%s", err, out)
		}
		return binary, nil
	})
	return func() (string, error) {
		if !building.Load() {
			return "", nil
		}
		return build()
	}
}()

// natsProcess is a real server in a process of its own.
type natsProcess struct {
	t    *testing.T
	name string
	dir  string // of its configuration and its files
	port int
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	said *strings.Builder
	led  time.Time  // when it last became a stream's leader
	mu   sync.Mutex // of said and led
}

// newProcess prepares a server with a folder and a port of its own; start starts it.
func newProcess(t *testing.T, name string) *natsProcess {
	return &natsProcess{t: t, name: name, dir: t.TempDir(), port: freePort(t)}
}

// startProcess runs a server with JetStream and more configuration.
func startProcess(t *testing.T, conf string) *natsProcess {
	t.Helper()
	p := newProcess(t, "single")
	p.start(conf)
	return p
}

func (p *natsProcess) url() string      { return fmt.Sprintf("nats://127.0.0.1:%d", p.port) }
func (p *natsProcess) storeDir() string { return filepath.Join(p.dir, "store") }

// start runs the server and returns when it is ready for clients.
func (p *natsProcess) start(conf string) {
	p.t.Helper()
	building.Store(true)
	binary, err := natsServer()
	check(p.t, err)
	file := filepath.Join(p.dir, "nats.conf")
	conf = fmt.Sprintf("server_name: %s\nlisten: 127.0.0.1:%d\n%s\n", p.name, p.port, conf)
	if !strings.Contains(conf, "jetstream") {
		conf += fmt.Sprintf("jetstream { store_dir: %q }\n", p.storeDir())
	}
	check(p.t, os.WriteFile(file, []byte(conf), 0o600))
	p.cmd = exec.Command(binary, "-c", file)
	stderr, err := p.cmd.StderrPipe()
	check(p.t, err)
	check(p.t, p.cmd.Start())
	p.done, p.said = make(chan struct{}), new(strings.Builder)
	ready := make(chan struct{})
	go p.listen(bufio.NewScanner(stderr), ready)
	p.t.Cleanup(p.kill)
	select {
	case <-ready:
	case <-p.done:
		p.t.Fatalf("nats-server ended:\n%s", p.log())
	case <-time.After(20 * time.Second):
		p.t.Fatalf("nats-server is not ready:\n%s", p.log())
	}
}

func (p *natsProcess) listen(lines *bufio.Scanner, ready chan struct{}) {
	cmd, done := p.cmd, p.done
	var once sync.Once
	for lines.Scan() {
		p.mu.Lock()
		fmt.Fprintln(p.said, lines.Text())
		if strings.Contains(lines.Text(), "new stream leader") {
			p.led = time.Now()
		}
		p.mu.Unlock()
		if strings.Contains(lines.Text(), "Server is ready") {
			once.Do(func() { close(ready) })
		}
	}
	_ = cmd.Wait() // a killed one is an error
	close(done)
}

// ledAt tells when the server last became a stream's leader, as it says itself.
func (p *natsProcess) ledAt() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.led
}

func (p *natsProcess) log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.String()
}

// kill ends the server without a chance to say goodbye, and returns when it is gone.
func (p *natsProcess) kill() {
	_ = p.cmd.Process.Kill() // may have ended
	<-p.done
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	check(t, l.Close())
	return l.Addr().(*net.TCPAddr).Port
}
