package portal_test

import (
	"slices"
	"testing"
	"time"

	"extranet/portal"
	"extranet/portal/portaltest"
)

// TestSubscription_Since: who subscribes a moment after they looked hears what happened in between, of theirs alone; longer ago, that anything may have.
func TestSubscription_Since(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	watch := p.Subscribe(portaltest.Acme)
	defer watch.Close()
	looked := time.Now()
	must(t, p.AsWorker(t.Context(), "test", func(tx *portal.Tx) error {
		tx.Changed("orders", portaltest.Acme)
		tx.Changed("claims", portaltest.Brock)
		return nil
	}))
	<-watch.C // it is heard of
	hears := func(partner int64, since time.Time) []string {
		s := p.Subscribe(partner)
		defer s.Close()
		s.Since(since)
		return s.Nouns()
	}
	for what, c := range map[string]struct {
		partner int64
		since   time.Time
		want    []string
	}{
		"its own":          {portaltest.Acme, looked, []string{"orders"}},
		"another's":        {portaltest.Brock, looked, []string{"claims"}},
		"nobody's":         {portaltest.Cord, looked, nil},
		"after it":         {portaltest.Acme, time.Now(), nil},
		"an hour ago":      {portaltest.Acme, looked.Add(-time.Hour), []string{""}},
		"of another's, so": {portaltest.Cord, looked.Add(-time.Hour), []string{""}},
	} {
		if got := hears(c.partner, c.since); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", what, got, c.want)
		}
	}
}
