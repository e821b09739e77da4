package portal_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"extranet/portal"
	"extranet/portal/portaltest"
)

// TestOnce asks twenty times at once for the same thing: it is done once, and all are answered alike.
func TestOnce(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	ctx := t.Context()
	var ran, repeated atomic.Int64
	ask := func(by portal.Caller, key, request string) (string, error) {
		var answer []byte
		err := p.Do(ctx, by, func(tx *portal.Tx) error {
			var again bool
			var err error
			answer, again, err = tx.Once(ctx, key, []byte(request), func() ([]byte, error) {
				ran.Add(1)
				return []byte("done " + request), tx.Audit(ctx, "test", request, nil)
			})
			if again {
				repeated.Add(1)
			}
			return err
		})
		return string(answer), err
	}
	acme := portaltest.As(portaltest.Acme)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if a, err := ask(acme, "key-0001", "a"); err != nil || a != "done a" {
				t.Errorf("%q, %v", a, err)
			}
		})
	}
	all.Wait()
	var audited int
	if err := p.Owner.QueryRow(`SELECT count(*) FROM audit WHERE action = 'test'`).Scan(&audited); err != nil || audited != 1 || repeated.Load() != 19 {
		t.Errorf("done %d times, repeated %d times, %v", audited, repeated.Load(), err)
	}
	if _, err := ask(acme, "key-0001", "b"); portal.Says(err).Kind != portal.Invalid {
		t.Errorf("a key serves two requests: %v", err)
	}
	if _, err := ask(acme, "short", "b"); portal.Says(err).Kind != portal.Invalid {
		t.Errorf("a short key is taken: %v", err)
	}
	if a, err := ask(portaltest.As(portaltest.Brock), "key-0001", "b"); err != nil || a != "done b" {
		t.Errorf("another partner's key is not another key: %q, %v", a, err)
	}
	other := acme
	other.Name = "another token"
	if a, err := ask(other, "key-0001", "c"); err != nil || a != "done c" {
		t.Errorf("another caller's key is not another key: %q, %v", a, err)
	}
	// What failed may be tried again under its key.
	err := p.Do(ctx, acme, func(tx *portal.Tx) error {
		_, _, err := tx.Once(ctx, "key-0002", nil, func() ([]byte, error) { return nil, portal.Errorf(portal.Conflict, "no") })
		return err
	})
	if a, err2 := ask(acme, "key-0002", "d"); portal.Says(err).Kind != portal.Conflict || err2 != nil || a != "done d" {
		t.Errorf("%v, then %q, %v", err, a, err2)
	}
}
