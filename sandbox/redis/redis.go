// Package redis runs a private Redis: the machine's own redis-server as a child of this process, or one inside it where there is none.
package redis

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/alicebob/miniredis/v2"

	"extranet/sandbox/internal/child"
)

const (
	startLimit = 10 * time.Second
	tick       = 100 * time.Millisecond // by which keys of the inner Redis may outlive their time
)

// A Server is a running Redis that keeps nothing between starts.
type Server struct {
	addr    string
	process *child.Process // nil for the inner one
	stop    sync.Once
	end     func()
}

// Start starts a server on a free port of the loopback interface and returns when it answers. ctx limits the start alone.
func Start(ctx context.Context) (*Server, error) {
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		return startInner()
	}
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for tries := 0; ; tries++ {
		s, err := startChild(ctx, bin)
		if err == nil {
			return s, nil
		}
		if tries == 4 || ctx.Err() != nil { // another program may have taken the port first
			return nil, fmt.Errorf("starting redis: %w", err)
		}
	}
}

// Addr is host:port.
func (s *Server) Addr() string { return s.addr }

// Real reports whether this is redis-server. Measure nothing on the other.
func (s *Server) Real() bool { return s.process != nil }

// Stop ends the server and what it holds. Calling it again changes nothing.
func (s *Server) Stop() { s.stop.Do(s.end) }

func startChild(ctx context.Context, bin string) (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := l.Addr().(*net.TCPAddr)
	l.Close()
	dir, err := os.MkdirTemp("", "extranet-redis-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) // it reads nothing foreign there and writes nothing
	cmd := exec.Command(bin, "--bind", "127.0.0.1", "--port", strconv.Itoa(addr.Port), "--save", "", "--appendonly", "no",
		"--daemonize", "no", "--dir", dir, "--loglevel", "warning")
	p, err := child.Start(cmd, syscall.SIGKILL)
	if err != nil {
		return nil, err
	}
	s := &Server{addr: addr.String(), process: p, end: func() { p.Stop(syscall.SIGTERM, 5*time.Second) }}
	for {
		select {
		case <-p.Done():
			s.Stop()
			return nil, fmt.Errorf("%s ended at once: %v", bin, p.Err())
		case <-ctx.Done():
			s.Stop()
			return nil, ctx.Err()
		case <-time.After(5 * time.Millisecond):
			if processAt(s.addr) == p.Pid() {
				return s, nil
			}
		}
	}
}

// processAt asks the Redis at addr for its process id, so that another program's is not taken for ours.
func processAt(addr string) int {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return 0
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Second))
	fmt.Fprint(c, "INFO server\r\nQUIT\r\n")
	for in := bufio.NewScanner(c); in.Scan(); {
		if pid, ok := strings.CutPrefix(in.Text(), "process_id:"); ok {
			n, _ := strconv.Atoi(pid)
			return n
		}
	}
	return 0
}

func startInner() (*Server, error) {
	m := miniredis.NewMiniRedis()
	if err := m.StartAddr("127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("starting redis: %w", err)
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() { // its keys expire only when it is told that time has passed
		defer close(ended)
		t := time.NewTicker(tick)
		defer t.Stop()
		for last := time.Now(); ; {
			select {
			case <-done:
				return
			case now := <-t.C:
				m.FastForward(now.Sub(last))
				last = now
			}
		}
	}()
	return &Server{addr: m.Addr(), end: func() {
		close(done)
		<-ended
		m.Close()
	}}, nil
}
