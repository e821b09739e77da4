// Mutants takes out every tenant predicate of the portal's SQL, every check of a permission, a site limit and the host's own staff, and every
// entry in the audit, one at a time, and asks the tests that must notice. What survives is listed.
//
// Nothing is compiled twice: an overlay numbers each check, and the one that is off is chosen while the tests run. The working
// tree is not touched. First the isolation suite asks, with row security bypassed, only what reaches the check (TestMutants in
// mutants_test.go) and tells the stories; what it lets live is put to the tests of the check's own package. A right that is checked twice on one way
// is no survivor when the suite misses both together: that is shown, and counted apart.
//
//	go run ./sandbox/mutants [-only TEXT] [-jobs 2] [-dir DIR]
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

func main() {
	log.SetFlags(0)
	only := flag.String("only", "", "only those whose kind, place or text holds this")
	jobs := flag.Int("jobs", 2, "how many test processes at once")
	dir := flag.String("dir", "", "where the overlay, the binaries and results lie; an earlier run's results are gone on from")
	within := flag.Duration("for", 0, "stop after this long; with -dir the next run goes on from there")
	scan := flag.Bool("list", false, "list the mutants and run nothing")
	flag.Parse()
	if err := run(*only, *jobs, *dir, *within, *scan); err != nil {
		log.Fatal(err)
	}
}

func run(only string, jobs int, dir string, within time.Duration, list bool) error {
	if dir == "" {
		tmp, err := os.MkdirTemp("", "mutants")
		if err != nil {
			return err
		}
		defer os.RemoveAll(tmp)
		dir = tmp
	} else if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	s, err := scanAll(root)
	if err != nil {
		return err
	}
	var wanted []Mutant
	for _, m := range s.mutants {
		if strings.Contains(m.String(), only) {
			wanted = append(wanted, m)
		}
	}
	// Those in the SQL first: they are the fence itself.
	order := []string{"predicate", "join", "sites", "limit", "host", "read-only", "permission", "audit"}
	slices.SortStableFunc(wanted, func(a, b Mutant) int { return slices.Index(order, a.Kind) - slices.Index(order, b.Kind) })
	if list {
		for _, m := range wanted {
			fmt.Println(m)
		}
		fmt.Printf("%d mutants: %s\n", len(wanted), kinds(wanted))
		return nil
	}
	overlay, err := s.write(dir)
	if err != nil {
		return err
	}
	r := &runner{root: root, dir: dir, overlay: overlay, binaries: map[string]string{}}
	began := time.Now()

	known, err := recall(filepath.Join(dir, "results"))
	if err != nil {
		return err
	}
	defer known.Close()
	if within == 0 {
		within = 24 * time.Hour
	}

	// The isolation suite asks about all of them, each process about its share.
	var numbers []string
	for _, m := range wanted {
		if !known.asked(m) {
			numbers = append(numbers, strconv.Itoa(m.Number))
		}
	}
	if len(numbers) > 0 {
		suite, err := r.compile(".")
		if err != nil {
			return err
		}
		var wg sync.WaitGroup
		faults := make([]error, jobs)
		for j := range jobs {
			var share []string
			for i := j; i < len(numbers); i += jobs {
				share = append(share, numbers[i])
			}
			if len(share) == 0 {
				continue
			}
			wg.Go(func() {
				out, err := r.test(suite, ".", "TestMutants$", within+10*time.Minute, "MUTANTS="+strings.Join(share, " "), "MUTANTS_TABLE="+filepath.Join(dir, "table.json"), "MUTANTS_WITHIN="+within.String())
				for line := range strings.Lines(out) {
					word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
					n, by, _ := strings.Cut(rest, " ")
					number, bad := strconv.Atoi(n)
					switch {
					case bad != nil:
					case word == "CAUGHT":
						known.note(s.mutants[number-1], by)
					case word == "DOUBLED":
						known.note(s.mutants[number-1], "doubled: "+by)
					case word == "LIVES":
						known.note(s.mutants[number-1], "")
					case word == "FAULT":
						log.Printf("the database refuses %s: %s", s.mutants[number-1], by)
					}
				}
				if err != nil {
					faults[j] = fmt.Errorf("%w\n%s", err, tail(out, 4000))
				}
			})
		}
		wg.Wait()
		for _, err := range faults {
			if err != nil {
				return fmt.Errorf("the isolation suite: %w", err)
			}
		}
	}
	log.Printf("the isolation suite was asked about %d of %d and caught %d; %s", known.count(wanted, known.asked), len(wanted), known.count(wanted, known.caught), time.Since(began).Round(time.Second))

	// The rest are put to the tests of their own package, and to those that tell whole stories.
	queue := make(chan Mutant)
	var wg sync.WaitGroup
	for range jobs {
		wg.Go(func() {
			for m := range queue {
				by := r.ask(m)
				if by == "" {
					by = "-"
				}
				known.note(m, by)
				log.Printf("%s\n\tby %s", m, by)
			}
		})
	}
	for _, m := range wanted {
		if known.asked(m) && known.by(m) == "" && time.Since(began) < within {
			queue <- m
		}
	}
	close(queue)
	wg.Wait()

	fmt.Printf("%d mutants (%s): %d caught, of which %d by taking out the other check of the same right too; %d survive; %s\n", len(wanted), kinds(wanted), known.count(wanted, known.caught), known.count(wanted, known.doubled), known.count(wanted, known.survived), time.Since(began).Round(time.Second))
	var open int
	for _, m := range wanted {
		if known.survived(m) {
			fmt.Println("survives:", m)
		} else if !known.caught(m) {
			open++
		}
	}
	if open > 0 {
		return fmt.Errorf("%d were not asked about to the end: run it again with the same -dir", open)
	}
	if n := known.count(wanted, known.survived); n > 0 {
		return fmt.Errorf("%d checks can be taken out with no test noticing", n)
	}
	return nil
}

// results are what is known of the mutants, kept from run to run while the sources stay the same.
type results struct {
	mu   sync.Mutex
	file *os.File
	of   map[string]string // by what a mutant is: the test that caught it; "" = the isolation suite did not; "-" = none did
}

func recall(path string) (*results, error) {
	known := &results{of: map[string]string{}}
	b, err := os.ReadFile(path)
	if err == nil {
		for line := range strings.Lines(string(b)) {
			if key, by, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t"); ok {
				known.of[key] = by
			}
		}
	}
	known.file, err = os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	return known, err
}

func (k *results) Close() error { return k.file.Close() }

func (k *results) note(m Mutant, by string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.of[m.key()] = by
	fmt.Fprintf(k.file, "%s\t%s\n", m.key(), by)
}

func (k *results) by(m Mutant) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.of[m.key()]
}

func (k *results) asked(m Mutant) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, ok := k.of[m.key()]
	return ok
}

func (k *results) caught(m Mutant) bool   { by := k.by(m); return by != "" && by != "-" }
func (k *results) doubled(m Mutant) bool  { return strings.HasPrefix(k.by(m), "doubled: ") }
func (k *results) survived(m Mutant) bool { return k.by(m) == "-" }

func (k *results) count(all []Mutant, is func(Mutant) bool) (n int) {
	for _, m := range all {
		if is(m) {
			n++
		}
	}
	return n
}

func kinds(all []Mutant) string {
	n := map[string]int{}
	for _, m := range all {
		n[m.Kind]++
	}
	var parts []string
	for k, v := range n {
		parts = append(parts, fmt.Sprintf("%d %s", v, k))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

// A runner compiles each package's tests once, through the overlay.
type runner struct {
	root, dir, overlay string

	mu       sync.Mutex
	binaries map[string]string
	reach    map[string]map[int]bool
}

func (r *runner) compile(pkg string) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if b, ok := r.binaries[pkg]; ok {
		return b, nil
	}
	binary := filepath.Join(r.dir, strings.ReplaceAll(strings.TrimPrefix(pkg, "./"), "/", "_")+".test")
	cmd := exec.Command("go", "test", "-c", "-vet=off", "-ldflags=-w", "-tags", "sandbox mutants", "-gcflags=extranet/web=-l", "-gcflags=extranet/api=-l", "-overlay", r.overlay, "-o", binary, pkg)
	cmd.Dir = r.root
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("compiling the tests of %s: %w\n%s", pkg, err, out)
	}
	if _, err := os.Stat(binary); err != nil { // no tests
		binary = ""
	}
	r.binaries[pkg] = binary
	return binary, nil
}

func (r *runner) test(binary, pkg, match string, within time.Duration, env ...string) (string, error) {
	cmd := exec.Command(binary, "-test.run", match, "-test.failfast", "-test.timeout", within.String(), "-test.v")
	cmd.Dir = filepath.Join(r.root, pkg)
	cmd.Env = append(os.Environ(), env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// A question is a package's tests, those that match.
type question struct{ pkg, match string }

// questions are the tests that may notice the mutant, the narrowest first.
func questions(m Mutant) []question {
	own := "./" + filepath.Dir(m.Where)
	list := []question{{own, "."}, {".", "TestIsolation_|TestIncident|TestWalk|TestAccess"}}
	if strings.HasPrefix(own, "./portal") && own != "./portal/partners" {
		list = append(list, question{"./portal/partners", "."})
	}
	return append(list, question{"./auth", "."}, question{"./jobs", "TestOut|TestPass|TestSync|TestMail|TestCommands|TestFollow$"})
}

// ask returns which tests noticed the mutant; "" = none.
func (r *runner) ask(m Mutant) string {
	for _, q := range questions(m) {
		binary, err := r.compile(q.pkg)
		if err != nil {
			log.Print(err)
			continue
		}
		if binary == "" || !r.reached(binary, q)[m.Number] {
			continue
		}
		out, err := r.test(binary, q.pkg, q.match, 4*time.Minute, "MUTANT="+strconv.Itoa(m.Number))
		if err != nil {
			return q.pkg + " " + failed(out)
		}
	}
	return ""
}

// reached are the mutants that the tests pass by at all.
func (r *runner) reached(binary string, q question) map[int]bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := q.pkg + " " + q.match
	if set, ok := r.reach[key]; ok {
		return set
	}
	file := filepath.Join(r.dir, "reached")
	os.Remove(file)
	out, err := r.test(binary, q.pkg, q.match, 10*time.Minute, "MUTANTS_REACHED="+file)
	if err != nil {
		log.Printf("the tests of %s are red without a mutant: %v\n%s", key, err, tail(out, 3000))
	}
	set := map[int]bool{}
	b, _ := os.ReadFile(file)
	for _, n := range strings.Fields(string(b)) {
		if number, err := strconv.Atoi(n); err == nil {
			set[number] = true
		}
	}
	if r.reach == nil {
		r.reach = map[string]map[int]bool{}
	}
	r.reach[key] = set
	return set
}

// failed names the first test that failed.
func failed(out string) string {
	for line := range strings.Lines(out) {
		if i := strings.Index(line, "--- FAIL: "); i >= 0 {
			name, _, _ := strings.Cut(line[i+len("--- FAIL: "):], " ")
			return name
		}
	}
	return "(" + tail(strings.TrimSpace(out), 120) + ")"
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

// write puts the changed sources, the overlay that names them and the table of mutants into dir.
func (s *scanner) write(dir string) (overlay string, err error) {
	replace := map[string]string{}
	for path, source := range s.sources {
		to := filepath.Join(dir, "source", strings.ReplaceAll(strings.TrimPrefix(path, s.root+"/"), "/", "__"))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return "", err
		}
		if old, err := os.ReadFile(to); err != nil || !bytes.Equal(old, source) {
			if err := os.WriteFile(to, source, 0o644); err != nil {
				return "", err
			}
		}
		replace[path] = to
	}
	table, err := json.MarshalIndent(s.mutants, "", "  ")
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "table.json"), table, 0o644); err != nil {
		return "", err
	}
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay = filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, b, 0o644)
}
