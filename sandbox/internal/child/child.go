// Package child runs a server program that never outlives this process.
package child

import (
	"fmt"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// A Process is a running child.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error
}

// Start starts cmd in a process group of its own, so that Ctrl-C at the terminal reaches this process alone. On Linux
// the kernel sends death to the child when this process ends, even by kill -9; elsewhere only Stop ends it.
func Start(cmd *exec.Cmd, death syscall.Signal) (*Process, error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	dieWithParent(cmd.SysProcAttr, death)

	p := &Process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		// The kernel means the thread that started the child when it says parent, so that thread is kept until the child has ended.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// Pid is the child's process id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Done is closed when the child has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err says how the child ended. It may be called once Done is closed.
func (p *Process) Err() error { return p.err }

// Stop sends sig and waits for the child to end. A child that has not ended when patience runs out is killed, and that is an error.
// Stopping a child that has ended is no error.
func (p *Process) Stop(sig syscall.Signal, patience time.Duration) error {
	p.cmd.Process.Signal(sig) // fails only for a child that has ended
	select {
	case <-p.done:
		return nil
	case <-time.After(patience):
		p.cmd.Process.Kill()
		<-p.done
		return fmt.Errorf("%s did not end within %s of %v and was killed", p.cmd.Path, patience, sig)
	}
}
