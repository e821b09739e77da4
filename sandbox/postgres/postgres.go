// Package postgres runs a private Postgres server as a child of this process: reached through a unix socket in a folder of its own,
// on no network, ended with the process that started it.
package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"extranet/sandbox/internal/child"
)

// Options say where the data lies and how much it is worth.
type Options struct {
	// Dir holds the data between starts and is created when missing. Postgres refuses to run as root: then it runs as the user
	// postgres or nobody, and when that user cannot reach Dir the data lies in the temporary folder instead, in a folder that
	// belongs to this Dir alone. Server.Dir tells.
	Dir string
	// Throwaway trades safety for speed, for tests: a crash of the machine may lose the data. Dir may then be empty,
	// which means a new folder that Stop removes.
	Throwaway bool
	// OnDisk keeps the data of a throwaway server out of memory, where it lies when there is room: for what is measured.
	OnDisk bool
	// Settings are added to those below and win over them, e.g. {"log_statement": "all"}.
	Settings map[string]string
}

var settings = map[string]string{
	"listen_addresses":        "",
	"unix_socket_permissions": "0777", // the folder it lies in is the fence
	"max_connections":         "200",
	"shared_buffers":          "128MB",
	"timezone":                "UTC",
	"log_timezone":            "UTC",
	"logging_collector":       "off",
	"max_wal_size":            "512MB",
	"ssl":                     "off",
}

var throwaway = map[string]string{
	"fsync":              "off",
	"synchronous_commit": "off",
	"full_page_writes":   "off",
	"shared_buffers":     "64MB",
}

const (
	memory     = "/dev/shm"     // Linux's folder in memory: a database is copied there in a tenth of the time
	room       = 6 << 30        // bytes that must be free in it
	socketPort = "5432"         // names the socket file; nothing listens on the network
	tempPrefix = "extranet-pg-" // of everything this package puts in the temporary folder
	startLimit = 60 * time.Second
)

// A Server is a running Postgres.
type Server struct {
	dir       string
	socket    string // folder of the unix socket
	temporary []string
	lock      *os.File
	process   *child.Process
	stop      sync.Once
	stopErr   error
}

// ErrRunning is returned for a folder whose server runs.
var ErrRunning = errors.New("a server is already running")

// Start starts a server and returns when it accepts connections. The superuser is postgres and needs no password; text is UTF-8, the time zone UTC.
// ctx limits the start alone. A folder whose server is still running is an error; one left behind by a crash is recovered.
func Start(ctx context.Context, o Options) (_ *Server, err error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	if o.Dir == "" && !o.Throwaway {
		return nil, errors.New("starting postgres: no folder for the data")
	}
	who, err := chooseAccount()
	if err != nil {
		return nil, fmt.Errorf("starting postgres: %w", err)
	}
	bin, err := findBinaries(who)
	if err != nil {
		return nil, fmt.Errorf("starting postgres: %w", err)
	}

	s := &Server{}
	defer func() {
		if err != nil {
			s.Stop()
		}
	}()
	if o.Dir == "" {
		sweep()
		roots := tempRoots()
		if !o.OnDisk && roomy(memory) {
			roots = append([]string{memory}, roots...)
		}
		if s.dir, err = tempFolder(who, roots); err != nil {
			return nil, fmt.Errorf("starting postgres: %w", err)
		}
		s.temporary = append(s.temporary, s.dir)
	} else if s.dir, err = place(o.Dir, who); err != nil {
		return nil, fmt.Errorf("starting postgres: %w", err)
	}
	if s.lock, err = claim(ctx, s.dir); err != nil {
		return nil, fmt.Errorf("starting postgres: %w", err)
	}
	data := filepath.Join(s.dir, "data")
	if who, err = who.owning(data); err != nil {
		return nil, fmt.Errorf("starting postgres: %w", err)
	}
	if err := initialise(ctx, bin, data, who, o.Throwaway); err != nil {
		return nil, fmt.Errorf("starting postgres: %w", err)
	}
	if err := s.openSocketFolder(who); err != nil {
		return nil, fmt.Errorf("starting postgres: %w", err)
	}
	if err := s.run(ctx, bin, data, who, o); err != nil {
		return nil, fmt.Errorf("starting postgres: %w", err)
	}
	return s, nil
}

// Dir is the folder that holds the data.
func (s *Server) Dir() string { return s.dir }

// Done is closed when the server has ended, whoever ended it.
func (s *Server) Done() <-chan struct{} { return s.process.Done() }

// URL is the address of a database as lib/pq reads it, e.g. postgres://postgres@/core?host=…&port=5432&sslmode=disable.
func (s *Server) URL(user, database string) string {
	q := url.Values{"host": {s.socket}, "port": {socketPort}, "sslmode": {"disable"}}
	return (&url.URL{Scheme: "postgres", User: url.User(user), Path: "/" + database, RawQuery: q.Encode()}).String()
}

// Stop ends open transactions, shuts the server down and waits for it. Calling it again changes nothing.
func (s *Server) Stop() error {
	s.stop.Do(func() {
		if s.process != nil {
			s.stopErr = s.process.Stop(syscall.SIGINT, 30*time.Second)
		}
		if s.lock != nil {
			s.lock.Close()
		}
		for _, dir := range s.temporary {
			s.stopErr = errors.Join(s.stopErr, os.RemoveAll(dir))
		}
	})
	return s.stopErr
}

// claim takes the folder for this server. The lock is handed down to every process of the server, so it is free exactly when none of them is left:
// a postmaster.pid found under it is stale, even if its number has been given to another program.
func claim(ctx context.Context, dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	pidFile := filepath.Join(dir, "data", "postmaster.pid")
	for tries := 0; ; tries++ {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			if err := os.Remove(pidFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
				f.Close()
				return nil, err
			}
			return f, nil
		}
		// The last processes of a server that was killed need a moment to notice.
		if tries == 40 || ctx.Err() != nil {
			f.Close()
			running, _ := os.ReadFile(pidFile)
			pid, _, _ := strings.Cut(string(running), "\n")
			return nil, fmt.Errorf("%w on %s (process %s): stop it first", ErrRunning, dir, pid)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// initialise makes an empty cluster in data unless there is one. It grows beside data, so that an interrupted start leaves nothing half made.
func initialise(ctx context.Context, bin, data string, who account, quick bool) error {
	if _, err := os.Stat(filepath.Join(data, "PG_VERSION")); err == nil {
		return nil
	}
	locales := []string{"C"}
	if runtime.GOOS == "linux" {
		locales = []string{"C.UTF-8", "C"} // not every system has the first
	}
	growing := data + ".new"
	var last error
	for _, locale := range locales {
		if err := os.RemoveAll(growing); err != nil {
			return err
		}
		if err := who.mkdir(growing, 0o700); err != nil {
			return err
		}
		args := []string{"--pgdata=" + growing, "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=" + locale, "--no-instructions"}
		if quick {
			args = append(args, "--no-sync")
		}
		cmd := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), args...)
		cmd.Dir, cmd.Env = growing, environment(growing)
		who.become(cmd)
		var said bytes.Buffer
		cmd.Stdout, cmd.Stderr = &said, &said
		p, err := child.Start(cmd, syscall.SIGKILL)
		if err != nil {
			return fmt.Errorf("initdb: %w", err)
		}
		<-p.Done()
		if p.Err() == nil {
			return os.Rename(growing, data)
		}
		last = fmt.Errorf("initdb: %w: %s", p.Err(), strings.TrimSpace(said.String()))
		if !strings.Contains(said.String(), "locale") {
			break
		}
	}
	os.RemoveAll(growing)
	return last
}

// openSocketFolder finds a folder for the socket whose path is short enough for every system (104 bytes with the file's name).
func (s *Server) openSocketFolder(who account) error {
	s.socket = filepath.Join(s.dir, "run")
	if len(s.socket)+len("/.s.PGSQL."+socketPort) > 100 {
		dir, err := tempFolder(who, tempRoots())
		if err != nil {
			return err
		}
		s.temporary = append(s.temporary, dir)
		s.socket = filepath.Join(dir, "run")
	}
	if err := os.RemoveAll(s.socket); err != nil {
		return err
	}
	return who.mkdir(s.socket, 0o770)
}

func (s *Server) run(ctx context.Context, bin, data string, who account, o Options) error {
	log, err := os.Create(filepath.Join(s.dir, "postgres.log"))
	if err != nil {
		return err
	}
	defer log.Close()

	args := []string{"-D", data}
	given := map[string]string{"unix_socket_directories": s.socket, "port": socketPort}
	layers := []map[string]string{settings, given, o.Settings}
	if o.Throwaway {
		layers = []map[string]string{settings, throwaway, given, o.Settings}
	}
	for _, layer := range layers {
		for name, value := range layer {
			args = append(args, "-c", name+"="+value)
		}
	}
	cmd := exec.Command(filepath.Join(bin, "postgres"), args...)
	cmd.Dir, cmd.Env = data, environment(data)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{s.lock}
	who.become(cmd)
	if s.process, err = child.Start(cmd, syscall.SIGQUIT); err != nil {
		return err
	}
	for {
		select {
		case <-s.process.Done():
			said := tail(log.Name())
			if strings.Contains(said, "incompatible with server") {
				said += "\nremove " + s.dir + " to begin anew, or set " + BinVariable + " to the programs that made it"
			}
			return fmt.Errorf("the server ended at once (%v): %s", s.process.Err(), said)
		case <-ctx.Done():
			return fmt.Errorf("the server is not ready: %w: %s", ctx.Err(), tail(log.Name()))
		case <-time.After(10 * time.Millisecond):
			if ready(data, s.process.Pid()) {
				return nil
			}
		}
	}
}

// ready reads the line of postmaster.pid in which the server tells its state.
func ready(data string, pid int) bool {
	b, _ := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	lines := strings.Split(string(b), "\n")
	return len(lines) > 7 && lines[0] == strconv.Itoa(pid) && strings.TrimSpace(lines[7]) == "ready"
}

// environment is small on purpose: PG… variables and locales of whoever starts us are not the server's.
func environment(home string) []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "LC_ALL=C", "TZ=UTC"}
}

func tail(file string) string {
	b, _ := os.ReadFile(file)
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-8):], "\n")
}

// sweep removes the throwaway folders of processes that were killed before they could.
func sweep() {
	for _, temp := range append(tempRoots(), memory) {
		found, _ := filepath.Glob(filepath.Join(temp, tempPrefix+"*", "lock"))
		for _, name := range found {
			dir := filepath.Dir(name)
			if made, err := os.Stat(name); err != nil || time.Since(made.ModTime()) < time.Minute || strings.HasPrefix(filepath.Base(dir), keptPrefix) {
				continue
			}
			f, err := os.OpenFile(name, os.O_RDWR, 0)
			if err != nil {
				continue
			}
			if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
				os.RemoveAll(dir)
			}
			f.Close()
		}
	}
}

func tempRoots() []string {
	roots := []string{os.TempDir()}
	if !slices.Contains(roots, "/tmp") {
		roots = append(roots, "/tmp")
	}
	return roots
}

func roomy(dir string) bool {
	var fs syscall.Statfs_t
	return syscall.Statfs(dir, &fs) == nil && uint64(fs.Bavail)*uint64(fs.Bsize) >= room
}
