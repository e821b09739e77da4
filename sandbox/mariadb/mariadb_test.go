package mariadb

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"testing"
	"time"
)

func start(t *testing.T) *Server {
	t.Helper()
	s, err := Start(t.Context())
	if errors.Is(err, ErrMissing) && os.Getenv("CI") != "true" {
		t.Skipf("SKIPPED: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Stop() })
	return s
}

func TestServer(t *testing.T) {
	s := start(t)
	db, err := sql.Open("mysql", s.DSN("root", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{`CREATE DATABASE core`, `CREATE TABLE core.t (a text)`, `INSERT INTO core.t VALUES ('Ω')`} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	var a, zone string
	if err := db.QueryRow(`SELECT a, @@global.time_zone FROM core.t`).Scan(&a, &zone); err != nil || a != "Ω" || zone != "+00:00" {
		t.Errorf("%q in %q, %v", a, zone, err)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	s.Stop()
	if err := db.Ping(); err == nil {
		t.Error("it still answers")
	}
	if _, err := os.Stat(s.dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("its folder is still there: %v", err)
	}
}

// TestServer_diesWithItsParent runs this test program again, which starts a server and is killed.
func TestServer_diesWithItsParent(t *testing.T) {
	const variable = "EXTRANET_TEST_MARIADB_PARENT"
	if os.Getenv(variable) != "" {
		s := start(t)
		os.Stdout.WriteString(s.dir + "\n")
		<-context.Background().Done()
	}
	if _, _, err := find(); err != nil && os.Getenv("CI") != "true" {
		t.Skipf("SKIPPED: %v", err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestServer_diesWithItsParent$")
	cmd.Env = append(os.Environ(), variable+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 200)
	n, err := out.Read(b)
	if err != nil || n < 2 {
		t.Fatalf("the parent said %q: %v", b[:n], err)
	}
	dir := string(b[:n-1])
	defer os.RemoveAll(dir)
	cmd.Process.Kill()
	cmd.Wait()
	for range 500 {
		f, err := os.OpenFile(dir+"/lock", os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		free := free(f)
		f.Close()
		if free {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("the server outlives the process that started it")
}
