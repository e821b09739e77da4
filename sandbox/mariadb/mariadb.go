// Package mariadb runs a private MariaDB server as a child of this process: throwaway, reached through a unix socket in a folder of its
// own, on no network, ended with the process that started it.
package mariadb

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/go-sql-driver/mysql"

	"extranet/sandbox/internal/child"
)

// ErrMissing is returned where MariaDB is not installed.
var ErrMissing = errors.New("there is no mariadbd with its mariadb-install-db on the PATH or in /usr/sbin, /usr/local/sbin, /opt/homebrew/bin")

const (
	startLimit = 60 * time.Second
	tempPrefix = "extranet-mariadb-"
)

// options trade safety and memory for speed: the data is worth nothing.
var options = []string{
	"--no-defaults", // must come first
	"--skip-networking", "--skip-log-bin", "--skip-name-resolve", "--skip-ssl",
	"--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync", "--innodb-doublewrite=0", "--innodb-log-file-size=64M",
	"--innodb-buffer-pool-size=64M", "--innodb-fast-shutdown=2", "--key-buffer-size=1M", "--performance-schema=off", "--max-connections=100",
	"--character-set-server=utf8mb4", "--default-time-zone=+00:00",
}

// A Server is a running MariaDB.
type Server struct {
	dir     string
	lock    *os.File
	process *child.Process
	stop    sync.Once
	stopErr error
}

// Start starts a server with no databases and returns when it answers. The superuser is root and needs no password; text is utf8mb4,
// the time zone UTC. ctx limits the start alone. Where MariaDB is not installed the error is ErrMissing.
func Start(ctx context.Context) (_ *Server, err error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	server, install, err := find()
	if err != nil {
		return nil, fmt.Errorf("starting mariadb: %w", err)
	}
	become, uid, err := account()
	if err != nil {
		return nil, fmt.Errorf("starting mariadb: %w", err)
	}
	sweep()
	s := &Server{}
	defer func() {
		if err != nil {
			s.Stop()
			err = fmt.Errorf("starting mariadb: %w", err)
		}
	}()
	if err := s.makeFolder(uid); err != nil {
		return nil, err
	}
	if err := s.initialise(ctx, install, become); err != nil {
		return nil, err
	}
	return s, s.run(ctx, server, become)
}

// DSN is the address of a database as go-sql-driver/mysql reads it.
func (s *Server) DSN(user, database string) string {
	c := mysql.NewConfig()
	c.User, c.Net, c.Addr, c.DBName = user, "unix", filepath.Join(s.dir, "data", "socket"), database
	return c.FormatDSN()
}

// Stop ends the server and removes its data. Calling it again changes nothing.
func (s *Server) Stop() error {
	s.stop.Do(func() {
		if s.process != nil {
			s.stopErr = s.process.Stop(syscall.SIGTERM, 30*time.Second)
		}
		if s.lock != nil {
			s.lock.Close()
		}
		if s.dir != "" {
			s.stopErr = errors.Join(s.stopErr, os.RemoveAll(s.dir))
		}
	})
	return s.stopErr
}

func find() (server, install string, err error) {
	look := func(names ...string) string {
		for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin") {
			for _, name := range names {
				if found, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
					return found
				}
			}
		}
		return ""
	}
	// MySQL's own mysqld is not MariaDB, and has no such install program.
	server, install = look("mariadbd", "mysqld"), look("mariadb-install-db", "mysql_install_db")
	if server == "" || install == "" {
		return "", "", ErrMissing
	}
	return server, install, nil
}

// account is who the server runs as: ourselves, or for root an ordinary user, since MariaDB refuses root.
func account() (become func(*exec.Cmd), uid int, err error) {
	if os.Getuid() != 0 {
		return func(*exec.Cmd) {}, -1, nil
	}
	for _, name := range []string{"mysql", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		return func(cmd *exec.Cmd) {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		}, uid, nil
	}
	return nil, 0, errors.New("mariadb does not run as root, and there is neither a user mysql nor a user nobody to run it as")
}

// makeFolder makes the server's folder under /tmp, where the path of a socket stays short enough for every system.
func (s *Server) makeFolder(uid int) (err error) {
	if s.dir, err = os.MkdirTemp("/tmp", tempPrefix); err != nil {
		return err
	}
	if err := os.Chmod(s.dir, 0o711); err != nil {
		return err
	}
	if s.lock, err = os.Create(filepath.Join(s.dir, "lock")); err != nil {
		return err
	}
	// Handed down to the server: free exactly when nobody is left that uses the folder.
	if !free(s.lock) {
		return fmt.Errorf("%s is taken", s.dir)
	}
	data := filepath.Join(s.dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return err
	}
	return os.Chown(data, uid, -1)
}

func (s *Server) initialise(ctx context.Context, install string, become func(*exec.Cmd)) error {
	cmd := exec.CommandContext(ctx, install, "--no-defaults", "--datadir="+filepath.Join(s.dir, "data"), "--skip-test-db", "--auth-root-authentication-method=normal",
		"--skip-log-bin", "--innodb-flush-method=nosync", "--innodb-log-file-size=64M")
	become(cmd)
	cmd.Dir, cmd.Env = s.dir, environment(s.dir)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	p, err := child.Start(cmd, syscall.SIGKILL)
	if err != nil {
		return err
	}
	if <-p.Done(); p.Err() != nil {
		return fmt.Errorf("%s: %w: %s", install, p.Err(), last(said.String()))
	}
	return nil
}

func (s *Server) run(ctx context.Context, server string, become func(*exec.Cmd)) error {
	data := filepath.Join(s.dir, "data")
	log, err := os.Create(filepath.Join(s.dir, "mariadb.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(server, append(options, "--datadir="+data, "--socket="+filepath.Join(data, "socket"), "--pid-file="+filepath.Join(data, "pid"))...)
	become(cmd)
	cmd.Dir, cmd.Env = s.dir, environment(s.dir)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{s.lock}
	if s.process, err = child.Start(cmd, syscall.SIGKILL); err != nil {
		return err
	}
	db, err := sql.Open("mysql", s.DSN("root", ""))
	if err != nil {
		return err
	}
	defer db.Close()
	for {
		select {
		case <-s.process.Done():
			said, _ := os.ReadFile(log.Name())
			return fmt.Errorf("the server ended at once (%v): %s", s.process.Err(), last(string(said)))
		case <-ctx.Done():
			said, _ := os.ReadFile(log.Name())
			return fmt.Errorf("the server is not ready: %w: %s", ctx.Err(), last(string(said)))
		case <-time.After(10 * time.Millisecond):
			if _, err := os.Stat(filepath.Join(data, "socket")); err == nil && db.PingContext(ctx) == nil {
				return nil
			}
		}
	}
}

// environment is small on purpose: MYSQL… variables and locales of whoever starts us are not the server's.
func environment(home string) []string {
	return []string{"PATH=" + os.Getenv("PATH") + ":/usr/sbin:/sbin", "HOME=" + home, "LC_ALL=C", "TZ=UTC"}
}

func last(said string) string {
	lines := strings.Split(strings.TrimSpace(said), "\n")
	return strings.Join(lines[max(0, len(lines)-8):], "\n")
}

// sweep removes the folders of processes that were killed before they could.
func sweep() {
	found, _ := filepath.Glob(filepath.Join("/tmp", tempPrefix+"*", "lock"))
	for _, name := range found {
		if made, err := os.Stat(name); err != nil || time.Since(made.ModTime()) < time.Minute {
			continue
		}
		f, err := os.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			continue
		}
		if free(f) {
			os.RemoveAll(filepath.Dir(name))
		}
		f.Close()
	}
}

// free takes the lock and reports whether nobody had it.
func free(lock *os.File) bool {
	return syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}
