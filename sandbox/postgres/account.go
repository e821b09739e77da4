package postgres

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// An account is who the server runs as: ourselves, or for root an ordinary user, since Postgres refuses root.
type account struct {
	name     string
	uid, gid int
	drop     bool
}

func chooseAccount() (account, error) {
	if os.Getuid() != 0 {
		return account{name: "this user", uid: os.Getuid(), gid: os.Getgid()}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, _ := strconv.Atoi(u.Uid)
			gid, _ := strconv.Atoi(u.Gid)
			return account{name: name, uid: uid, gid: gid, drop: true}, nil
		}
	}
	return account{}, errors.New("postgres does not run as root, and there is neither a user postgres nor a user nobody to run it as")
}

// owning is the account that owns the data of an earlier start, which the server insists on.
func (a account) owning(data string) (account, error) {
	fi, err := os.Stat(data)
	if errors.Is(err, fs.ErrNotExist) {
		return a, nil
	}
	if err != nil {
		return a, err
	}
	owner := fi.Sys().(*syscall.Stat_t)
	switch {
	case int(owner.Uid) == a.uid:
		return a, nil
	case a.drop && owner.Uid != 0:
		return account{name: fmt.Sprintf("user %d", owner.Uid), uid: int(owner.Uid), gid: int(owner.Gid), drop: true}, nil
	}
	return a, fmt.Errorf("%s belongs to user %d, and %s may not use it: remove it or choose another folder", data, owner.Uid, a.name)
}

// become makes cmd run as the account.
func (a account) become(cmd *exec.Cmd) {
	if a.drop {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}}
	}
}

// mkdir makes a folder that belongs to the account and, as far as mode gives the group anything, to us.
func (a account) mkdir(dir string, mode fs.FileMode) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	if a.drop {
		if err := os.Chown(dir, a.uid, os.Getgid()); err != nil {
			return err
		}
	}
	return os.Chmod(dir, mode)
}

// reaches reports whether the account may pass through every folder down to dir.
func (a account) reaches(dir string) bool {
	if !a.drop {
		return true
	}
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return false
	}
	for ; ; dir = filepath.Dir(dir) {
		fi, err := os.Stat(dir)
		if err != nil {
			return false
		}
		owner := fi.Sys().(*syscall.Stat_t)
		pass := fs.FileMode(0o001)
		switch {
		case int(owner.Uid) == a.uid:
			pass = 0o100
		case int(owner.Gid) == a.gid:
			pass = 0o010
		}
		if fi.Mode().Perm()&pass == 0 {
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
	}
}

const keptPrefix = tempPrefix + "kept-"

// place returns the folder for the data that belongs to dir: dir itself, or one in the temporary folder where the account cannot reach dir.
func place(dir string, who account) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	if who.reaches(dir) {
		return dir, nil
	}
	return shared(who, fmt.Sprintf("%s%x", keptPrefix, sha256.Sum256([]byte(dir)))[:len(keptPrefix)+16])
}

// shared returns the folder of that name in the temporary folder and makes it when it is missing. One that somebody else has put there is refused.
func shared(who account, name string) (string, error) {
	for _, temp := range tempRoots() {
		if !who.reaches(temp) {
			continue
		}
		dir := filepath.Join(temp, name)
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return "", err
		}
		fi, err := os.Lstat(dir)
		if err != nil {
			return "", err
		}
		if !fi.IsDir() || int(fi.Sys().(*syscall.Stat_t).Uid) != os.Getuid() {
			return "", fmt.Errorf("%s belongs to somebody else", dir)
		}
		return dir, os.Chmod(dir, 0o755)
	}
	return "", fmt.Errorf("the user %s, as whom postgres runs for root, can reach no temporary folder", who.name)
}

// tempFolder makes a new folder in the first of the temporary folders that the account can reach.
func tempFolder(who account, roots []string) (string, error) {
	for _, temp := range roots {
		if !who.reaches(temp) {
			continue
		}
		dir, err := os.MkdirTemp(temp, tempPrefix)
		if err != nil {
			return "", err
		}
		return dir, os.Chmod(dir, 0o711)
	}
	return "", fmt.Errorf("the user %s, as whom postgres runs for root, can reach no temporary folder", who.name)
}
