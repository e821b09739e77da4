package host_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"extranet/portal"
	"extranet/portal/host"
	"extranet/portal/partners"
	"extranet/portal/portaltest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wants(t *testing.T, what string, err error, kind portal.Kind, words string) {
	t.Helper()
	if err == nil || portal.Says(err).Kind != kind || !strings.Contains(err.Error()+portal.Says(err).Msg, words) {
		t.Errorf("%s: %v, want kind %d that says %q", what, err, kind, words)
	}
}

func member(t *testing.T, p *portaltest.Portal, partner int64, name, kind string) portal.Caller {
	t.Helper()
	var id uuid.UUID
	must(t, p.AtTheDoor(t.Context(), func(tx *portal.Tx) (err error) {
		id, err = partners.Enrol(t.Context(), tx, partners.Enrolment{Issuer: "https://id.example", Subject: name, Name: name, Email: name + "@x.example", PartnerID: partner, Roles: []string{"viewer"}})
		return err
	}))
	by := portaltest.As(partner)
	by.PersonID, by.Name, by.PartnerKind = id, name, kind
	return by
}

func staff() portal.Caller {
	by := portaltest.As(portaltest.Host)
	by.Host, by.Perms = true, portal.Allow(portal.NewsManage)
	return by
}

// TestAnnouncements: those it is for are told, from its time to its end, and the host sees who has read.
func TestAnnouncements(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	ctx, b, ada := t.Context(), host.NewBoard(p.DB), staff()
	p.Arrange(t, `INSERT INTO programmes (name, title, modules, changed_by, changed_at) VALUES ('gold', 'Gold', '{orders}', 'x', now())`)
	kim, cor := member(t, p, portaltest.Acme, "kim", "dealer"), member(t, p, portaltest.Cord, "cor", "supplier")
	golden := kim
	golden.Programmes = []string{"gold"}
	announce := func(by portal.Caller, a host.Announcement) (made host.Announcement, err error) {
		err = p.AcrossPartners(ctx, by, portal.NewsManage, func(tx *portal.Tx) (err error) { made, err = host.Announce(ctx, tx, a); return err })
		return made, err
	}
	told := func(by portal.Caller) (titles string) {
		must(t, p.Do(ctx, by, func(tx *portal.Tx) error {
			list, err := b.Told(ctx, tx)
			for _, a := range list {
				titles += a.Title + " "
				if a.ReadAt != nil {
					titles += "(read) "
				}
			}
			return err
		}))
		return strings.TrimSpace(titles)
	}
	now := p.DB.Now()
	later := now.Add(48 * time.Hour)
	for field, a := range map[string]host.Announcement{"title": {Kind: "news", Words: "words", To: later}, "kind": {Kind: "x", Title: "Title", Words: "words", To: later}, "to": {Kind: "news", Title: "Title", Words: "words", To: now},
		"side": {Kind: "news", Title: "Title", Words: "words", To: later, Side: "host"}, "programmes": {Kind: "news", Title: "Title", Words: "words", To: later, Programmes: []string{"silver"}}} {
		if _, err := announce(ada, a); err == nil || portal.Says(err).Fields[field] == "" {
			t.Errorf("a wrong %s: %v", field, err)
		}
	}
	if _, err := announce(kim, host.Announcement{Kind: "news", Title: "Mine", Words: "words", To: later}); err == nil || portal.Says(err).Kind != portal.Forbidden {
		t.Errorf("a partner announces: %v", err)
	}
	for _, a := range []host.Announcement{{Title: "All"}, {Title: "Dealers", Side: "dealer"}, {Title: "Gold", Programmes: []string{"gold"}}, {Title: "Tomorrow", From: now.Add(24 * time.Hour)}} {
		a.Kind, a.Words, a.To = "news", "words", later
		_, err := announce(ada, a)
		must(t, err)
	}
	works, err := announce(ada, host.Announcement{Kind: "maintenance", Title: "Works", Words: "words", Side: "supplier", To: later})
	must(t, err)
	for _, c := range []struct {
		who  string
		by   portal.Caller
		want []string
	}{{"a dealer", kim, []string{"All", "Dealers"}}, {"a dealer of gold", golden, []string{"All", "Dealers", "Gold"}}, {"a supplier", cor, []string{"All", "Works"}}} {
		got := strings.Fields(told(c.by))
		if len(got) != len(c.want) {
			t.Errorf("%s is told %v, want %v", c.who, got, c.want)
		}
		for _, w := range c.want {
			if !strings.Contains(told(c.by), w) {
				t.Errorf("%s is told %v, want %s", c.who, got, w)
			}
		}
	}
	h, err := b.All(ctx)
	must(t, err)
	if len(h.Maintenance(cor, now)) != 1 || len(h.Maintenance(kim, now)) != 0 || len(h.Maintenance(portal.Caller{}, now)) != 0 {
		t.Error("works for suppliers are not told to suppliers alone")
	}
	read := func(by portal.Caller) error {
		return p.Do(ctx, by, func(tx *portal.Tx) error { return b.Read(ctx, tx, works.ID) })
	}
	must(t, read(cor))
	must(t, read(cor))
	wants(t, "reading what is for others", read(kim), portal.NotFound, "no such")
	looks, token := cor, cor
	looks.Viewing, token.PersonID = true, uuid.Nil
	wants(t, "who looks as the partner", read(looks), portal.Forbidden, "partner's own")
	wants(t, "a token", read(token), portal.Forbidden, "person")
	must(t, p.AcrossPartners(ctx, ada, portal.NewsManage, func(tx *portal.Tx) error {
		list, next, err := host.Readers(ctx, tx, works.ID, "")
		if len(list) != 1 || list[0].Name != "cor" || next != "" {
			t.Errorf("readers %v %q", list, next)
		}
		if err != nil {
			return err
		}
		return host.Withdraw(ctx, tx, works.ID)
	}))
	if got := told(cor); got != "All" {
		t.Errorf("after it was withdrawn a supplier is told %q", got)
	}
	p.Pass(25 * time.Hour)
	if got := told(cor); !strings.Contains(got, "Tomorrow") {
		t.Errorf("a day later a supplier is told %q", got)
	}
	p.Pass(24 * time.Hour)
	if got := told(kim); got != "" {
		t.Errorf("after its end a dealer is told %q", got)
	}
}

// TestTerms: from their time on everybody they are for is held until they have accepted; a partner's tokens until anybody of it has.
func TestTerms(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	ctx, b, ada := t.Context(), host.NewBoard(p.DB), staff()
	kim, lou, cor := member(t, p, portaltest.Acme, "kim", "dealer"), member(t, p, portaltest.Acme, "lou", "dealer"), member(t, p, portaltest.Cord, "cor", "supplier")
	token, other, looks := kim, portaltest.As(portaltest.Brock), ada
	token.PersonID, other.PersonID, other.PartnerKind = uuid.Nil, uuid.Nil, "dealer"
	looks.Host, looks.Viewing, looks.PartnerID, looks.PartnerKind = false, true, portaltest.Acme, "dealer"
	publish := func(terms host.Terms) (v int64) {
		must(t, p.AcrossPartners(ctx, ada, portal.NewsManage, func(tx *portal.Tx) error {
			made, err := host.Publish(ctx, tx, terms)
			v = made.Version
			return err
		}))
		return v
	}
	accept := func(by portal.Caller, v int64) error {
		return p.Do(ctx, by, func(tx *portal.Tx) error { return b.Accept(ctx, tx, v) })
	}
	held := func(when string, want map[string]bool) {
		t.Helper()
		for who, by := range map[string]portal.Caller{"kim": kim, "lou": lou, "cor": cor, "token": token, "other": other, "staff": ada, "looks": looks} {
			if err := b.Held(ctx, by); (err != nil) != want[who] {
				t.Errorf("%s: %s is held: %v, want %v", when, who, err, want[who])
			} else if err != nil {
				wants(t, who, err, portal.Forbidden, "accept")
			}
		}
	}
	held("without terms", nil)
	first := publish(host.Terms{Title: "First", Words: "Be fair.", Side: "dealer", InForce: p.DB.Now().Add(24 * time.Hour)})
	held("before they are in force", nil)
	must(t, accept(kim, first)) // ahead
	p.Pass(25 * time.Hour)
	held("in force", map[string]bool{"lou": true, "other": true})
	wants(t, "terms for others", accept(cor, first), portal.NotFound, "no such")
	wants(t, "a token", accept(token, first), portal.Forbidden, "token")
	wants(t, "who looks as the partner", accept(looks, first), portal.NotFound, "no such")
	wants(t, "a version that never was", accept(lou, first+50), portal.NotFound, "no such")
	must(t, accept(lou, first))
	must(t, accept(lou, first))
	held("after both accepted", map[string]bool{"other": true})
	second := publish(host.Terms{Title: "Second", Words: "Be fairer."})
	held("the next version", map[string]bool{"kim": true, "lou": true, "cor": true, "token": true, "other": true})
	wants(t, "a version that is over", accept(kim, first), portal.NotFound, "no such")
	must(t, accept(lou, second))
	held("after one accepted", map[string]bool{"kim": true, "cor": true, "other": true})
	must(t, p.AcrossPartners(ctx, ada, portal.NewsManage, func(tx *portal.Tx) error {
		list, _, err := host.Acceptances(ctx, tx, first, "")
		if len(list) != 2 || list[0].Name != "kim" || list[1].Name != "lou" {
			t.Errorf("accepted by %v", list)
		}
		return err
	}))
	var acts int
	must(t, p.Owner.QueryRow(`SELECT count(*) FROM audit WHERE partner_id = $1 AND action = 'terms.accept'`, portaltest.Acme).Scan(&acts))
	if acts != 3 {
		t.Errorf("%d acts of accepting in the partner's audit, want 3", acts)
	}
}

// TestBranding: a colour in which text cannot be read is refused, with one that would do; what is made of a good one can be read.
func TestBranding(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	ctx, b, ada := t.Context(), host.NewBoard(p.DB), staff()
	set := func(x host.Branding) error {
		return p.AcrossPartners(ctx, ada, portal.NewsManage, func(tx *portal.Tx) error { return host.SetBranding(ctx, tx, x) })
	}
	if got := host.Contrast("#000000", "#ffffff"); got != 21 {
		t.Errorf("black on white %v, want 21", got)
	}
	err := set(host.Branding{Colour: "#ffcc00"})
	wants(t, "yellow", err, portal.Invalid, "look")
	words := portal.Says(err).Fields["colour"]
	_, after, _ := strings.Cut(words, "; ")
	must(t, set(host.Branding{Colour: strings.Fields(after)[0]}))
	for field, x := range map[string]host.Branding{"colour": {Colour: "red"}, "email": {Email: "nobody"}, "name": {Name: strings.Repeat("x", 101)}, "contact": {Contact: "a\nb"}} {
		if err := set(x); err == nil || portal.Says(err).Fields[field] == "" {
			t.Errorf("a wrong %s: %v", field, err)
		}
	}
	must(t, set(host.Branding{Name: "Tyres", Colour: "#123456", Contact: "Dana", Email: "help@tyres.example"}))
	h, err := b.All(context.WithoutCancel(ctx))
	must(t, err)
	if h.Branding.Name != "Tyres" || host.Contrast(h.Branding.OnDark(), "#282f3a") < host.Readable || host.Contrast(h.Branding.Pressed(), "#ffffff") < host.Readable {
		t.Errorf("looks like %+v, on dark %s", h.Branding, h.Branding.OnDark())
	}
}
