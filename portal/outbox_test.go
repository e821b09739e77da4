package portal_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"extranet/portal"
	"extranet/portal/portaltest"
)

func outgoing(t *testing.T, p *portaltest.Portal, partner int64, document string) (list []portal.Posted) {
	t.Helper()
	err := p.Do(t.Context(), portaltest.As(partner), func(tx *portal.Tx) (err error) {
		list, err = portal.Outgoing(t.Context(), tx, document)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestPost(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	post := func(by portal.Caller, c portal.Command, end error) error {
		return p.Do(t.Context(), by, func(tx *portal.Tx) error {
			_, err := tx.Post(t.Context(), c)
			return errors.Join(err, end)
		})
	}
	// What was undone is not sent.
	if err := post(portaltest.As(portaltest.Acme), portal.Command{Name: "place_order", Document: "orders/1"}, errors.New("undone")); err == nil {
		t.Fatal("no error")
	}
	if list := outgoing(t, p, portaltest.Acme, "orders/1"); len(list) != 0 {
		t.Errorf("an undone decision is on its way: %v", list)
	}
	// Decisions on one document, made at once, stand one behind the other.
	news := p.SubscribeSignals(0)
	defer news.Close()
	dealers := p.Subscribe(portaltest.Acme)
	defer dealers.Close()
	var all sync.WaitGroup
	for i := range 10 {
		all.Go(func() {
			if err := post(portaltest.As(portaltest.Acme), portal.Command{Name: "place_order", Document: "orders/1", Values: map[string]string{"n": fmt.Sprint(i)}}, nil); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	list := outgoing(t, p, portaltest.Acme, "orders/1")
	if len(list) != 10 {
		t.Fatalf("%d commands, want 10", len(list))
	}
	for _, c := range list {
		if c.State != portal.CommandNotCarried {
			t.Errorf("state %q of a command that no mapping carries", c.State)
		}
	}
	if <-news.C; fmt.Sprint(news.Nouns()) != "[outbox]" {
		t.Error("the worker was not told")
	}
	select {
	case <-dealers.C:
		t.Errorf("a dealer hears the host's signals: %v", dealers.Nouns())
	default:
	}
	// Another partner neither sees nor sends it.
	if list := outgoing(t, p, portaltest.Brock, "orders/1"); len(list) != 0 {
		t.Errorf("Brock sees Acme's commands: %v", list)
	}
	err := p.Do(t.Context(), portaltest.As(portaltest.Brock), func(tx *portal.Tx) error {
		_, err := tx.PostFor(t.Context(), portaltest.Acme, portal.Command{Name: "place_order", Document: "orders/1"})
		return err
	})
	if err == nil {
		t.Error("Brock posts a command of Acme's")
	}
	if _, err := p.Owner.Exec(`INSERT INTO carried_commands VALUES ('place_order', 'core', true)`); err != nil {
		t.Fatal(err)
	}
	if list := outgoing(t, p, portaltest.Acme, "orders/1"); list[0].State != portal.CommandWaiting {
		t.Errorf("state %q of a command that the mapping carries", list[0].State)
	}
}
